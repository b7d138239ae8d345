"""Networks small enough to export in a second, and what export makes of them."""

import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from skinseg_edge import networks
from skinseg_edge.networks import registry
from skinseg_edge.networks.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from skinseg_export.golden import Golden, golden_from_synthetic
from skinseg_export.onnx_from_torch import OnnxExport, onnx_from_torch
from skinseg_export.torch_engine import TorchEngine
from skinseg_runtime import Segmenter
from tests.export.darkness import CONTRACT, Darkness


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Leave slow tests unmeasured: tracing torch's exporter and coremltools nearly doubles what they take.

    What they reach here, quick tests on small networks reach as well.
    """
    coverage = sys.modules.get("coverage")
    measuring = coverage and coverage.Coverage.current()
    if not measuring or item.get_closest_marker("slow") is None:
        return (yield)
    measuring.stop()
    try:
        return (yield)
    finally:
        measuring.start()


@pytest.fixture(scope="session", autouse=True)
def _registered() -> Iterator[None]:
    networks.register("darkness", Darkness)
    yield
    del registry._factories["darkness"]


@pytest.fixture(scope="session")
def checkpoint_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "darkness.safetensors"
    save_checkpoint(
        path, Darkness().state_dict(), network_name="darkness", contract=CONTRACT, training={"data": "nothing at all"}
    )
    return path


@pytest.fixture(scope="session")
def checkpoint(checkpoint_path: Path) -> Checkpoint:
    return load_checkpoint(checkpoint_path)


@pytest.fixture(scope="session")
def reference() -> TorchEngine:
    return TorchEngine(Darkness(), CONTRACT)


@pytest.fixture(scope="session")
def golden(reference: TorchEngine) -> tuple[Golden, ...]:
    return golden_from_synthetic(Segmenter(CONTRACT, reference))


@pytest.fixture(scope="session")
def exported() -> OnnxExport:
    return onnx_from_torch(Darkness(), CONTRACT)
