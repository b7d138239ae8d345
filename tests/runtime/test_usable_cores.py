"""The number of threads follows what the process may really use."""

import os
from pathlib import Path

import pytest

from skinseg_runtime.usable_cores import usable_cores


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
