"""Promises of pyproject.toml that no tool checks."""

import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.lowest_pins import lowest_pins
from skinseg_edge._version import __version__
from tests.project.house import ROOT, is_torch_free, modules

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    """The content of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_import_linter_watches_every_module_of_the_torch_free_wing(settings: dict[str, Any]) -> None:
    # Only the first level: a package stands for all that lies in it. datasets is torch-free, but not part of the wing.
    edge = [name for name in modules() if name.startswith("skinseg_edge.") and is_torch_free(name)]
    wing = {".".join(name.split(".")[:2]) for name in edge} - {"skinseg_edge.datasets"}
    contracts = settings["tool"]["importlinter"]["contracts"]
    (watched,) = (c["source_modules"] for c in contracts if c["name"].startswith("The torch-free wing"))

    assert watched == sorted(wing)


def test_the_base_needs_numpy_opencv_onnxruntime_click_and_rich_and_no_more(settings: dict[str, Any]) -> None:
    names = {line.split(">")[0] for line in settings["project"]["dependencies"]}

    assert names == {"numpy", "opencv-python-headless", "onnxruntime", "click", "rich"}


def test_the_extra_all_takes_every_extra_but_those_that_need_cuda(settings: dict[str, Any]) -> None:
    extras = settings["project"]["optional-dependencies"]
    (line,) = extras["all"]

    taken = set(line.partition("[")[2].rstrip("]").split(","))
    assert taken == set(extras) - {"all", "jetson", "baselines", "modelopt"}


def test_numpy_has_a_ceiling_in_the_coreml_extra_only(settings: dict[str, Any]) -> None:
    project = settings["project"]
    needs = {"base": project["dependencies"], **project["optional-dependencies"]}
    ceilings = [extra for extra, lines in needs.items() for line in lines if line.startswith("numpy") and "<" in line]

    assert ceilings == ["coreml"]


def test_every_command_names_a_module_that_exists(settings: dict[str, Any]) -> None:
    named = {target.split(":")[0] for target in settings["project"]["scripts"].values()}

    assert named - set(modules()) == set()


def test_the_changelog_has_a_place_for_what_comes_and_names_each_release() -> None:
    text = Path(ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert "## [Unreleased]" in text
    assert __version__ == "0.1.0" or f"## [{__version__}]" in text


def test_the_lowest_versions_are_those_that_the_runtime_is_allowed_to_meet(settings: dict[str, Any]) -> None:
    floors = {pin.removesuffix(".*").replace("==", ">=") for pin in lowest_pins()}

    assert floors >= set(settings["project"]["dependencies"])
    assert all(pin.endswith(".*") for pin in lowest_pins())
