"""System, Python, memory, swap and disk, read from files that stand in for a machine's."""

from pathlib import Path

import pytest

from skinseg_runtime.doctor import machine_checks
from tests.runtime.doctor.boards import host, orin, told, write, write_orin


def test_the_system_is_called_what_it_calls_itself(tmp_path: Path) -> None:
    write(tmp_path, "etc/os-release", 'ID=ubuntu\nPRETTY_NAME="Ubuntu 24.04 LTS"\n')
    assert told(machine_checks.system(host(tmp_path))) == ("ok", "Linux x86_64, Ubuntu 24.04 LTS")


@pytest.mark.parametrize("version", [(3, 9), (3, 14)])
def test_a_python_that_is_not_supported_is_missing(tmp_path: Path, version: tuple[int, int]) -> None:
    finding = machine_checks.python(host(tmp_path, python=version))
    assert finding.status == "missing"
    assert "supported are 3.10 to 3.13" in finding.found


def test_a_python_that_is_not_jetpacks_cannot_see_its_tensorrt(tmp_path: Path) -> None:
    write_orin(tmp_path)

    finding = machine_checks.python(orin(tmp_path, python=(3, 12)))

    assert finding.status == "missing"
    assert finding.found == "Python 3.12, but JetPack's TensorRT is for Python 3.10 alone"
    assert finding.remedy == "/usr/bin/python3.10 -m venv --system-site-packages ~/skinseg"


def test_jetpacks_python_is_right(tmp_path: Path) -> None:
    write_orin(tmp_path)
    assert told(machine_checks.python(orin(tmp_path))) == ("ok", "Python 3.10, in a virtual environment")


def test_little_free_memory_is_told_with_what_frees_some(tmp_path: Path) -> None:
    write_orin(tmp_path, memory_gib=2)

    on_board, on_desk = machine_checks.memory(orin(tmp_path)), machine_checks.memory(host(tmp_path / "none"))

    assert told(on_board) == ("warn", "2.0 GiB, 1.0 GiB of it free; a build wants 1.5 GiB")
    assert on_board.remedy == machine_checks.DESKTOP_OFF
    assert told(on_desk) == ("ok", "this system does not tell")


def test_a_small_board_with_compressed_swap_alone_wants_swap_on_a_disk(tmp_path: Path) -> None:
    write_orin(tmp_path, swap="/dev/zram1 partition 3800000")

    finding = machine_checks.swap(orin(tmp_path))

    assert finding.status == "warn"
    assert finding.found == "0.0 GiB on a disk, 4.2 GiB in zram; with 7.4 GiB of memory a build may be killed"
    assert finding.remedy == machine_checks.MORE_SWAP


def test_a_small_board_with_a_swap_file_is_well(tmp_path: Path) -> None:
    write_orin(tmp_path)
    assert told(machine_checks.swap(orin(tmp_path))) == ("ok", "8.0 GiB on a disk, 0.6 GiB in zram")


def test_a_large_board_needs_no_swap(tmp_path: Path) -> None:
    write_orin(tmp_path, memory_gib=30, swap="/dev/zram1 partition 3800000")
    assert machine_checks.swap(orin(tmp_path)).status == "ok"


def test_a_full_disk_is_told_with_its_place(tmp_path: Path) -> None:
    finding = machine_checks.disk(host(tmp_path, free_bytes=lambda _: 300 << 20), tmp_path)
    assert finding.status == "warn"
    assert finding.found == f"0.3 GiB free around {tmp_path}, an engine and its caches want 1.0 GiB"


def test_a_disk_with_space_is_well(tmp_path: Path) -> None:
    assert machine_checks.disk(host(tmp_path), tmp_path).status == "ok"


def test_a_torn_line_of_swap_counts_for_nothing(tmp_path: Path) -> None:
    write(
        tmp_path, "proc/swaps", "Filename Type Size Used Priority\n/swapfile file\n/dev/sda2 partition 1048576 0 -2\n"
    )
    assert told(machine_checks.swap(host(tmp_path))) == ("ok", "1.0 GiB on a disk, 0.0 GiB in zram")


def test_a_container_has_the_memory_that_it_is_allowed(tmp_path: Path) -> None:
    write_orin(tmp_path, memory_gib=7.4)
    write(tmp_path, "sys/fs/cgroup/memory.max", f"{2 << 30}\n")
    write(tmp_path, "sys/fs/cgroup/memory.current", f"{1 << 30}\n")

    assert machine_checks.memory(orin(tmp_path)).found.startswith("2.0 GiB, 1.0 GiB of it free")
