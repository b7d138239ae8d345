"""Files and folders that appear whole or not at all.

Everything is written under a temporary name beside its target and renamed when complete, so a full disk, an error or
Ctrl-C leaves the old state. Only a killed process or a power cut can leave a `.skinseg-*.part` behind, never a
half-written target.
"""

import contextlib
import errno
import json
import logging
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skinseg_edge.errors import OutputRefused

__all__ = [
    "check_free",
    "check_replaceable",
    "fresh_folder",
    "refusing_output_errors",
    "sync_names",
    "write_and_sync",
    "write_bytes_atomically",
    "write_json_atomically",
    "write_text_atomically",
]

_log = logging.getLogger(__name__)

_ONLY_WRITING_FAILS_SO = {
    errno.ENOSPC: "the disk is full; free some space and run again",
    errno.EDQUOT: "the disk quota is used up; free some space and run again",
    errno.EROFS: "the file system is read-only; choose another place",
    errno.EFBIG: "the file is larger than this file system or account allows; choose another place",
}
_REASONS = _ONLY_WRITING_FAILS_SO | {
    errno.EACCES: "writing there is not permitted; choose another place or change its permissions",
    errno.EPERM: "writing there is not permitted; choose another place or change its permissions",
    errno.ENAMETOOLONG: "the name is longer than the file system allows; choose a shorter one",
    errno.ENOTDIR: "a part of the path is a file, expected a folder; choose another place",
    errno.EISDIR: "a folder of that name is there, expected a file or nothing; choose another name",
    errno.EEXIST: "something of that name is there already; add --force to replace it",
    errno.ENOTEMPTY: "something of that name is there already; add --force to replace it",
}


def check_free(path: str | Path, *, force: bool = False) -> None:
    """Check, before a long run, that its output would overwrite nothing; *force* allows it.

    Raises OutputRefused if something is at the path and not force.
    """
    if not force and os.path.lexists(path):
        raise OutputRefused(f"cannot write {path}: it exists already; add --force to replace it or choose another name")


def check_replaceable(path: str | Path, *, force: bool, only_if_holds: str | None = None) -> None:
    """Check, before a long run, that `fresh_folder` will not refuse its place for what lies there.

    *force*, *only_if_holds*: see `fresh_folder`.

    Raises OutputRefused if something is at the path and not force, or if it may not be replaced.
    """
    check_free(path, force=force)
    with refusing_output_errors(path):
        _check_replaceable(Path(path).resolve(), only_if_holds)


def write_bytes_atomically(path: str | Path, data: bytes, *, overwrite: bool = True, mode: int = 0o666) -> None:
    """Write a file that is either the old one or the whole new one; folders above it are made.

    *mode*: permissions of the new file, before the umask. A link is followed, and what it names is replaced.

    Raises OutputRefused if the file exists and not overwrite, or the system refuses (full disk, permissions, ...).
    """
    check_free(path, force=overwrite)
    target = Path(path).resolve()
    with refusing_output_errors(path), _folders_above(target):
        if target.exists() and not target.is_file():
            raise OutputRefused(f"cannot write {path}: it is a folder or a device, expected a file or nothing")
        temporary = _beside(target)
        try:
            write_and_sync(temporary, data, mode)
            temporary.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def write_text_atomically(path: str | Path, text: str, *, overwrite: bool = True) -> None:
    """Write text as UTF-8 with the line ends it has; otherwise like `write_bytes_atomically`."""
    write_bytes_atomically(path, text.encode(), overwrite=overwrite)


def write_json_atomically(path: str | Path, document: object, *, overwrite: bool = True) -> None:
    """Write a document as indented JSON in UTF-8; otherwise like `write_bytes_atomically`.

    Raises ValueError if the document holds a NaN or an infinity, which JSON has no words for.
    """
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    write_text_atomically(path, text + "\n", overwrite=overwrite)


