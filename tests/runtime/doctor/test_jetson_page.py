"""docs/jetson.md and the doctor say the same: each check has its line, each remedy its command, each file is there."""

import configparser
import re
from pathlib import Path

import click
import pytest

from scripts.commands_page import commands
from skinseg_runtime.build_cli import main as build_main
from skinseg_runtime.cli import main as run_main
from skinseg_runtime.doctor import CHECKS, gpu_checks, jetson_checks, machine_checks
from skinseg_runtime.doctor_cli import main as doctor_main
from skinseg_runtime.jetpack import JETPACKS

_DOCS = Path(__file__).resolve().parent.parent.parent.parent / "docs"
_PAGE = (_DOCS / "jetson.md").read_text(encoding="utf-8")


def test_each_check_has_a_row_and_each_row_a_check() -> None:
    section = _PAGE.split("## What the doctor says")[1].split("### TensorRT")[0]
    rows = re.findall(r"^\| `([^`]+)` \|", section, flags=re.MULTILINE)
    assert rows == [*CHECKS, "bundle", "engine trt"]


@pytest.mark.parametrize(
    "remedy",
    [
        gpu_checks.ADD_TO_GROUPS,
        gpu_checks.CUDA_ON_JETSON,
        gpu_checks.INSTALL_TENSORRT,
        gpu_checks.NO_PIP_TENSORRT,
        gpu_checks.SEE_SYSTEM_PACKAGES.format(config="~/skinseg/pyvenv.cfg"),
        gpu_checks.UPDATE_JETPACK,
        gpu_checks.WITH_GPU,
        jetson_checks.FLASH,
        jetson_checks.SHOW_RELEASE,
        machine_checks.DESKTOP_OFF,
        machine_checks.MORE_SWAP,
    ],
)
def test_each_command_that_the_doctor_names_stands_on_the_page(remedy: str) -> None:
    assert " ".join(remedy.split()) in " ".join(_PAGE.split())


def test_every_supported_jetpack_stands_in_the_table() -> None:
    table = _PAGE.split("## Which JetPack")[1].split("JetPack 5")[0]
    supported = {jetpack for jetpack in JETPACKS.values() if jetpack[0] != "5" and jetpack != "6.0"}
    named = set(re.findall(r"\b[67]\.\d(?:\.\d)?\b", table))
    assert supported - named == set()


def test_every_file_that_the_page_points_to_is_there() -> None:
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", _PAGE) if not target.startswith("http")]
    assert [target for target in targets if not (_DOCS / target).is_file()] == []
    assert {path.name for path in (_DOCS / "jetson").iterdir()} <= {Path(target).name for target in targets}


def test_every_heading_that_the_page_points_to_is_there() -> None:
    headings = re.findall(r"^#+ (.+)$", _PAGE, flags=re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", _PAGE)) - anchors == set()


def test_every_command_of_the_page_exists() -> None:
    named = set(re.findall(r"(?<![\w./:-])(skinseg-[a-z]+)(?= |$|`)", _PAGE, flags=re.MULTILINE)) - {"skinseg-edge"}
    assert named - set(commands()) == set()


@pytest.mark.parametrize("command", [build_main, doctor_main, run_main], ids=lambda command: str(command.name))
def test_every_option_that_the_page_gives_a_command_exists(command: click.Command) -> None:
    known = {name for parameter in command.params for name in parameter.opts}
    lines = re.findall(rf"{command.name} ([^`\n]*)", _PAGE)
    used = {word for line in lines for word in re.findall(r"(?<!\S)--?[a-z][a-z-]*", line)}
    assert used - known == set()


def test_the_service_builds_before_it_serves_with_the_same_state() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names keep their capitals
    unit.read_string((_DOCS / "jetson/skinseg-demo.service").read_text(encoding="utf-8"))

    service = unit["Service"]

    assert service["ExecStartPre"].startswith("-/opt/skinseg/bin/skinseg-build ")
    assert service["Environment"] == f"SKINSEG_STATE_DIR=/var/lib/{service['StateDirectory']}"
    build_s = int(re.search(r"--timeout (\d+)", service["ExecStartPre"])[1])  # type: ignore[index]  # fails if it is not there
    assert build_s < int(service["TimeoutStartSec"])  # the server starts even where no engine is ready in time
    assert (service["StateDirectoryMode"], service["Restart"]) == ("0700", "on-failure")


@pytest.mark.parametrize(("name", "python"), [("Dockerfile.jetpack6", "3.10"), ("Dockerfile.jetpack7", "3.12")])
def test_no_container_takes_tensorrt_of_pip(name: str, python: str) -> None:
    text = (_DOCS / "jetson" / name).read_text(encoding="utf-8")
    installed = re.findall(r"pip install (.*)", text)
    assert installed
    assert [line for line in installed if "tensorrt" in line] == []
    assert "--system-site-packages" in text
    assert f"/usr/lib/python{python}/dist-packages/tensorrt" in text
