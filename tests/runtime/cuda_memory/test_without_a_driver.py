"""What the real libraries say on a machine without an NVIDIA driver, such as CI's; skipped where they are missing."""

import importlib.util

import pytest

from skinseg_edge.errors import ToolMissing
from skinseg_runtime.cuda_memory import BACKENDS, gpu_facts, has_nvidia_gpu, open_cuda


@pytest.fixture(params=BACKENDS)
def installed(request: pytest.FixtureRequest) -> str:
    if has_nvidia_gpu():
        pytest.skip("this machine shows an NVIDIA GPU")
    if importlib.util.find_spec(str(request.param).partition(".")[0]) is None:
        pytest.skip(f"{request.param} is not installed here")
    return str(request.param)


def test_a_library_without_a_driver_is_a_tool_missing_in_one_sentence(installed: str) -> None:
    for ask in (gpu_facts, open_cuda):
        with pytest.raises(ToolMissing, match=rf"cannot use the GPU: {installed} found no NVIDIA driver \(libcuda\)"):
            ask(installed)
