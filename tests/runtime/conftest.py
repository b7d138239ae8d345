"""What the runtime's tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_device.installing import FakeDevice, fakes_on_path
from tests.runtime.tiny_bundle import write_bundle, write_photo


@pytest.fixture(autouse=True)
def no_trusted_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SKINSEG_TRUSTED_KEY", raising=False)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "tiny.skinseg")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return write_photo(tmp_path / "mole.jpg")


@pytest.fixture
def fake_device(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDevice]:
    """A GPU, TensorRT, TensorRT-RTX, pycuda and cuda.bindings that keep NVIDIA's rules, here and in children."""
    with fakes_on_path(monkeypatch) as device:
        yield device
