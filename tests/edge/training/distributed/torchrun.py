"""torchrun, as a module of this Python."""

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["started"]

_ROOT = Path(__file__).parents[4]


def started(*arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    """Start torchrun with *arguments*; its output is kept for `communicate`."""
    return subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", *arguments],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
