"""What a tar file holds, told from its headers alone: 512 bytes a member are read, and nothing is unpacked or kept.

Python's `tarfile` keeps a record of every member and reads headers of any length; a shard of a million pictures and a
hostile one need neither. Read are ustar, GNU and PAX headers (POSIX.1-2017, pax, "ustar Interchange Format"); the first
of them is taken apart by `tarfile`, which also checks its sum.
"""

import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass

from skinseg_edge.errors import InputError
from skinseg_runtime.batch.sources.stores import Opened

__all__ = ["Member", "members"]

_BLOCK = tarfile.BLOCKSIZE
_LONGEST_HEADER = 1024 * 1024
# What comes after the end: tar pads to its record, 20 blocks unless told otherwise, and some to a megabyte.
_MOST_PADDING = 1024 * 1024
_COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
}
_NAMES, _LINKS = tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK
_OWN, _GLOBAL = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE), tarfile.XGLTYPE


@dataclass(frozen=True)
class Member:
    """A member of a tar file: *name* as it stands there, which may be hostile; *offset* and *size* of its bytes.

    *is_file*: False for folders, links, devices and the like, whose bytes mean nothing.
    """

    name: str
    offset: int
    size: int
    is_file: bool


def members(tar: Opened, what: str) -> Iterator[Member]:
    """List a tar file's members in their order; *what*: what messages call it.

    Raises InputError if it is compressed, damaged, cut off, has a header of more than a megabyte or a sparse member.
    """
    position, extra = 0, _Extra()
    while (block := _read(tar, position, _BLOCK, what)) != bytes(_BLOCK):
        header = _header(block, position, what)
        start = position + _BLOCK
        if header.type in (_NAMES, _LINKS, *_OWN, _GLOBAL):
            extra = _with_header(extra, header, _long_header(tar, header, start, what), what)
            position = start + _padded(header.size)
            continue
        size = header.size if extra.size is None or not header.isreg() else extra.size
        is_stored = header.isreg() or header.type not in tarfile.SUPPORTED_TYPES  # links may tell a size, and have none
        position = start + (_padded(size) if is_stored else 0)
        if start + (size if is_stored else 0) > tar.size:
            raise _cut_off(what, f"{header.name!r} at byte {start} should have {size} bytes more")
        yield Member(extra.name or header.name, start, size, header.isreg())
        extra = _Extra()
    _check_end(tar, position, what)


@dataclass(frozen=True)
class _Extra:
    """What headers before a member say of it."""

    name: str | None = None
    size: int | None = None


def _read(tar: Opened, position: int, size: int, what: str) -> bytes:
    tar.file.seek(position)
    data = tar.file.read(size)
    if len(data) < size:
        raise _cut_off(what, f"it has {tar.size} bytes, and a header or the end should follow at byte {position}")
    return data


def _header(block: bytes, position: int, what: str) -> tarfile.TarInfo:
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        kind = next((name for start, name in _COMPRESSED.items() if position == 0 and block.startswith(start)), None)
        if kind:
            raise InputError(
                f"cannot read {what}: it is compressed with {kind}, expected a plain tar, in which each picture can be "
                "reached; unpack it, pictures do not get smaller"
            ) from error
        raise InputError(
            f"cannot read {what}: byte {position} begins no tar header ({error}), so it is damaged; make it again"
        ) from error
    if header.size < 0:
        raise InputError(
            f"cannot read {what}: its header at byte {position} tells a size of {header.size}; make it again"
        )
    if header.type == tarfile.GNUTYPE_SPARSE:
        raise _sparse(what, header.name)
    return header


def _long_header(tar: Opened, header: tarfile.TarInfo, start: int, what: str) -> bytes:
    if header.size > _LONGEST_HEADER:
        raise InputError(
            f"cannot read {what}: a header at byte {start} has {header.size:,} bytes, expected at most "
            f"{_LONGEST_HEADER:,}; make it again"
        )
    return _read(tar, start, header.size, what)


def _with_header(extra: _Extra, header: tarfile.TarInfo, data: bytes, what: str) -> _Extra:
    if header.type == _NAMES:
        return _Extra(os.fsdecode(data.split(b"\0")[0]), extra.size)
    if header.type not in _OWN:
        return extra
    records = _pax_records(data, what)
    if any(key.startswith(b"GNU.sparse.") for key in records):
        raise _sparse(what, header.name)
    name, size = records.get(b"path"), records.get(b"size")
    if size is not None and not size.isdigit():
        raise InputError(f"cannot read {what}: a header tells the size {size[:40]!r}, expected a number; make it again")
    return _Extra(
        extra.name if name is None else name.decode("utf-8", "surrogateescape"),
        extra.size if size is None else int(size[:30]),
    )


def _pax_records(data: bytes, what: str) -> dict[bytes, bytes]:
    """Take apart records of the form "LENGTH KEY=VALUE" and a line end; the length counts all of it."""
    records: dict[bytes, bytes] = {}
    position = 0
    while position < len(data) and data[position]:
        digits = data[position : position + 8].partition(b" ")[0]
        end = position + (int(digits) if digits.isdigit() else 0)
        key, equals, value = data[position + len(digits) + 1 : end - 1].partition(b"=")
        if not equals or data[end - 1 : end] != b"\n":
            raise InputError(f"cannot read {what}: a PAX header has no record at byte {position} of it; make it again")
        records[key] = value
        position = end
    return records


def _check_end(tar: Opened, position: int, what: str) -> None:
    tar.file.seek(position)
    if tar.size - position > _MOST_PADDING or any(tar.file.read(_MOST_PADDING)):
        raise InputError(
            f"cannot read {what}: {tar.size - position:,} bytes follow after its end at byte {position}, as where two "
            "tar files were joined; give each of them"
        )


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _cut_off(what: str, why: str) -> InputError:
    return InputError(f"cannot read {what}: it is cut off ({why}); copy or make it again")


def _sparse(what: str, name: str) -> InputError:
    return InputError(f"cannot read {what}: {name!r} is stored with holes; make the tar without --sparse")
