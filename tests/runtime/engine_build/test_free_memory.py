"""Where a build asks how much memory is free."""

from dataclasses import replace
from pathlib import Path

import pytest

from skinseg_runtime.engine_build.free_memory import free_memory
from skinseg_runtime.engines.products import TENSORRT
from skinseg_runtime.this_device import identify
from tests.fake_device.installing import FakeDevice

# Lines of a Jetson Orin Nano 8GB, 7.4 GiB of which Linux shows.
_MEMINFO = """\
MemTotal:        7802040 kB
MemFree:          412344 kB
MemAvailable:    5236540 kB
Buffers:          104964 kB
"""


def test_a_board_that_shares_its_memory_is_asked_for_what_linux_calls_available(
    fake_device: FakeDevice, tmp_path: Path
) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text(_MEMINFO)

    assert free_memory(identify(TENSORRT), tmp_path) == (5236540 << 10, 7802040 << 10)
    assert fake_device.gpu.live_bytes == 0


@pytest.mark.parametrize(("is_integrated", "text"), [(True, "MemTotal: 1 kB\n"), (True, None), (False, _MEMINFO)])
def test_else_the_gpu_is_asked_and_let_go(
    is_integrated: bool, text: str | None, fake_device: FakeDevice, tmp_path: Path
) -> None:
    gpu = fake_device.use(memory=24 << 30, free=20 << 30)
    if text is not None:
        (tmp_path / "proc").mkdir()
        (tmp_path / "proc" / "meminfo").write_text(text)

    assert free_memory(replace(identify(TENSORRT), is_integrated=is_integrated), tmp_path) == (20 << 30, 24 << 30)
    assert gpu.live_bytes == 0


def test_a_service_builds_with_the_memory_that_it_is_allowed(fake_device: FakeDevice, tmp_path: Path) -> None:
    group = tmp_path / "sys" / "fs" / "cgroup"
    for folder in (tmp_path / "proc", group):
        folder.mkdir(parents=True)
    (tmp_path / "proc" / "meminfo").write_text(_MEMINFO)
    (group / "memory.max").write_text(f"{2 << 30}\n")
    (group / "memory.current").write_text(f"{512 << 20}\n")

    assert free_memory(identify(TENSORRT), tmp_path) == (1536 << 20, 2 << 30)
