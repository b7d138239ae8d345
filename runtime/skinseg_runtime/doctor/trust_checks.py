"""Whom this device trusts, and what it keeps to itself: the trusted key, and the key that seals its engines."""

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
    if not named:
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
        has_key = check_key()
    except SkinsegError as error:
        return missing("state folder", str(error), "export SKINSEG_STATE_DIR=/var/lib/skinseg")
    if not has_key:
        return ok("state folder", f"{folder}: no key yet, the first build makes it")
    mode = stat.S_IMODE(folder.stat().st_mode)
    if host.system != "Windows" and mode & 0o022:
        return warn("state folder", f"{folder}: mode {mode:04o} lets others write there", f"chmod 700 {folder}")
    return ok("state folder", f"{folder}: the key is this user's alone")
