"""What lies in the repository, and what a wheel takes from it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scripts.hygiene import LARGEST_FILE, faults, tracked_files
from tests.project.house import ROOT

_PACKAGES = {
    "skinseg_edge": "skinseg_edge",
    "export/skinseg_export": "skinseg_export",
    "runtime/skinseg_runtime": "skinseg_runtime",
    "demo_app/skinseg_demo": "skinseg_demo",
}


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """The files of the repository, relative to its root."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs the git working tree: this is an unpacked source archive")
    return tracked_files()


@pytest.fixture(scope="module")
def wheel_built_from_sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as a packager makes it: from the unpacked source archive, not from the working tree."""
    folder = tmp_path_factory.mktemp("dist")
    _hatchling(ROOT, "sdist", folder)
    (archive,) = folder.glob("*.tar.gz")
    # Not `tarfile`: Debian's Python 3.11.2 does not know the filter without which 3.12 warns.
    subprocess.run(["tar", "-xzf", archive.name], cwd=folder, check=True)
    _hatchling(folder / archive.name.removesuffix(".tar.gz"), "wheel", folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def _hatchling(source: Path, target: str, folder: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)],
        cwd=source,
        check=True,
        capture_output=True,
    )


def test_every_tracked_file_belongs_here(tracked: list[Path]) -> None:
    assert [fault for path in tracked for fault in faults(path, (ROOT / path).read_bytes())] == []


def test_a_large_file_and_a_machine_path_are_found() -> None:
    machine_path = b"/home" + b"/nurse/photos/a.jpg"

    assert list(faults(Path("a.bin"), bytes(LARGEST_FILE + 1)))
    (fault,) = faults(Path("a.md"), b"see " + machine_path + b"\n")
    assert fault.startswith("a.md:1: /home" + "/nurse/photos/ is a path of one machine")


def test_a_relative_path_and_an_address_are_no_machine_paths() -> None:
    assert list(faults(Path("a.md"), b"put it at work/main/x, see example.com/home/x, or $HOME/y/z\n")) == []


def test_the_wheel_holds_exactly_the_files_of_the_four_packages(
    tracked: list[Path], wheel_built_from_sdist: Path
) -> None:
    expected = {
        name + path.as_posix().removeprefix(folder)
        for folder, name in _PACKAGES.items()
        for path in tracked
        if path.as_posix().startswith(f"{folder}/")
    }

    with zipfile.ZipFile(wheel_built_from_sdist) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}

    assert packed == expected


def test_the_wheel_is_typed_and_brings_its_commands_and_licence(wheel_built_from_sdist: Path) -> None:
    with zipfile.ZipFile(wheel_built_from_sdist) as wheel:
        names = set(wheel.namelist())
        (info,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
        commands = wheel.read(f"{info}/entry_points.txt").decode()

    assert {f"{package}/py.typed" for package in _PACKAGES.values()} <= names
    assert f"{info}/licenses/LICENSE" in names
    assert "skinseg-run = skinseg_runtime.cli:main" in commands
