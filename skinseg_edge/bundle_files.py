"""The files in a bundle's folder, held against their records before a byte of them is used.

Links are never followed and only regular files are opened, so a bundle can neither reach outside its folder nor make a
reader wait for ever on a pipe.
"""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from skinseg_edge.errors import BundleUnusable, FileMissing, IntegrityFailed
from skinseg_edge.manifest_parts import ENGINES_FOLDER, MANIFEST_NAME, SIGNATURE_NAME, FileRecord

__all__ = ["FileComparison", "compare_files", "listed_names", "read_small", "read_verified"]

_CHUNK = 1 << 20
_NAMES_SHOWN = 5


@dataclass(frozen=True)
class FileComparison:
    """How a folder differs from its records, as sorted relative posix paths.

    *missing*: listed, not there. *changed*: there with other bytes, or not a regular file. *unlisted*: there, not
    listed; links are among them.
    """

    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether the folder holds exactly what its records say."""
        return not (self.missing or self.changed or self.unlisted)

    def check(self, bundle: str) -> None:
        """Check that nothing differs.

        Raises IntegrityFailed naming what is missing, changed and unlisted if not is_clean.
        """
        if self.is_clean:
            return
        groups = (("missing", self.missing), ("changed", self.changed), ("not listed", self.unlisted))
        found = "; ".join(f"{verdict}: {listed_names(names)}" for verdict, names in groups if names)
        raise IntegrityFailed(f"cannot trust {bundle}: files differ from its manifest ({found}); {_MEND}")


_MEND = "copy or export the bundle again"


def listed_names(names: tuple[str, ...]) -> str:
    """Return names for a message: the first five, and how many more there are."""
    more = len(names) - _NAMES_SHOWN
    return ", ".join(ascii(name)[1:-1] for name in names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def read_small(root: Path, name: str, limit: int) -> bytes:
    """Read a file directly below *root* that no record vouches for, such as the manifest itself.

    *limit*: bytes it may have.

    Raises BundleUnusable if it is missing, a link, no regular file, larger than the limit, or cannot be read.
    """
    try:
        with _opened(root, name) as stream:
            data = stream.read(limit + 1)
    except FileMissing as error:
        raise BundleUnusable(f"cannot open {root.name}: it holds no {name}, so it is no bundle") from error
    except IntegrityFailed as error:
        raise BundleUnusable(str(error)) from error
    if len(data) > limit:
        raise BundleUnusable(f"cannot open {root.name}: its {name} has over {limit} bytes, expected at most that many")
    return data


def read_verified(root: Path, relative: str, record: FileRecord) -> bytes:
    """Read a file whole and return those very bytes that were held against its record.

    Raises IntegrityFailed if it is missing, a link, no regular file, or its size or hash differ.
    """
    try:
        with _opened(root, relative) as stream:
            _check_size(root, relative, os.fstat(stream.fileno()).st_size, record)
            data = stream.read(record.size + 1)
    except FileMissing as error:
        raise IntegrityFailed(
            f"cannot read {relative} of {root.name}: it is missing, though the manifest lists it; {_MEND}"
        ) from error
    _check_size(root, relative, len(data), record)
    if hashlib.sha256(data).hexdigest() != record.sha256:
        raise IntegrityFailed(
            f"cannot trust {relative} of {root.name}: its bytes differ from those the manifest recorded; {_MEND}"
        )
    return data


def compare_files(root: Path, records: Mapping[str, FileRecord], below: str | None = None) -> FileComparison:
    """Hold a folder against its records, in constant memory.

    *below*: look only at this file or folder, which must then be what *records* list. The manifest, its signature and
    `engines/` are nobody's business here: the first two are checked otherwise, the third is made on the device.
    """
    missing = []
    changed = []
    for relative, record in sorted(records.items()):
        try:
            if not _is_as_recorded(root, relative, record):
                changed.append(relative)
        except FileMissing:
            missing.append(relative)
        except IntegrityFailed:
            changed.append(relative)
    exempt = {*records, MANIFEST_NAME, SIGNATURE_NAME}
    unlisted = sorted(name for name in _names_below(root, below or "") if name not in exempt)
    return FileComparison(tuple(missing), tuple(changed), tuple(unlisted))


def _is_as_recorded(root: Path, relative: str, record: FileRecord) -> bool:
    with _opened(root, relative) as stream:
        if os.fstat(stream.fileno()).st_size != record.size:
            return False
        digest = hashlib.sha256()
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest() == record.sha256


@contextmanager
def _opened(root: Path, relative: str) -> Iterator[BinaryIO]:
    """Open a regular file without following a link anywhere below *root*.

    Raises FileMissing if nothing is there, IntegrityFailed if it is no regular file behind plain folders,
    BundleUnusable if the system refuses.
    """
    path = root / relative
    try:
        _check_plain(root, relative)
        with path.open("rb") as stream:
            yield stream
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileMissing(f"cannot read {relative} of {root.name}: nothing is there") from error
    except OSError as error:
        raise BundleUnusable(
            f"cannot read {relative} of {root.name}: the system says '{error.strerror}'; check its permissions and disk"
        ) from error


def _check_plain(root: Path, relative: str) -> None:
    # Before opening, because opening a pipe waits for its writer.
    path = root / relative
    for part in (path, *path.parents[: relative.count("/")]):
        if stat.S_ISLNK(part.lstat().st_mode):
            raise IntegrityFailed(f"cannot trust {relative} of {root.name}: a link leads to it; {_MEND}")
    if not stat.S_ISREG(path.lstat().st_mode):
        raise IntegrityFailed(f"cannot trust {relative} of {root.name}: it is no regular file; {_MEND}")


def _check_size(root: Path, relative: str, size: int, record: FileRecord) -> None:
    if size != record.size:
        raise IntegrityFailed(
            f"cannot trust {relative} of {root.name}: it has {size} bytes, the manifest recorded {record.size}; {_MEND}"
        )


def _names_below(root: Path, relative: str) -> Iterator[str]:
    """Name all that is no folder below *relative* and that the manifest must list."""
    start = root / relative
    if start.is_symlink() or not start.is_dir():
        return
    folders = [relative]
    try:
        while folders:
            folder = folders.pop()
            with os.scandir(root / folder) as entries:
                for entry in entries:
                    name = f"{folder}/{entry.name}" if folder else entry.name
                    if not entry.is_dir(follow_symlinks=False):
                        yield name
                    elif name != ENGINES_FOLDER:
                        folders.append(name)
    except OSError as error:
        raise BundleUnusable(
            f"cannot look through {root.name}: the system says '{error.strerror}' of {error.filename}; "
            "check its permissions and disk"
        ) from error
