"""One picture of an archive: what it is called, and where its bytes are.

An item is small and can be sent to another process or machine; the bytes are read there, by `read_items`.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

__all__ = ["BatchSource", "FilePlace", "Item", "ParquetPlace", "Place", "TarPlace", "safe_name"]

# With a suffix such as .mask.png a part of a name must fit the 255 bytes that file systems give, the whole their 4096.
_LONGEST_PART, _LONGEST_NAME = 200, 2_000
_DIGEST = 32  # hexadecimal digits: 128 bits, so nobody finds two names that are shortened to the same
_DRIVE = re.compile(r"^[A-Za-z]:")


@dataclass(frozen=True)
class FilePlace:
    """A whole file; *url*: an absolute path of this machine, or an address that fsspec knows."""

    url: str


@dataclass(frozen=True)
class TarPlace:
    """Bytes *offset* to *offset* + *size* of the tar file *url*, as in `FilePlace`."""

    url: str
    offset: int
    size: int


@dataclass(frozen=True)
class ParquetPlace:
    """A cell of the Parquet file *url*, as in `FilePlace`; *row* counts from 0 within *row_group*."""

    url: str
    row_group: int
    row: int
    column: str


Place = FilePlace | TarPlace | ParquetPlace


@dataclass(frozen=True)
class Item:
    """A picture; *name*: see `safe_name`, unique in its source and the same at each listing; *place*: its bytes."""

    name: str
    place: Place


class BatchSource(Protocol):
    """Pictures to segment, from `source_from_text`."""

    @property
    def text(self) -> str:
        """What the user named it, without user, password or query: fit for messages and files."""
        ...

    def items(self) -> Iterator[Item]:
        """List the pictures lazily, in an order that is the same each time.

        Raises FileMissing if there are none, InputError if the source cannot be read or two would share a name.
        """
        ...

    def count(self) -> int | None:
        """Return how many there are, None where only reading everything would tell; raises what `items` raises."""
        ...


def safe_name(text: str) -> str:
    r"""Return what a picture is called from what an archive calls it, which may be hostile.

    Whatever comes in, the result is text that UTF-8 can hold, not empty, of "/"-separated parts; no part is empty,
    "." or "..", begins with a drive letter, holds a backslash or a control character or is longer than 200 bytes, and
    the whole is at most 2,000 bytes long: it can be joined to a folder. Ordinary names stay as they are.

    >>> safe_name("./visit-2/mole.jpg"), safe_name("../../etc/x.jpg"), safe_name("/a\n.png")
    ('visit-2/mole.jpg', '%2E%2E/%2E%2E/etc/x.jpg', 'a%0A.png')
    """
    parts = [_safe_part(part) for part in text.split("/") if part not in ("", ".")]
    return _shortened("/".join(parts), _LONGEST_NAME) or "%2E"


def _safe_part(part: str) -> str:
    if part == "..":
        return "%2E%2E"
    part = "".join(_escaped(letter) for letter in part)
    if _DRIVE.match(part):
        part = f"{part[0]}%3A{part[2:]}"
    return _shortened(part, _LONGEST_PART)


def _escaped(letter: str) -> str:
    """Escape what no file system, terminal or UTF-8 file should get; a surrogate is a byte that was no UTF-8."""
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:
        return f"%{code - 0xDC00:02X}"
    if code < 32 or code == 127 or letter == "\\":
        return f"%{code:02X}"
    return f"%u{code:04X}" if 0xD800 <= code <= 0xDFFF or 0x80 <= code < 0xA0 else letter


def _shortened(text: str, longest: int) -> str:
    data = text.encode()
    if len(data) <= longest:
        return text
    digest = hashlib.sha256(data).hexdigest()[:_DIGEST]
    folder, slash, last = _cut(data, longest - _DIGEST - 1).rstrip("/").rpartition("/")
    return f"{folder}{slash}{_cut(last.encode(), _LONGEST_PART - _DIGEST - 1)}~{digest}"


def _cut(data: bytes, longest: int) -> str:
    return data[:longest].decode(errors="ignore")
