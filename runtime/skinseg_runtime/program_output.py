"""What a program of the system writes to stdout, for those that only want to know and go on without it."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

__all__ = ["program_output"]


def program_output(command: Sequence[str], *, patience_s: float, folder: Path | None = None) -> str | None:
    """Run a program and return what it wrote to stdout; None if it is not there, fails, or takes longer.

    *patience_s*: after which it is ended, seconds. *folder*: where it runs; None is the current one.
    """
    try:
        finished = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            cwd=folder,
            timeout=patience_s,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return finished.stdout if finished.returncode == 0 else None