def write_and_sync(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Write a file that is not there yet under its own name, and put its bytes on the disk.

    *mode*: see `write_bytes_atomically`. A writer who dies here leaves a part of it: for a name that nobody reads yet.

    Raises OSError, such as FileExistsError.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags, mode), "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def sync_names(folder: Path) -> None:
    """Put a folder's list of names on the disk: before that a rename in it is not there after a power cut.

    Raises OSError.
    """
    if os.name == "nt":  # which opens no folder for that
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def fresh_folder(path: str | Path, force: bool = False, *, only_if_holds: str | None = None) -> Iterator[Path]:
    """Give a temporary folder that becomes *path* when the block ends well and vanishes when it does not.

    *force*: replace an existing folder; the old one is removed only after the new one stands. *only_if_holds*: name of
    a file that an existing folder must hold to be replaced (an empty one may be), so that a slip of the pen after
    `-o` cannot delete somebody's pictures.

    Raises OutputRefused if something is at the path and not force, if it may not be replaced, or if the system refuses.
    """
    check_replaceable(path, force=force, only_if_holds=only_if_holds)
    target = Path(path).resolve()
    temporary = _beside(target)
    with _folders_above(target):
        try:
            with refusing_output_errors(path):
                temporary.mkdir()
            try:
                with _refusing_full_disk(path, temporary):
                    yield temporary
            except OutputRefused as error:  # the hidden folder is nobody's business
                if str(temporary) not in str(error):
                    raise
                raise OutputRefused(str(error).replace(str(temporary), str(path))) from error
            with refusing_output_errors(path):
                _sync_files(temporary)
                _put_in_place(temporary, target, force)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


@contextmanager
def refusing_output_errors(path: str | Path) -> Iterator[None]:
    """Turn what the system says while *path* is written into one sentence.

    Raises OutputRefused if the block raises OSError.
    """
    try:
        yield
    except OSError as error:
        raise _refusal(path, error) from error


@contextmanager
def _refusing_full_disk(path: str | Path, temporary: Path) -> Iterator[None]:
    """Do the same for a caller's block, which also reads: let pass what is no error of writing below *temporary*."""
    try:
        yield
    except OSError as error:
        inside = isinstance(error.filename, str | Path) and Path(error.filename).is_relative_to(temporary)
        if inside or error.errno in _ONLY_WRITING_FAILS_SO:
            raise _refusal(path, error) from error
        raise


def _refusal(path: str | Path, error: OSError) -> OutputRefused:
    reason = _REASONS.get(error.errno or 0, f"the system says '{error.strerror or error}'; choose another place")
    return OutputRefused(f"cannot write {path}: {reason}")


def _check_replaceable(target: Path, only_if_holds: str | None) -> None:
    """Refuse to replace a file, a folder that somebody stands in, or one that is not of the expected kind."""
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputRefused(f"cannot write the folder {target}: a file of that name is there; remove it first")
    if any(folder.is_relative_to(target) for folder in _folders_never_replaced()):
        raise OutputRefused(f"cannot replace {target}: it is or holds the current or home folder; choose another place")
    if only_if_holds is not None and any(target.iterdir()) and not (target / only_if_holds).is_file():
        raise OutputRefused(
            f"cannot replace {target}: it holds no {only_if_holds}, so it is not what this command makes; "
            "choose another place or remove it first"
        )


def _folders_never_replaced() -> Iterator[Path]:
    with contextlib.suppress(OSError):  # the current folder may be deleted
        yield Path.cwd()
    with contextlib.suppress(RuntimeError):  # a container's user may have no home
        yield Path.home()


@contextmanager
def _folders_above(target: Path) -> Iterator[None]:
    """Make the folders above the target, and take away again those that were made if the block fails."""
    made: list[Path] = []
    try:
        for folder in reversed(target.parents):
            with refusing_output_errors(target):
                if not folder.exists():
                    folder.mkdir(exist_ok=True)
                    made.append(folder)
        yield
    except BaseException:
        for folder in reversed(made):
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def _beside(target: Path) -> Path:
    # Not made from the target's name, which may already be as long as the file system allows.
    return target.with_name(f".skinseg-{secrets.token_hex(8)}.part")


def _sync_files(folder: Path) -> None:
    """Put every file on the disk before the rename, or a power cut could leave a whole folder of empty files."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with contextlib.suppress(PermissionError), path.open("rb+") as stream:
                os.fsync(stream.fileno())


def _put_in_place(temporary: Path, target: Path, force: bool) -> None:
    if not (force and target.exists()):
        temporary.rename(target)
        return
    aside = _beside(target)
    try:
        target.rename(aside)
        temporary.rename(target)
    except BaseException:
        if aside.exists() and not target.exists():
            aside.rename(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)
    if aside.exists():
        _log.warning("the old %s could not be removed wholly; what is left of it is in %s", target, aside)
