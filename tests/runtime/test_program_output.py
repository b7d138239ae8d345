"""What is asked of the system's own programs, some of which hang."""

import os
import sys
from pathlib import Path

from skinseg_runtime.program_output import program_output


def test_a_program_that_is_missing_fails_or_hangs_gives_none() -> None:
    assert program_output(["a-program-that-nobody-wrote"], patience_s=60) is None
    assert program_output([sys.executable, "-c", "raise SystemExit(1)"], patience_s=60) is None
    assert program_output([sys.executable, "-c", "import time; time.sleep(600)"], patience_s=0.2) is None


def test_a_program_runs_where_it_is_told_to(tmp_path: Path) -> None:
    told = program_output([sys.executable, "-c", "import os; print(os.getcwd())"], patience_s=60, folder=tmp_path)
    assert told == f"{tmp_path.resolve()}{os.linesep}"
