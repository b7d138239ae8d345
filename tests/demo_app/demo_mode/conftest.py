"""A demo whose engine runs: the tiny network that takes what is dark for a lesion."""

from collections.abc import Iterator

import pytest
from flask import Flask

from skinseg_demo import DemoConfig, create_app
from skinseg_demo.engine_worker import EngineWorker
from skinseg_demo.services import EXTENSION, Services
from skinseg_edge.contract import ModelContract
from tests.demo_app.engines import wait_until_settled
from tests.runtime.tiny_bundle import binary_model, write_bundle

_HW = (96, 128)


@pytest.fixture(scope="module")
def demo_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An application in demo mode; the engine runs, demo mode's own thread does not."""
    folder = tmp_path_factory.mktemp("demo")
    bundle = write_bundle(folder / "tiny.skinseg", model=binary_model(_HW), contract=ModelContract(input_hw=_HW))
    config = DemoConfig(state=folder / "state", bundle=bundle, is_demo=True)
    engine = EngineWorker(config)
    app = create_app(config, engine=engine)
    box: Services = app.extensions[EXTENSION]
    assert box.outlining is not None
    engine.start()
    box.outlining.start()
    wait_until_settled(engine)
    assert engine.state == "ready", engine.reason
    yield app
    box.stop()


@pytest.fixture(scope="module")
def demo_box(demo_app: Flask) -> Services:
    """What it works with."""
    services: Services = demo_app.extensions[EXTENSION]
    return services
