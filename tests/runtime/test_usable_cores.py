"""The number of threads follows what the process may really use."""

import os
from pathlib import Path

import pytest

from skinseg_runtime.usable_cores import fast_cores, usable_cores


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_without_a_quota_every_core_of_the_mask_is_used(tmp_path: Path) -> None:
    assert usable_cores(tmp_path) == 8


@pytest.mark.parametrize(
    ("cpu_max", "cores"),
    [("max 100000", 8), ("200000 100000", 2), ("150000 100000", 2), ("5000 100000", 1), ("9900000 100000", 8)],
)
def test_a_container_quota_is_rounded_up_and_never_below_one(tmp_path: Path, cpu_max: str, cores: int) -> None:
    write(tmp_path / "sys/fs/cgroup/cpu.max", cpu_max)
    assert usable_cores(tmp_path) == cores


def test_the_tightest_quota_above_the_process_counts(tmp_path: Path) -> None:
    write(tmp_path / "proc/self/cgroup", "0::/clinic/segment\n")
    write(tmp_path / "sys/fs/cgroup/clinic/cpu.max", "300000 100000")
    write(tmp_path / "sys/fs/cgroup/clinic/segment/cpu.max", "max 100000")
    assert usable_cores(tmp_path) == 3


def test_the_quota_of_older_kernels_is_read(tmp_path: Path) -> None:
    write(tmp_path / "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "400000\n")
    write(tmp_path / "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
    assert usable_cores(tmp_path) == 4
    write(tmp_path / "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
    assert usable_cores(tmp_path) == 8


def capacities(root: Path, name: str, *numbers: int) -> None:
    for core, number in enumerate(numbers):
        write(root / f"sys/devices/system/cpu/cpu{core}" / name, f"{number}\n")


@pytest.mark.parametrize(
    ("numbers", "cores"),
    [
        ((1024,) * 8, 8),
        ((325, 325, 325, 325, 780, 780, 780, 1024), 4),  # three clusters, as in phones
        ((446, 446, 446, 446, 1024, 1024, 1024, 1024), 4),  # big.LITTLE
        ((1024, 1024, 1024, 1024, 672, 672, 672, 672), 8),  # slow cores that are worth a thread
    ],
)
def test_a_network_gets_the_cores_of_at_least_half_the_best_ones_capacity(
    tmp_path: Path, numbers: tuple[int, ...], cores: int
) -> None:
    capacities(tmp_path, "cpu_capacity", *numbers)
    assert fast_cores(tmp_path, "aarch64") == cores


def test_without_capacities_an_arm_processor_tells_its_clusters_by_their_clocks(tmp_path: Path) -> None:
    capacities(tmp_path, "cpufreq/cpuinfo_max_freq", *[1_800_000] * 6, *[2_400_000] * 2)
    assert fast_cores(tmp_path, "aarch64") == 2
    assert fast_cores(tmp_path, "x86_64") == 8  # there clocks say little about cores


def test_a_quota_and_the_mask_bound_the_fast_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    capacities(tmp_path, "cpu_capacity", *[446] * 4, *[1024] * 4)
    write(tmp_path / "sys/fs/cgroup/cpu.max", "300000 100000")
    assert fast_cores(tmp_path, "aarch64") == 3
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    assert fast_cores(tmp_path, "aarch64") == 2  # only slow ones are left


def test_where_a_core_tells_nothing_all_usable_cores_count(tmp_path: Path) -> None:
    capacities(tmp_path, "cpu_capacity", 446, 1024)  # the other six have no such file
    assert fast_cores(tmp_path, "aarch64") == 8
    assert fast_cores(tmp_path / "nothing", "aarch64") == 8
