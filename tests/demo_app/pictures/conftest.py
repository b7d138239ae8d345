"""A box whose engine runs: the tiny network that takes what is dark for a lesion, in the real runtime."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from skinseg_demo import DemoConfig, create_app
from skinseg_demo.engine_worker import EngineWorker
from skinseg_demo.services import EXTENSION, Services
from skinseg_edge.contract import ModelContract
from tests.demo_app.browsers import browser_of, paired
from tests.demo_app.engines import wait_until_settled
from tests.runtime.tiny_bundle import binary_model, write_bundle

_HW = (192, 256)


@pytest.fixture(scope="package")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose network looks at enough pixels for a disc to be round."""
    folder = tmp_path_factory.mktemp("model") / "tiny.skinseg"
    return write_bundle(folder, model=binary_model(_HW), contract=ModelContract(input_hw=_HW))


@pytest.fixture(scope="package")
def running(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An application whose threads and processes run."""
    config = DemoConfig(state=tmp_path_factory.mktemp("box") / "state", bundle=bundle)
    engine = EngineWorker(config)
    app = create_app(config, engine=engine)
    box: Services = app.extensions[EXTENSION]
    box.start()
    wait_until_settled(engine)
    assert engine.state == "ready", engine.reason
    yield app
    box.stop()


@pytest.fixture
def app(running: Flask) -> Flask:
    """The running application, which has counted no request yet."""
    running.extensions["skinseg.limits"].clear()
    return running


@pytest.fixture
def box(running: Flask) -> Services:
    """What it works with."""
    services: Services = running.extensions[EXTENSION]
    return services


@pytest.fixture(scope="package")
def paired_phone(running: Flask) -> FlaskClient:
    """The browser of a phone that is paired once for all tests."""
    return paired(browser_of(running), running.extensions[EXTENSION])


@pytest.fixture
def phone(app: Flask, paired_phone: FlaskClient) -> FlaskClient:
    """The browser of a paired phone that has sent nothing yet."""
    return paired_phone
