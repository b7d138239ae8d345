"""What every command promises, whatever its job: its help, its page in docs/, and what starting it costs."""

import re
from functools import cache
from pathlib import Path

import pytest

from scripts.commands_page import PAGE, commands, help_text, page, run_command
from skinseg_edge.image_io import encode_png
from tests.fresh_interpreter import run_python
from tests.project.house import HEAVY
from tests.runtime.tiny_bundle import photo_and_mask, write_photo

_NAMES = tuple(commands())
help_of = cache(help_text)  # each help is asked for once


@pytest.mark.parametrize("name", _NAMES)
def test_help_ends_with_two_examples_that_start_with_the_command(name: str) -> None:
    last_two = [line.strip() for line in help_of(name).strip().splitlines()[-2:]]

    assert [line.split()[0] for line in last_two] == [name, name]


@pytest.mark.parametrize("name", _NAMES)
def test_help_loads_no_heavy_package(name: str) -> None:
    # -X importtime writes one line a loaded module to stderr, its name after the last bar.
    finished = run_command(name, "--help", python=("-X", "importtime"))

    loaded = set(re.findall(r"\|\s+(\w+)$", finished.stderr, flags=re.MULTILINE))
    assert "click" in loaded
    assert loaded.isdisjoint({"torch", "onnx", "onnxscript", "onnxsim", "coremltools", "matplotlib", "tensorrt_rtx"})


@pytest.mark.parametrize("name", _NAMES)
def test_version_is_the_version_of_the_project(name: str) -> None:
    finished = run_command(name, "--version")

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.split()[0] == name


@pytest.mark.parametrize("name", _NAMES)
def test_every_option_of_the_examples_exists(name: str) -> None:
    options, examples = help_of(name).rsplit("Examples", maxsplit=1)

    used = set(re.findall(r"(?<!\S)-{1,2}[a-z][\w-]*", examples))
    known = set(re.findall(r"(?<![\w-])-{1,2}[a-z][\w-]*", options))
    assert used - known == set()


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("skinseg_edge.training", "skinseg-train"),
        ("skinseg_export", "skinseg-export"),
        ("skinseg_runtime", "skinseg-run"),
        ("skinseg_demo", "skinseg-demo"),
    ],
)
def test_a_package_run_with_dash_m_is_its_command(package: str, name: str, tmp_path: Path) -> None:
    code = (
        f"import runpy; sys.argv[1:] = ['--help']; runpy.run_module({package!r}, run_name='__main__', alter_sys=True)"
    )

    finished = run_python(code, cwd=tmp_path)

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith(f"Usage: {name} ")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("skinseg-train", ("--network", "scsonet", "--data", "data")),
        ("skinseg-export", ("scsonet", "--target", "onnx", "-o", "a.skinseg")),
        ("skinseg-eval", ("scsonet", "--data", "data")),
    ],
)
def test_a_command_that_lacks_torch_says_which_extra_brings_it(
    name: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    code = "import importlib; importlib.import_module(sys.argv.pop(1)).main()"
    module = commands()[name].partition(":")[0]
    write_photo(tmp_path / "data" / "mole.jpg")
    (tmp_path / "data" / "mole_mask.png").write_bytes(encode_png(photo_and_mask()[1]))

    finished = run_python(code, module, *arguments, cwd=tmp_path, barred=HEAVY)

    assert finished.returncode == 3, finished.stderr
    assert finished.stderr.startswith(f"{name}: cannot go on: the package torch is not installed; run pip install")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_the_page_of_commands_is_what_the_commands_say_now() -> None:
    assert PAGE.is_file(), "docs/commands.md is missing; run: make docs"
    assert PAGE.read_text(encoding="utf-8") == page(), "docs/commands.md is stale; run: make docs"
