"""What starts and ends with the box, and how its state reaches a page."""

from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient

from skinseg_demo import DemoConfig, create_app
from skinseg_demo.security.roles import open_to_all
from skinseg_demo.serving.local_ca import ca_file, ensure_certificates
from skinseg_edge.errors import (
    DeviceBusy,
    FileMissing,
    InputError,
    OutputRefused,
    ParityFailed,
    PictureTooLarge,
    PictureUnreadable,
    SkinsegError,
)
from tests.demo_app.browsers import ORIGIN


@dataclass
class _Thread:
    """Stands for the engine and for the sender: notes what it is told."""

    name: str
    told: list[str]
    state: str = "ready"
    reason: str | None = None
    waiting: int = 0

    def start(self) -> None:
        self.told.append(f"start {self.name}")

    def stop(self) -> None:
        self.told.append(f"stop {self.name}")


def test_the_engine_and_the_sender_start_and_end_with_the_box(config: DemoConfig) -> None:
    told: list[str] = []
    app = create_app(config, engine=_Thread("engine", told), sender=_Thread("sender", told))
    box = app.extensions["skinseg"]

    made = list(told)
    box.start()
    box.stop()

    assert made == []  # nothing runs before the fork
    assert told == ["start engine", "start sender", "stop engine", "stop sender"]


def test_without_an_engine_the_box_starts_and_ends_all_the_same(config: DemoConfig) -> None:
    box = create_app(config).extensions["skinseg"]

    box.start()
    box.stop()


@pytest.mark.parametrize(
    ("state", "waiting", "status", "missing"),
    [
        ("ready", 0, 200, []),
        ("ready", 8, 503, ["queue"]),
        ("starting", 0, 503, ["engine"]),
        ("failed", 0, 503, ["engine"]),
    ],
)
def test_the_box_is_ready_when_its_engine_is_and_a_place_is_free(
    config: DemoConfig, state: str, waiting: int, status: int, missing: list[str]
) -> None:
    app = create_app(config, engine=_Thread("engine", [], state, None, waiting))

    answer = app.test_client().get("/readyz", base_url=ORIGIN)
    app.extensions["skinseg"].store.close()

    assert answer.status_code == status
    assert answer.json is not None
    assert [name for name, is_well in answer.json["checks"].items() if not is_well] == missing


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (PictureTooLarge, 413),
        (PictureUnreadable, 415),
        (FileMissing, 404),
        (OutputRefused, 507),
        (InputError, 400),
        (DeviceBusy, 503),
        (ParityFailed, 500),
    ],
)
def test_an_error_of_the_project_reaches_a_program_with_its_kind_and_its_sentence(
    app: Flask, client: FlaskClient, error: type[SkinsegError], status: int
) -> None:
    @app.get("/api/failing")
    @open_to_all
    def failing() -> str:
        raise error("cannot do it: this came, that was expected")

    answer = client.get("/api/failing", base_url=ORIGIN)

    assert answer.status_code == status
    assert answer.json == {"error": {"kind": error.__name__, "message": "cannot do it: this came, that was expected"}}
    assert (answer.headers.get("Retry-After") is not None) == (status == 503)


def test_a_paired_phone_finds_the_steps_and_the_certificate_on_the_box_itself(
    client: FlaskClient, config: DemoConfig
) -> None:
    ensure_certificates(config, ("192.168.7.2",))

    page, file = (client.get(path, base_url=ORIGIN) for path in ("/trust", "/trust/skinseg-ca.crt"))

    assert "Certificate Trust Settings" in page.text
    assert file.data == ca_file(config).read_bytes()
