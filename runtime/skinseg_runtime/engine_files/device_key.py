"""This device's own key, and the seals made with it: what a seal holds for was written by this device.

An engine is native code, and so is what a builder keeps in its caches. Nobody signs those, because they are made on the
device; so the device seals what it has proved (HMAC-SHA256) and uses nothing that it did not seal. The key lies in
`state_folder()`, never in a bundle: 32 random bytes that only their owner may read, made once.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from skinseg_edge.atomic_files import refusing_output_errors, write_and_sync
from skinseg_edge.errors import InputError
from skinseg_runtime.engine_files.state_folder import make_state_folder, state_folder

__all__ = ["KEY_NAME", "check_key", "holds", "opened", "seal", "sealed_bytes"]

KEY_NAME = "device.key"
_KEY_BYTES = 32
_SEAL_DIGITS = 64
_READABLE_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def seal(data: bytes, *, purpose: str = "") -> str:
    """Return this device's seal over *data*: 64 hexadecimal digits; the key is made if there is none.

    *purpose*: what the data is, such as "engine"; a seal for one purpose holds for no other.

    Raises InputError if the key is no such key or others may read it, OutputRefused if it cannot be made.
    """
    key = _key_of(state_folder() / KEY_NAME)
    return _digest(_made_key() if key is None else key, data, purpose)


def holds(data: bytes, candidate: str, *, purpose: str = "") -> bool:
    """Answer whether *candidate* is what this device's `seal` gives for *data*; False where the device has no key.

    Raises InputError if the key is no such key or others may read it.
    """
    key = _key_of(state_folder() / KEY_NAME)
    if key is None:
        return False
    return hmac.compare_digest(_digest(key, data, purpose).encode(), candidate.encode())


def sealed_bytes(data: bytes, *, purpose: str = "") -> bytes:
    """Return *data* behind its seal, for a file that only `opened` reads; raises what `seal` raises."""
    return seal(data, purpose=purpose).encode() + b"\n" + data


def opened(blob: bytes, *, purpose: str = "") -> bytes | None:
    """Return the data of what `sealed_bytes` gave; None if this device did not seal these very bytes for *purpose*.

    Raises what `holds` raises.
    """
    candidate, newline, data = blob[:_SEAL_DIGITS], blob[_SEAL_DIGITS : _SEAL_DIGITS + 1], blob[_SEAL_DIGITS + 1 :]
    is_whole = newline == b"\n" and candidate.isascii()
    return data if is_whole and holds(data, candidate.decode("ascii"), purpose=purpose) else None


def check_key() -> bool:
    """Answer whether this device has a key that may be used; False where there is none yet.

    Raises InputError if the key is no such key or others may read it.
    """
    return _key_of(state_folder() / KEY_NAME) is not None


def _digest(key: bytes, data: bytes, purpose: str) -> str:
    return hmac.new(key, purpose.encode() + b"\0" + data, hashlib.sha256).hexdigest()


def _made_key() -> bytes:
    """Make the key, or take the one that another process made at the same moment."""
    path = make_state_folder() / KEY_NAME
    temporary = path.with_name(f".skinseg-{secrets.token_hex(8)}.part")
    with refusing_output_errors(path):
        try:
            write_and_sync(temporary, secrets.token_bytes(_KEY_BYTES), 0o600)
            _place_first(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    key = _key_of(path)
    if key is None:
        raise InputError(f"cannot seal an engine: the key {path} vanished while it was made; try again")
    return key


def _place_first(temporary: Path, path: Path) -> None:
    """Give the whole file its name unless the name is taken: a rename would replace another process's key."""
    with contextlib.suppress(FileExistsError):
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links, such as that of a memory card
            write_and_sync(path, temporary.read_bytes(), 0o600)


def _key_of(path: Path) -> bytes | None:
    """Read the key; None where there is none. Read each time, so that a key that is taken away is no longer used."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(
            f"cannot use this device's key {path}: the system says '{error.strerror}', expected a plain file that this "
            "user may read; check its owner and permissions"
        ) from error
    with os.fdopen(descriptor, "rb") as stream:
        _check_private(path, os.fstat(stream.fileno()))
        key = stream.read(_KEY_BYTES + 1)
    if len(key) != _KEY_BYTES:
        raise InputError(
            f"cannot use this device's key {path}: it has not {_KEY_BYTES} bytes, so it is damaged; "
            "remove it and build the engines again"
        )
    return key


def _check_private(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"cannot use this device's key {path}: it is no plain file; remove it and build again")
    if os.name == "nt":  # its files have no such mode or owner
        return
    if found.st_mode & _READABLE_BY_OTHERS:
        raise InputError(
            f"cannot use this device's key {path}: its mode is {stat.S_IMODE(found.st_mode):04o}, so others may read "
            f"it and seal engines in this device's name, expected 0600; run rm {path}, then build the engines again"
        )
    if found.st_uid not in (0, os.geteuid()):
        raise InputError(
            f"cannot use this device's key {path}: it belongs to user {found.st_uid}, expected {os.geteuid()}, who "
            "runs this; run as its owner or name another folder in SKINSEG_STATE_DIR"
        )
