"""What the doctor asks of a real machine: programs, packages, kinds."""

import json
import os
import sys
from pathlib import Path

import pytest

from skinseg_runtime.doctor import Host, Library
from skinseg_runtime.doctor.host import library_here, output_here
from tests.runtime.doctor.boards import host, write, write_orin


def _package(folder: Path, name: str, code: str) -> None:
    write(folder, f"{name}.py", code)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    return tmp_path / "packages"


def test_a_package_is_imported_apart_and_told_with_version_and_place(packages: Path) -> None:
    _package(packages, "fake_library", "__version__ = '10.3.0'\nprint('Hello, I am chatty')\n")

    found = library_here("fake_library")

    assert found == Library("10.3.0", str(packages / "fake_library.py"))
    assert "fake_library" not in sys.modules


def test_a_package_that_is_not_there_is_no_fault() -> None:
    assert library_here("a_package_that_nobody_wrote") == Library(None)


def test_a_package_that_lacks_another_says_which(packages: Path) -> None:
    _package(packages, "fake_library", "import a_package_that_nobody_wrote\n")
    assert "a_package_that_nobody_wrote" in (library_here("fake_library").fault or "")


def test_a_package_that_cannot_load_its_library_says_so(packages: Path) -> None:
    _package(packages, "fake_library", "raise ImportError('libnvinfer.so.10: cannot open shared object file')\n")
    assert library_here("fake_library").fault == "ImportError: libnvinfer.so.10: cannot open shared object file"


def test_a_package_that_crashes_is_a_finding(packages: Path) -> None:
    _package(packages, "fake_library", "import os\nos.abort()\n")
    assert library_here("fake_library").fault == "its process crashed or hung while it was imported"


def test_a_package_that_prints_when_it_ends_is_told_all_the_same(packages: Path) -> None:
    _package(packages, "fake_library", "import atexit\n__version__ = '1.0'\natexit.register(print, 'goodbye')\n")
    assert library_here("fake_library").version == "1.0"


def test_a_package_that_ends_the_process_without_a_word_is_a_finding(packages: Path) -> None:
    _package(packages, "fake_library", "import os\nos._exit(0)\n")
    assert library_here("fake_library") == Library(None, fault="it ended its process while it was imported")


def test_what_lies_in_the_users_folder_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "json.py", "raise SystemExit(9)\n")
    monkeypatch.chdir(tmp_path)
    assert library_here("click").version is not None


def test_a_program_that_is_not_there_or_fails_gives_nothing() -> None:
    assert output_here(["a-program-that-nobody-wrote"]) is None
    assert output_here([sys.executable, "-c", "raise SystemExit(1)"]) is None
    assert output_here([sys.executable, "-c", "print(7)"]) == f"7{os.linesep}"


def test_a_library_is_asked_once(tmp_path: Path) -> None:
    asked: list[str] = []

    def fake_library(module: str) -> Library:
        asked.append(module)
        return Library("1.0")

    machine = host(tmp_path, library=fake_library)
    machine.find("tensorrt")
    machine.find("tensorrt")

    assert asked == ["tensorrt"]


def test_the_kinds_of_machine_are_told_apart(tmp_path: Path) -> None:
    write_orin(tmp_path / "board")
    write(tmp_path / "desk", "dev/nvidiactl", "")

    kinds = [
        host(tmp_path / "board").kind,
        host(tmp_path / "desk").kind,
        host(tmp_path / "mac", system="Darwin").kind,
        host(tmp_path / "server").kind,
    ]

    assert kinds == ["jetson", "nvidia", "apple", "cpu"]


def test_the_gpu_is_not_asked_for_where_there_is_none(tmp_path: Path) -> None:
    def fake_facts() -> None:
        raise AssertionError("asked")

    assert host(tmp_path, gpu_facts=fake_facts).gpu == "no NVIDIA GPU"


def test_this_machine_is_the_one_that_is_looked_at_by_default() -> None:
    here = Host()

    assert here.python == (sys.version_info[0], sys.version_info[1])
    assert here.free_bytes(Path.cwd()) > 0
    assert here.may_use(Path(os.devnull))
    assert here.package_version("click") is not None
    assert here.package_version("a-package-that-nobody-wrote") is None
    assert json.dumps(here.kind)
