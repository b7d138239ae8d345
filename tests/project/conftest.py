"""What the tests of the whole project share: its modules, and interpreters in which something cannot be imported."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.project.house import ROOT, ROOTS

FreshInterpreter = Callable[..., "subprocess.CompletedProcess[str]"]

# Importing a barred name fails as it does where the package was never installed; `find_spec` finds nothing either.
_BAR = """\
import sys

class Bar:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BARRED:
            raise ModuleNotFoundError(f"No module named {name!r} (barred by the test)", name=name)

BARRED = set(sys.argv[1].split(",")) if sys.argv[1] else set()
sys.meta_path.insert(0, Bar())
del sys.argv[1]
"""


@pytest.fixture
def fresh_interpreter(tmp_path: Path) -> FreshInterpreter:
    """Run code in a new interpreter: fresh_interpreter(code, *arguments, barred=("torch",))."""

    def run(code: str, *arguments: str, barred: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", _BAR + code, ",".join(barred), *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / root) for root in ROOTS)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run
