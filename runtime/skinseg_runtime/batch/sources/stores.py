"""Files and folders, on this machine or in a store: what is in a folder, and a file's bytes; fsspec's one room.

Only regular files are opened, never a pipe that would wait for ever. Nothing is kept between two calls but a store's
connection. What a driver says in an error is left out where it may repeat an address with its password.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

from skinseg_edge.errors import FileMissing, InputError, PictureTooLarge, SkinsegError, ToolMissing
from skinseg_runtime.batch.sources.addresses import STORES, is_remote, protocol_of, told

__all__ = ["Entry", "Opened", "entries", "fingerprint", "kind_of", "opened", "read_whole", "streamed", "telling_errors"]

_PIECE = 1024 * 1024
# A store's reader fetches this much at once, so that headers and neighbours come in few requests.
_BLOCK = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """What a folder holds: its *name* there, and whether it *is_folder*; one folder may hold a million."""

    name: str
    is_folder: bool


@dataclass(frozen=True)
class Opened:
    """An open *file*, which can be read from anywhere, and its *size* in bytes."""

    file: BinaryIO
    size: int


def kind_of(address: str) -> Literal["file", "folder"] | None:
    """Return what lies at an address, None where nothing does. A web address is a folder if it ends with "/".

    Raises InputError if it cannot be looked at, ToolMissing if the store's driver is not installed.
    """
    with telling_errors(told(address)):
        if not is_remote(address):
            return ("folder" if os.path.isdir(address) else "file") if os.path.lexists(address) else None  # noqa: PTH112  # text
        if _is_web(address):
            return "folder" if address.endswith("/") else "file"
        store, path = _store_of(address)
        try:
            return "folder" if store.info(path)["type"] == "directory" else "file"
        except FileNotFoundError:
            return None


def entries(folder: str) -> list[Entry]:
    """Return what lies in a folder, sorted by name; a link to a folder is left out, for it may lead to one above.

    Raises FileMissing if it is not there, InputError if it cannot be read, ToolMissing if the store's driver is not
    installed.
    """
    with telling_errors(told(folder)):
        found = _entries_of_store(folder) if is_remote(folder) else _entries_of_folder(folder)
        return sorted(found, key=lambda entry: entry.name)


def read_whole(address: str, what: str, max_bytes: int) -> bytes:
    """Read a file.

    *what*: what messages call it. *max_bytes*: more are not read.

    Raises FileMissing if it is not there, PictureTooLarge if it has more than *max_bytes*, InputError if it is no file
    or cannot be read, ToolMissing if the store's driver is not installed.
    """
    with telling_errors(what), streamed(address, what) as file:
        pieces, left = [], max_bytes + 1
        while left > 0 and (piece := file.read(min(_PIECE, left))):
            pieces.append(piece)
            left -= len(piece)
    if left <= 0:
        raise PictureTooLarge(
            f"cannot read {what}: it has more than {max_bytes:,} bytes, the limit for a picture; scale it down"
        )
    return b"".join(pieces)


@contextmanager
def opened(address: str) -> Iterator[Opened]:
    """Open a file of which parts are read.

    Raises what `read_whole` raises, here and from reading inside the block, and InputError if a web server gives no
    parts of files.
    """
    what = told(address)
    with telling_errors(what):
        if not is_remote(address):
            with _regular_file(address, what) as file:
                yield Opened(file, os.fstat(file.fileno()).st_size)
            return
        store, path = _store_of(address)
        with store.open(path, "rb", block_size=_BLOCK) as file:
            yield Opened(file, _size_of(file))


def fingerprint(address: str) -> str:
    """Return what changes when a file is replaced by another, as far as its file system or store tells.

    Raises FileMissing or InputError if it cannot be looked at, ToolMissing if the store's driver is not installed.
    """
    with telling_errors(told(address)):
        if is_remote(address):
            store, path = _store_of(address)
            return str(store.ukey(path))
        status = os.stat(address)  # noqa: PTH116  # text
        return f"{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}"


@contextmanager
def telling_errors(what: str) -> Iterator[None]:
    """Turn what a system or a store's driver raises in the block into one sentence about *what*.

    Raises FileMissing or InputError; an error of ours, a lack of memory and an interrupt pass as they are.
    """
    try:
        yield
    except (SkinsegError, MemoryError, ModuleNotFoundError, AssertionError):
        raise
    except FileNotFoundError:
        raise FileMissing(f"cannot read {what}: there is no such file or folder; check the path") from None
    except Exception as error:  # noqa: BLE001  # each store's driver has its own kinds of errors
        # Without its cause: a driver's message may hold the address with its password.
        raise InputError(
            f"cannot read {what}: {_reason(error)}; check the path, its permissions and the network"
        ) from None


def _reason(error: Exception) -> str:
    status = getattr(error, "status", None)
    if isinstance(status, int):
        return f"the server answers {status}"
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)
    if isinstance(error, ValueError) and "range requests" in str(error):
        return "its server gives no parts of a file, so copy it to a disk or another server"
    return f"the system or the store's driver raised {type(error).__name__}"


def _size_of(file: Any) -> int:
    if not isinstance(size := getattr(file, "size", None), int):
        try:
            size = int(file.seek(0, os.SEEK_END))
            file.seek(0)
        except (ValueError, OSError) as error:
            raise ValueError("no range requests") from error  # as fsspec says where a web server reads from 0 only
    return size


def _entries_of_folder(folder: str) -> Iterator[Entry]:
    with os.scandir(folder) as found:
        for entry in found:
            is_folder = entry.is_dir()
            if not (is_folder and entry.is_symlink()):
                yield Entry(entry.name, is_folder)


def _entries_of_store(folder: str) -> Iterator[Entry]:
    store, path = _store_of(folder)
    above = path.rstrip("/") + "/"
    for found in store.ls(path, detail=True):
        name = str(found["name"])
        below = name[len(above) :].rstrip("/") if name.startswith(above) else ""
        if below and not any(sign in below for sign in "/?#") and below not in (".", ".."):
            yield Entry(below, found["type"] == "directory")


@contextmanager
def streamed(address: str, what: str) -> Iterator[BinaryIO]:
    """Open a file that is read once from its beginning, with one request; *what*: what messages call it.

    Raises what its driver raises, for `telling_errors`.
    """
    if not is_remote(address):
        with _regular_file(address, what) as file:
            yield file
        return
    store, path = _store_of(address)
    # block_size 0 streams; any size spares the web's reader a request that would ask for it.
    options = {"block_size": 0, "size": 1} if _is_web(address) else {"block_size": _BLOCK}
    with store.open(path, "rb", **options) as file:
        yield file


@contextmanager
def _regular_file(path: str, what: str) -> Iterator[BinaryIO]:
    # Without O_NONBLOCK, opening a named pipe waits until somebody writes into it.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise InputError(f"cannot read {what}: it is no regular file, expected one; name the file itself")
    with os.fdopen(handle, "rb") as file:
        yield file


def _is_web(address: str) -> bool:
    return protocol_of(address) in ("http", "https")


def _store_of(address: str) -> tuple[Any, str]:
    """Return fsspec's file system and the path in it; not through fsspec.open, which reads "::" as a chain."""
    import fsspec

    protocol = protocol_of(address) or "file"
    try:
        driver = fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        raise ToolMissing(
            f"cannot read {told(address)}: what reads {protocol}:// is not installed; "
            f"run pip install {STORES[protocol]}"
        ) from error
    options = driver._get_kwargs_from_urls(address)  # fsspec's own way to host and user, public nowhere
    path = str(driver._strip_protocol(address))  # as above
    return driver(use_listings_cache=False, **options), path  # that cache would keep the names of every folder
