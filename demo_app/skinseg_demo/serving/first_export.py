"""Where the model comes from when nobody names a bundle: the shipped one, exported on the first start."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from skinseg_edge.errors import BuildFailed, ToolMissing

__all__ = ["MODEL", "shipped_bundle"]

MODEL = "scsonet"
_EXPORTER = "skinseg-export"


def shipped_bundle(state: Path, tell: Callable[[str], None]) -> Path:
    """Return the bundle of the shipped model below *state*; on the first start it is exported, which takes a minute.

    *tell*: hears that it begins.

    Raises ToolMissing if it is not there and no exporter is installed, BuildFailed if the export fails.
    """
    bundle = state / f"{MODEL}.skinseg"
    if bundle.is_dir():
        return bundle
    exporter = _exporter()
    if exporter is None:
        raise ToolMissing(
            f"cannot start without a model: no BUNDLE was given, {bundle} is not there, and {_EXPORTER} is not "
            f"installed; export one elsewhere ({_EXPORTER} {MODEL} --target onnx) and name it "
            f"(skinseg-demo {MODEL}.skinseg)"
        )
    tell(f"exporting the shipped model to {bundle}; this takes a minute, and only on the first start")
    finished = subprocess.run(
        [exporter, MODEL, "--target", "onnx", "--precision", "fp32", "-o", str(bundle)],
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        last = (finished.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise BuildFailed(
            f"cannot export the shipped model: {_EXPORTER} ended with {finished.returncode}, its last words were "
            f"'{last}'; mend that, or name a bundle"
        )
    return bundle


def _exporter() -> str | None:
    """Return the command of this installation, else the one on the PATH: a service has no PATH to speak of."""
    beside = Path(sys.executable).with_name(_EXPORTER)
    return str(beside) if beside.is_file() else shutil.which(_EXPORTER)
