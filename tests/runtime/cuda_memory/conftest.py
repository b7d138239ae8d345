"""A fake GPU opened through each of the libraries that speak CUDA: the tests are the same for both."""

from collections.abc import Iterator

import pytest

from skinseg_runtime.cuda_memory import BACKENDS, open_cuda
from skinseg_runtime.cuda_memory.device import CudaDevice
from tests.fake_device.installing import FakeDevice


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def device(fake_device: FakeDevice, backend: str) -> Iterator[CudaDevice]:
    opened = open_cuda(backend)
    yield opened
    opened.close()
