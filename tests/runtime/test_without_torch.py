"""The runtime alone: no torch, no onnx, no Core ML, no torch wing; and a light start."""

import ast
import json
from pathlib import Path

from tests.fresh_interpreter import run_python

_BARRED = (
    *("torch", "onnx", "onnxscript", "coremltools", "tensorrt", "safetensors"),
    *("skinseg_edge.networks", "skinseg_edge.datasets", "skinseg_edge.training", "skinseg_export"),
)


def test_a_photo_is_segmented_where_torch_and_its_kin_cannot_be_imported(bundle: Path, photo: Path) -> None:
    code = """
import sys
from skinseg_runtime import Segmenter
with Segmenter.open(sys.argv[1]) as segmenter:
    result = segmenter.segment(sys.argv[2])
    print(result.mask.shape, len(result.lesions), result.lesions[0].area_px > 1000)
"""
    finished = run_python(code, bundle, photo, barred=_BARRED)
    assert (finished.stdout, finished.stderr) == ("(240, 320) 1 True\n", "")


def test_the_whole_command_works_there_and_makes_no_noise(bundle: Path, photo: Path, tmp_path: Path) -> None:
    code = "from skinseg_runtime.cli import main\nmain()\n"
    finished = run_python(code, bundle, photo, "-o", tmp_path / "out", "--overlay", "--json", barred=_BARRED)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert json.loads(finished.stdout)["ok"] is True


def test_the_acceptance_gate_judges_there(bundle: Path, photo: Path) -> None:
    code = """
import sys
from pathlib import Path
from skinseg_edge.image_io import decode
from skinseg_runtime import Segmenter
from skinseg_runtime.acceptance import Subject, groups_of, judge
with Segmenter.open(sys.argv[1]) as segmenter:
    trained, photo = segmenter.segment(sys.argv[2]).mask, Path(sys.argv[2])
    subject = Subject("a", photo, trained, trained, groups_of(decode(photo).pixels, trained))
    acceptance = judge(segmenter, [subject], precision="int8")
    print(acceptance.passed, acceptance.mean_dice, acceptance.median_hd95_px)
"""
    finished = run_python(code, bundle, photo, barred=(*_BARRED, "scipy", "matplotlib"))
    assert (finished.stdout, finished.stderr) == ("True 1.0 0.0\n", "")


def test_even_where_everything_is_installed_nothing_heavy_is_loaded(bundle: Path, photo: Path, tmp_path: Path) -> None:
    code = """
import sys
from skinseg_runtime.cli import main
from skinseg_runtime.verify_cli import main as verify
assert main(sys.argv[1:], standalone_mode=False) == 0
assert verify(sys.argv[1:2], standalone_mode=False) == 0
heavy = ("torch", "onnx", "coremltools", "tensorrt", "matplotlib", "scipy", "PIL", "cryptography")
wing = ("skinseg_edge.networks", "skinseg_edge.datasets", "skinseg_edge.training", "skinseg_export")
print([name for name in sys.modules if name.split(".")[0] in heavy or name.startswith(wing)], file=sys.stderr)
"""
    finished = run_python(code, bundle, photo, "-o", tmp_path / "out")
    assert (finished.returncode, finished.stderr) == (0, "[]\n")


def test_segmenting_by_hand_loads_nothing_of_the_commands_and_nothing_heavy(bundle: Path, photo: Path) -> None:
    code = """
import sys
from skinseg_runtime import Segmenter
with Segmenter.open(sys.argv[1]) as segmenter:
    result = segmenter.segment(sys.argv[2])
    result.mask, result.lesions, result.outlines
print(sorted({name.split(".")[0] for name in sys.modules}))
"""
    finished = run_python(code, bundle, photo)
    loaded = set(ast.literal_eval(finished.stdout))
    assert not loaded & {"click", "rich", "torch", "onnx", "PIL", "matplotlib", "scipy", "cryptography", "coremltools"}


def test_a_second_look_is_loaded_by_those_alone_who_ask_for_one(bundle: Path, photo: Path) -> None:
    code = """
import sys
from skinseg_runtime import Segmenter
with Segmenter.open(sys.argv[1]) as segmenter:
    for look in ("once", "closer"):
        segmenter.segment(sys.argv[2], look=look).lesions
        print("skinseg_runtime.large_pictures.second_look" in sys.modules)
"""
    assert run_python(code, bundle, photo).stdout == "False\nTrue\n"


def test_importing_the_package_loads_no_library_at_all() -> None:
    code = """
import sys
import skinseg_runtime
print([name for name in ("numpy", "cv2", "onnxruntime", "rich", "click") if name in sys.modules])
skinseg_runtime.Segmenter
print([name for name in ("onnxruntime", "rich", "click") if name in sys.modules])
"""
    assert run_python(code).stdout == "[]\n[]\n"


def test_help_waits_for_no_library_but_click() -> None:
    code = """
import sys
from skinseg_runtime.cli import main
from skinseg_runtime.verify_cli import main as verify
main(["--help"], standalone_mode=False)
verify(["--help"], standalone_mode=False)
print([name for name in ("numpy", "cv2", "onnxruntime", "rich") if name in sys.modules], file=sys.stderr)
"""
    finished = run_python(code)
    assert finished.stderr == "[]\n"


def test_the_module_is_the_command() -> None:
    finished = run_python("import runpy\nrunpy.run_module('skinseg_runtime', run_name='__main__')", "--version")
    assert finished.stdout.startswith("skinseg-run ")


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    code = "import skinseg_runtime\nprint(sorted(skinseg_runtime.__all__), hasattr(skinseg_runtime, 'Segmentor'))"
    assert run_python(code).stdout == "['Lesion', 'Segmentation', 'Segmenter'] False\n"
