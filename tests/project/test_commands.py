"""What every command promises, whatever its job: its help, its page in docs/, and what starting it costs."""

import re
from functools import cache
from pathlib import Path

import pytest

from scripts.commands_page import PAGE, commands, help_text, page, run_command
from tests.fresh_interpreter import run_python

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
    ],
)
def test_a_package_run_with_dash_m_is_its_command(package: str, name: str, tmp_path: Path) -> None:
    code = (
        f"import runpy; sys.argv[1:] = ['--help']; runpy.run_module({package!r}, run_name='__main__', alter_sys=True)"
    )

    finished = run_python(code, cwd=tmp_path)

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith(f"Usage: {name} ")


def test_the_page_of_commands_is_what_the_commands_say_now() -> None:
    assert PAGE.is_file(), "docs/commands.md is missing; run: make docs"
    assert PAGE.read_text(encoding="utf-8") == page(), "docs/commands.md is stale; run: make docs"
