"""The runtime does its whole job where torch, onnx and coremltools cannot be imported."""

from pathlib import Path

from tests.fresh_interpreter import run_python
from tests.project.house import HEAVY
from tests.runtime.tiny_bundle import write_bundle, write_photo

_SEGMENT = """
from skinseg_runtime import Segmenter

with Segmenter.open(sys.argv[1]) as segmenter:
    result = segmenter.segment(sys.argv[2])
print(int(result.mask.sum()) > 0, len(result.lesions))
assert not BARRED & set(sys.modules), BARRED & set(sys.modules)
"""

_COMMAND = """
import importlib
module = sys.argv.pop(1)
importlib.import_module(module).main()
"""


def test_a_photo_becomes_a_mask(tmp_path: Path) -> None:
    bundle, photo = write_bundle(tmp_path / "tiny.skinseg"), write_photo(tmp_path / "mole.jpg")

    finished = run_python(_SEGMENT, bundle, photo, cwd=tmp_path, barred=HEAVY)

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == "True 1\n"


def test_skinseg_run_writes_mask_and_overlay(tmp_path: Path) -> None:
    bundle, photo = write_bundle(tmp_path / "tiny.skinseg"), write_photo(tmp_path / "mole.jpg")
    arguments = (bundle, photo, "--overlay", "-o", tmp_path / "out")

    finished = run_python(_COMMAND, "skinseg_runtime.cli", *arguments, cwd=tmp_path, barred=HEAVY)

    assert finished.returncode == 0, finished.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "mole.mask.png",
        "mole.overlay.png",
        "results.jsonl",
    }


def test_skinseg_verify_runs_the_golden_cases(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "tiny.skinseg")

    finished = run_python(_COMMAND, "skinseg_runtime.verify_cli", bundle, cwd=tmp_path, barred=HEAVY)

    assert finished.returncode == 0, finished.stdout + finished.stderr
