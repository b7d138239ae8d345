"""torchrun, as a module of this Python; and what it starts, without it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

__all__ = ["started", "started_alone"]

_ROOT = Path(__file__).parents[4]


def started(*arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    """Start torchrun with *arguments*; its output is kept for `communicate`."""
    return _python("-m", "torch.distributed.run", *arguments, **environment)


def started_alone(count: int, *arguments: str | Path) -> list[subprocess.Popen[str]]:
    """Start *count* processes as torchrun would; it is one more that imports torch before they do."""
    with socket.create_server(("localhost", 0)) as free:
        place = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": str(count)}
    return [_python(*arguments, RANK=str(rank), LOCAL_RANK=str(rank), **place) for rank in range(count)]


def _python(*arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
