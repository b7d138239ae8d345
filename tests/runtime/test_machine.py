"""What a measurement is taken on: read from files that stand in for a machine's."""

import sys
from pathlib import Path

import pytest

from skinseg_edge._version import __version__
from skinseg_runtime.machine import machine, peak_memory_mib, resident_memory_mib, versions
from tests.fresh_interpreter import run_python


def _file(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_processor_is_called_what_the_first_of_its_cores_is_called(tmp_path: Path) -> None:
    _file(tmp_path / "proc/cpuinfo", "processor\t: 0\nmodel name\t: Big Core 9\n\nmodel name\t: Small Core 3\n")
    assert machine(tmp_path)["processor"] == "Big Core 9"


def test_a_board_is_named_before_its_processor(tmp_path: Path) -> None:
    _file(tmp_path / "proc/cpuinfo", "model name\t: ARMv8\n")
    _file(tmp_path / "proc/device-tree/model", "NVIDIA Jetson Orin Nano Developer Kit\0")
    assert machine(tmp_path)["processor"] == "NVIDIA Jetson Orin Nano Developer Kit"


def test_a_machine_without_such_files_still_has_a_name_and_cores(tmp_path: Path) -> None:
    found = machine(tmp_path)
    assert found["processor"]
    assert isinstance(found["cores"], int)
    assert found["cores"] >= 1


def test_the_peak_is_the_high_water_mark_of_this_process(tmp_path: Path) -> None:
    _file(tmp_path / "proc/self/status", "Name:\tpython\nVmHWM:\t  204800 kB\nVmRSS:\t  1024 kB\n")
    assert peak_memory_mib(tmp_path) == 200.0
    assert resident_memory_mib(tmp_path) == 1.0


def test_where_there_is_no_such_mark_the_system_is_asked(tmp_path: Path) -> None:
    # A test run takes some hundred MiB; the unit is wrong if it seems to take a thousand times more or less.
    here, known = peak_memory_mib(tmp_path), peak_memory_mib()
    assert here is not None
    assert known is not None
    assert known * 0.5 < here < max(known, 10_000)


def test_a_system_that_does_not_tell_its_memory_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    assert (peak_memory_mib(tmp_path), resident_memory_mib(tmp_path)) == (None, None)


def test_versions_name_the_project_and_only_what_is_loaded() -> None:
    code = """
from skinseg_runtime.machine import versions
before = versions()
import numpy
print(sorted(before), versions()["numpy"] == numpy.__version__)
"""
    assert run_python(code).stdout == "['python', 'skinseg-edge'] True\n"
    assert versions()["skinseg-edge"] == __version__
