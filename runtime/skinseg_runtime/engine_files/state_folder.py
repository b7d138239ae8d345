"""Where this device keeps what belongs to it and to no bundle: its key, and caches of its builders."""

import os
from pathlib import Path

from skinseg_edge.atomic_files import refusing_output_errors
from skinseg_edge.errors import InputError

__all__ = ["STATE_VARIABLE", "make_state_folder", "state_folder"]

STATE_VARIABLE = "SKINSEG_STATE_DIR"
_NAME = "skinseg-edge"


def state_folder() -> Path:
    """Return the folder, which need not be there yet; nothing is made or read.

    It is $SKINSEG_STATE_DIR, else `skinseg-edge` below $XDG_STATE_HOME, else ~/.local/state/skinseg-edge.

    Raises InputError if none of them can be told, as for a user without a home.
    """
    named = os.environ.get(STATE_VARIABLE)
    if named:
        return Path(named).absolute()
    of_all = os.environ.get("XDG_STATE_HOME", "")
    if Path(of_all).is_absolute():  # the rule of XDG: a relative one counts as none
        return Path(of_all) / _NAME
    try:
        return Path.home() / ".local" / "state" / _NAME
    except RuntimeError as error:
        raise InputError(
            "cannot tell where this device keeps its key: this user has no home folder, expected one; "
            f"name a folder in {STATE_VARIABLE}"
        ) from error


def make_state_folder() -> Path:
    """Return the folder, made for this user alone (0700) where it was not there.

    Raises OutputRefused if it cannot be made, and what `state_folder` raises.
    """
    folder = state_folder()
    with refusing_output_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder
