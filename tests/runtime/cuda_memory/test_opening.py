"""Which library speaks CUDA, and what is said where none can: the library, the driver or the GPU is missing."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from skinseg_edge.errors import ToolMissing, UnknownName
from skinseg_runtime.cuda_memory import BACKENDS, gpu_facts, open_cuda
from skinseg_runtime.cuda_memory.device import CudaFault, GpuFacts
from tests.fake_device.installing import FakeDevice
from tests.fresh_interpreter import run_python


@pytest.mark.parametrize("backend", [None, *BACKENDS])
def test_facts_are_told_without_a_context_on_the_gpu(fake_device: FakeDevice, backend: str | None) -> None:
    gpu = fake_device.use(memory=3 << 30, can_map_host=False, cuda=12060, driver=13000)

    assert gpu_facts(backend) == GpuFacts(
        name="fake Orin",
        compute_capability="8.7",
        is_integrated=True,
        can_map_host=False,
        memory_bytes=3 << 30,
        cuda="12.6",
        driver="13.0",
    )
    assert not {"cudaSetDevice", "cuDevicePrimaryCtxRetain", "cudaMemGetInfo"} & set(gpu.calls)


@pytest.mark.parametrize(("missing", "opened"), [((), "pycuda"), (("pycuda",), "cuda.bindings"), (("cuda",), "pycuda")])
def test_pycuda_comes_first_and_the_other_where_it_is_not_installed(
    fake_device: FakeDevice, missing: tuple[str, ...], opened: str
) -> None:
    fake_device.use(missing=missing)

    device = open_cuda()

    assert device.backend == opened
    device.close()


def test_an_unknown_library_is_refused_with_the_known_ones(fake_device: FakeDevice) -> None:
    with pytest.raises(UnknownName, match=r"cannot find the CUDA back end 'cupy': known are cuda\.bindings, pycuda"):
        open_cuda("cupy")


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        (None, "neither pycuda nor cuda.bindings is installed"),
        ("pycuda", "pycuda is not installed"),
        ("cuda.bindings", "cuda.bindings is not installed"),
    ],
)
def test_a_library_that_is_missing_is_named_with_how_to_get_it(
    fake_device: FakeDevice, backend: str | None, words: str
) -> None:
    fake_device.use(missing=("pycuda", "cuda"))

    for ask in (open_cuda, gpu_facts):
        with pytest.raises(ToolMissing) as caught:
            ask(backend)
        assert str(caught.value) == (
            f"cannot use the GPU: {words}; on a Jetson run pip install 'skinseg-edge[jetson]', elsewhere "
            "pip install cuda-bindings"
        )


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_missing_driver_is_told_from_a_missing_gpu(fake_device: FakeDevice, backend: str) -> None:
    fake_device.use(driver=0)
    with pytest.raises(ToolMissing, match=rf"{re.escape(backend)} found no NVIDIA driver \(libcuda\) on this machine"):
        open_cuda(backend)

    fake_device.use(devices=0)
    with pytest.raises(ToolMissing, match="cannot use GPU 0: the NVIDIA driver shows 0 GPUs; look at CUDA_VISIBLE"):
        open_cuda(backend)


@pytest.mark.parametrize("ordinal", [1, -1])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_gpu_beyond_those_there_are_is_named_with_their_count(
    fake_device: FakeDevice, backend: str, ordinal: int
) -> None:
    with pytest.raises(ToolMissing, match=f"cannot use GPU {ordinal}: the NVIDIA driver shows 1 GPUs"):
        open_cuda(backend, ordinal=ordinal)


def test_a_driver_older_than_the_library_is_named_with_both_versions(fake_device: FakeDevice) -> None:
    fake_device.use(cuda=13050, driver=12060)

    with pytest.raises(ToolMissing) as caught:
        gpu_facts("cuda.bindings")

    assert str(caught.value) == (
        "cannot use the GPU: the NVIDIA driver knows CUDA up to 12.6, cuda-bindings needs 13.5; update the driver or "
        "run pip install 'cuda-bindings<13'"
    )


@pytest.mark.parametrize(("backend", "call"), [("pycuda", "cuInit"), ("cuda.bindings", "cudaGetDeviceCount")])
def test_a_driver_that_does_not_start_is_told_with_the_error(fake_device: FakeDevice, backend: str, call: str) -> None:
    fake_device.use(fault={"call": call, "after": 0, "code": "cudaErrorSystemDriverMismatch"})

    with pytest.raises(ToolMissing) as caught:
        open_cuda(backend)

    assert str(caught.value) == (
        f"cannot use the GPU: {call} failed with cudaErrorSystemDriverMismatch; see whether nvidia-smi works here, and "
        "start the machine again"
    )


@pytest.mark.parametrize(
    ("backend", "call"), [("pycuda", "cuDevicePrimaryCtxRetain"), ("cuda.bindings", "cudaSetDevice")]
)
def test_a_gpu_that_takes_no_context_is_a_fault(fake_device: FakeDevice, backend: str, call: str) -> None:
    fake_device.use(fault={"call": call, "after": 0, "code": "cudaErrorMemoryAllocation"})

    with pytest.raises(CudaFault, match=f"{call} failed with cudaErrorMemoryAllocation"):
        open_cuda(backend)


def test_a_library_that_does_not_load_is_passed_over_for_one_that_does(
    fake_device: FakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = "undefined symbol: cuStreamCreate_v9"
    monkeypatch.setattr("skinseg_runtime.cuda_memory.pycuda_driver._library", _raising(ImportError(broken)))

    device = open_cuda()
    with pytest.raises(ToolMissing, match=rf"pycuda is installed and does not load \({broken}\); install it again"):
        open_cuda("pycuda")

    assert device.backend == "cuda.bindings"
    device.close()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("raise AttributeError('numpy has no intp')", r"AttributeError: numpy has no intp"),
        ("import pytools_that_is_missing", r"No module named 'pytools_that_is_missing'"),
    ],
)
@pytest.mark.parametrize(("backend", "file"), [("pycuda", "driver.py"), ("cuda.bindings", "runtime.py")])
def test_a_library_that_falls_over_something_else_is_told_from_a_missing_one(
    fake_device: FakeDevice,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    backend: str,
    file: str,
    fault: str,
    words: str,
) -> None:
    folder = tmp_path
    for part in backend.split("."):
        folder /= part
        folder.mkdir()
        (folder / "__init__.py").touch()
    (folder / file).write_text(fault)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    with pytest.raises(ToolMissing, match=rf"{re.escape(backend)} is installed and does not load \({words}\)"):
        open_cuda(backend)


def test_a_library_that_misses_its_driver_with_an_exception_is_understood(fake_device: FakeDevice) -> None:
    fake_device.use(driver=0, old_bindings=True)

    with pytest.raises(ToolMissing, match=r"cuda\.bindings found no NVIDIA driver \(libcuda\) on this machine"):
        gpu_facts("cuda.bindings")


def test_no_library_of_cuda_is_imported_before_a_gpu_is_asked_for() -> None:
    done = run_python(
        "import sys, skinseg_runtime.cuda_memory as room\n"
        "room.has_nvidia_gpu()\n"
        "print([name for name in ('numpy', 'pycuda', 'cuda', 'tensorrt') if name in sys.modules])"
    )

    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def _raising(error: Exception) -> Callable[[], object]:
    def fail() -> object:
        raise error

    return fail
