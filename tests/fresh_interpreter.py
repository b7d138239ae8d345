"""New interpreters in which chosen packages cannot be imported, as on a device where they were never installed."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["run_python"]

_ROOT = Path(__file__).resolve().parent.parent
_ROOTS = (".", "export", "runtime", "demo_app")

# Importing a barred name fails as it does where the package was never installed; `find_spec` finds nothing either.
_BAR = """\
import sys

class Bar:
    def find_spec(self, name, path=None, target=None):
        if any(name == barred or name.startswith(barred + ".") for barred in BARRED):
            raise ModuleNotFoundError(f"No module named {name!r} (barred by the test)", name=name)

BARRED = set(sys.argv[1].split(",")) if sys.argv[1] else set()
sys.meta_path.insert(0, Bar())
del sys.argv[1]
"""


def run_python(
    code: str, *arguments: str | Path, cwd: Path | None = None, barred: Sequence[str] = ()
) -> "subprocess.CompletedProcess[str]":
    """Run code in a new interpreter with sys.argv[1:] = arguments; nothing named in barred can be imported."""
    return subprocess.run(
        [sys.executable, "-c", _BAR + code, ",".join(barred), *(str(argument) for argument in arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(str(_ROOT / root) for root in _ROOTS)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
