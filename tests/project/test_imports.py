"""Which module can be imported where: the proof that a device needs no torch, onnx or coremltools."""

import json
import re
from pathlib import Path

import pytest

from tests.fresh_interpreter import run_python
from tests.project.house import DEMO_TOOLS, DEVICE_TOOLS, HEAVY, is_torch_free, modules

# Imports each module of argv[1]; prints {module: error} for those that cannot be imported.
_IMPORT_EACH = """
import importlib, json
failures = {}
for module in json.loads(sys.argv[1]):
    try:
        importlib.import_module(module)
    except ImportError as error:
        failures[module] = str(error)
print(json.dumps(failures))
"""

_IMPORT_AND_LIST = """
import importlib, json
for module in json.loads(sys.argv[1]):
    importlib.import_module(module)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


# The demo stands on Flask; its command does not, so that it can say what is missing.
_IN_THE_DEMO = [name for name in modules() if name.startswith("skinseg_demo")]
_BEFORE_FLASK = ["skinseg_demo", "skinseg_demo.cli", "skinseg_demo.config"]
_BELOW_THE_DEMO = [name for name in modules() if name not in _IN_THE_DEMO or name in _BEFORE_FLASK]


@pytest.mark.parametrize(
    ("names", "barred"),
    [
        ([name for name in _BELOW_THE_DEMO if is_torch_free(name)], {*HEAVY, *DEVICE_TOOLS, *DEMO_TOOLS}),
        (_IN_THE_DEMO, {*HEAVY, *DEVICE_TOOLS} - {*DEMO_TOOLS}),
    ],
    ids=["without any extra", "the demo with its own"],
)
def test_every_module_of_the_torch_free_floors_imports_where_the_heavy_packages_are_missing(
    names: list[str], barred: set[str], tmp_path: Path
) -> None:
    finished = run_python(_IMPORT_EACH, json.dumps(names), barred=sorted(barred), cwd=tmp_path)

    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout) == {}


def test_every_module_imports_where_no_device_tool_is_installed(tmp_path: Path) -> None:
    finished = run_python(_IMPORT_EACH, json.dumps(_BELOW_THE_DEMO), barred=DEVICE_TOOLS, cwd=tmp_path)

    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout) == {}


def test_the_torch_free_floors_load_no_heavy_package_even_where_all_are_installed(
    tmp_path: Path,
) -> None:
    names = [name for name in _BELOW_THE_DEMO if is_torch_free(name)]

    finished = run_python(_IMPORT_AND_LIST, json.dumps(names), cwd=tmp_path)

    assert finished.returncode == 0, finished.stderr
    assert set(json.loads(finished.stdout)).isdisjoint({*HEAVY, *DEVICE_TOOLS})


def test_runtime_and_demo_load_nothing_of_the_torch_wing_and_no_data_set_but_the_drawn_one(tmp_path: Path) -> None:
    names = [name for name in modules() if name.startswith(("skinseg_runtime", "skinseg_demo"))]
    code = _IMPORT_AND_LIST.replace('name.partition(".")[0]', "name")

    finished = run_python(code, json.dumps(names), cwd=tmp_path)

    assert finished.returncode == 0, finished.stderr
    loaded = json.loads(finished.stdout)
    closed = ("skinseg_edge.networks", "skinseg_edge.datasets", "skinseg_edge.training", "skinseg_export")
    # Demo mode draws its lesions; the package around the drawing is empty.
    drawn = [name for name in loaded if re.match(r"skinseg_edge\.datasets($|\.synthetic(_lesions)?($|\.))", name)]
    assert [name for name in loaded if name.startswith(closed) and name not in drawn] == []
    runtime_alone = run_python(code, json.dumps([name for name in names if "_runtime" in name]), cwd=tmp_path)
    assert not set(json.loads(runtime_alone.stdout)) & set(drawn)


def test_the_bar_really_bars(tmp_path: Path) -> None:
    finished = run_python(_IMPORT_EACH, json.dumps(["numpy", "json"]), barred=("numpy",), cwd=tmp_path)

    assert list(json.loads(finished.stdout)) == ["numpy"]
