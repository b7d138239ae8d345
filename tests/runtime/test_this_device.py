"""Which device this is, and what keeps an engine of another from running on it."""

import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from skinseg_edge.errors import BundleUnusable, DeviceUnready
from skinseg_runtime import cuda_memory
from skinseg_runtime.cuda_memory.device import CudaFault, GpuFacts
from skinseg_runtime.engines.products import TENSORRT
from skinseg_runtime.this_device import Device, identify
from tests.runtime.made_engines import ORIN, RTX

_FACTS = GpuFacts(
    name="Orin",
    compute_capability="8.7",
    is_integrated=True,
    can_map_host=True,
    memory_bytes=8 << 30,
    cuda="12.9",  # of the library that speaks CUDA; the device is told by its driver
    driver="12.6",
)


@pytest.fixture
def fake_tensorrt(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("tensorrt")
    module.__dict__["__version__"] = "10.3.0"
    monkeypatch.setitem(sys.modules, "tensorrt", module)
    return module


def test_a_device_is_read_as_it_was_written() -> None:
    assert Device.from_json(ORIN.to_json(), "device") == ORIN
    with pytest.raises(BundleUnusable, match="field 'gpu' of device is 7, expected text"):
        Device.from_json({**ORIN.to_json(), "gpu": 7}, "device")


@pytest.mark.parametrize(
    ("here", "words"),
    [
        (RTX, "it is an engine for trt, expected one for trt-rtx"),
        (replace(ORIN, gpu="Thor"), "it was built for the GPU Orin, this device has Thor"),
        (replace(ORIN, compute_capability="11.0"), "it was built for the compute capability 8.7, this device has 11.0"),
        (replace(ORIN, tensorrt="10.16.2"), "it was built with TensorRT 10.3.0, this device has 10.16.2"),
        (replace(ORIN, cuda="13.2"), "it was built with CUDA 12.6, this device has 13.2"),
        (replace(ORIN, jetpack="6.1"), "it was built under JetPack 6.2, this device has JetPack 6.1"),
        (replace(ORIN, jetpack=None, l4t="36.9.0"), "it was built under JetPack 6.2, this device has L4T 36.9.0"),
        (replace(ORIN, jetpack=None, l4t=None), "it was built under JetPack 6.2, this device has no JetPack"),
        (replace(ORIN, memory_bytes=4 << 30), "it was built on a GPU with 8.0 GiB, this device has 4.0 GiB"),
        (replace(ORIN, is_integrated=False), "it was built on a GPU whose memory is shared with the board, this one's"),
    ],
)
def test_what_differs_between_two_devices_is_named(here: Device, words: str) -> None:
    assert (ORIN.difference(here) or "").startswith(words)


@pytest.mark.parametrize(
    "here",
    [
        ORIN,
        replace(ORIN, l4t="36.4.4"),  # an update of NVIDIA's Linux within one JetPack
        replace(ORIN, memory_bytes=7_800_000_000),  # another kernel keeps more for itself
    ],
)
def test_what_changes_nothing_for_an_engine_is_no_difference(here: Device) -> None:
    assert ORIN.difference(here) is None


def test_a_jetson_is_identified(fake_tensorrt: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_memory, "gpu_facts", lambda: _FACTS)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "nv_tegra_release").write_text("# R36 (release), REVISION: 4.3, GCID: 1\n")

    assert identify(TENSORRT, tmp_path) == ORIN


def test_a_workstation_has_no_jetpack(
    fake_tensorrt: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda_memory, "gpu_facts", lambda: _FACTS)

    found = identify(TENSORRT, tmp_path)

    assert (found.jetpack, found.l4t) == (None, None)


def test_a_gpu_that_does_not_answer_is_told(fake_tensorrt: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> SimpleNamespace:
        raise CudaFault("cudaGetDeviceProperties", "cudaErrorUnknown")

    monkeypatch.setattr(cuda_memory, "gpu_facts", fails)

    with pytest.raises(DeviceUnready, match=r"failed with cudaErrorUnknown, .* run skinseg-doctor"):
        identify(TENSORRT)
