"""Whom this device trusts, and what it keeps to itself: the trusted key, and the key that seals its engines."""

import os
import stat
from pathlib import Path

from skinseg_edge.errors import SkinsegError
from skinseg_runtime.doctor.finding import Finding, missing, ok, warn
from skinseg_runtime.doctor.host import Host

__all__ = ["state", "trusted_key"]

_VARIABLE = "SKINSEG_TRUSTED_KEY"


def trusted_key(host: Host) -> Finding:
    """Read the key that bundles must be signed with, where one is set."""
    named = host.environment.get(_VARIABLE)
    if named == "":
        return missing("trusted key", f"{_VARIABLE} is empty, so every bundle is refused", f"unset {_VARIABLE}")
    if named is None:
        return ok("trusted key", f"none: bundles need no signature ({_VARIABLE} would name one)")
    path = Path(named)
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return missing("trusted key", f"{_VARIABLE} names {path}, which cannot be read", f"ls -l {path}")
    if "PUBLIC KEY" not in text or "PRIVATE" in text:
        found = f"{path} holds no public key in PEM form"
        return missing("trusted key", found, f"openssl pkey -in PRIVATE.pem -pubout -out {path}")
    return ok("trusted key", str(path))


def state(host: Host) -> Finding:
    """Look at the folder with the device's own key and caches; nothing is made."""
    from skinseg_runtime.engine_files.device_key import check_key
    from skinseg_runtime.engine_files.state_folder import state_folder

    try:
        folder = state_folder()
    except SkinsegError as error:
        return missing("state folder", str(error), "export SKINSEG_STATE_DIR=/var/lib/skinseg")
    try:
        has_key = check_key()
    except SkinsegError as error:
        return missing("state folder", str(error), _mended_key(folder))
    if not has_key:
        return _without_key(host, folder)
    mode = stat.S_IMODE(folder.stat().st_mode)
    if host.system != "Windows" and mode & 0o022:
        return warn("state folder", f"{folder}: mode {mode:04o} lets others write there", f"chmod 700 {folder}")
    return ok("state folder", f"{folder}: the key is this user's alone")


def _mended_key(folder: Path) -> str:
    """Return the command for a key that must not be used: only one that others may have read is to be removed."""
    from skinseg_runtime.engine_files.device_key import KEY_NAME

    key = folder / KEY_NAME
    try:
        is_known_to_others = key.lstat().st_mode & 0o077 != 0
    except OSError:
        is_known_to_others = False
    return f"rm {key}  # then build the engines again" if is_known_to_others else f"ls -l {key}"


def _without_key(host: Host, folder: Path) -> Finding:
    above = next((path for path in (folder, *folder.parents) if os.path.lexists(path)), folder)
    if above.is_dir() and host.may_use(above):
        return ok("state folder", f"{folder}: no key yet, the first build makes it")
    found = f"{folder}: no key yet, and this user cannot make one, for {above} is closed to it"
    return missing("state folder", found, f"sudo install -d -m 0700 -o $USER {folder}")
