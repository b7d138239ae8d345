"""/metrics: who may read it, what it counts, and that it tells nothing of a patient."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import pytest
from flask import Flask
from flask.testing import FlaskClient

from skinseg_demo import DemoConfig, create_app
from skinseg_demo.monitoring.box_health import look_at
from skinseg_demo.monitoring.exposition import text_of
from skinseg_demo.monitoring.gauges import families_of
from skinseg_demo.monitoring.meters import Meters
from skinseg_demo.security.roles import open_to_all
from skinseg_demo.services import Services
from skinseg_runtime.device_sensors import Sensor, Sensors, Unread
from tests.demo_app.browsers import ORIGIN, browser_of, post


class _Disk(NamedTuple):
    """As shutil tells of a disk."""

    total: int
    used: int
    free: int


@dataclass
class _Engine:
    """Stands for the engine."""

    state: str = "ready"
    reason: str | None = None
    waiting: int = 0

    def start(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


@pytest.fixture
def local(app: Flask) -> FlaskClient:
    """A program on the box itself."""
    return browser_of(app, "127.0.0.1")


def _page(local: FlaskClient) -> str:
    answer = local.get("/metrics", base_url=ORIGIN)
    assert (answer.status_code, answer.content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return answer.text


def _value(page: str, line: str) -> float:
    found = re.search(rf"^{re.escape(line)} (\S+)$", page, re.MULTILINE)
    assert found is not None, f"{line} is not in\n{page}"
    return float(found[1])


def test_programs_on_the_box_alone_read_the_figures(app: Flask, phone: FlaskClient, admin: FlaskClient) -> None:
    proxied = browser_of(app, "127.0.0.1").get("/metrics", base_url=ORIGIN, headers={"X-Forwarded-For": "10.0.0.9"})
    others = [who.get("/metrics", base_url=ORIGIN) for who in (browser_of(app), phone, admin)]

    assert [answer.status_code for answer in (proxied, *others)] == [403] * 4
    assert {b"skinseg_ready" in answer.data for answer in others} == {False}


def test_requests_are_timed_by_view_and_refusals_counted_by_reason(local: FlaskClient, phone: FlaskClient) -> None:
    for _ in range(3):
        phone.get("/healthz", base_url=ORIGIN)
    phone.get("/nothing/here", base_url=ORIGIN)
    phone.get("/admin", base_url=ORIGIN)
    phone.post("/leave", base_url=ORIGIN)

    page = _page(local)

    assert _value(page, 'skinseg_request_seconds_count{view="health.healthz"}') == 3
    assert _value(page, 'skinseg_request_seconds_bucket{view="health.healthz",le="+Inf"}') == 3
    assert _value(page, 'skinseg_request_seconds_count{view="none"}') == 1
    assert _value(page, 'skinseg_refusals_total{reason="NotFound"}') == 1
    assert _value(page, 'skinseg_refusals_total{reason="NotAdmin"}') == 1
    assert _value(page, 'skinseg_refusals_total{reason="ForeignPage"}') == 1


def test_the_time_of_the_network_is_taken_from_each_result(app: Flask, local: FlaskClient, phone: FlaskClient) -> None:
    result = {"schema": "skinseg.demo.result/1", "ms": {"engine": 42.0}}
    name = next(rule.endpoint for rule in app.url_map.iter_rules() if rule.rule == "/api/pictures")
    app.view_functions[name] = open_to_all(lambda: (result, 201))

    answer = post(phone, "/api/pictures")

    page = _page(local)
    assert answer.status_code == 201
    assert _value(page, "skinseg_inference_milliseconds_sum") == 42
    assert _value(page, 'skinseg_inference_milliseconds_bucket{le="20"}') == 0
    assert _value(page, 'skinseg_inference_milliseconds_bucket{le="50"}') == 1


def test_no_id_no_label_and_no_address_is_in_the_figures(local: FlaskClient, phone: FlaskClient, box: Services) -> None:
    case = box.store.cases.create(who="box")
    phone.get(f"/cases/{case.id}?of=Mary", base_url=ORIGIN)
    phone.get("/api/pictures/Mary-Smith/result", base_url=ORIGIN)
    known = box.store.phones.list()[0]

    page = _page(local)

    told = {case.id, case.number, known.id, known.label, "Mary", "192.168", str(box.config.state)}
    assert {word for word in told if word in page} == set()


def test_the_number_of_lines_is_bounded_whatever_is_asked() -> None:
    made = Meters()
    for index in range(5000):
        made.note_request(f"view {index}", 0.1)
        made.note_refusal(f"kind {index}")

    lines = text_of(made.families()).splitlines()

    assert len(lines) < 2000
    assert _value("\n".join(lines), 'skinseg_refusals_total{reason="other"}') == 4900


class TestGauges:
    """What one look at the box gives."""

    @pytest.fixture
    def busy(self, config: DemoConfig) -> Iterator[Services]:
        """A box whose engine has pictures waiting."""
        services: Services = create_app(config, engine=_Engine("building", None, 3)).extensions["skinseg"]
        yield services
        services.store.close()

    def test_engine_queue_and_outbox_are_told(self, busy: Services) -> None:
        busy.store.cases.create(who="box")

        page = text_of(families_of(look_at(busy, Sensors())))

        states = [
            _value(page, f'skinseg_engine_state{{state="{state}"}}')
            for state in ("none", "starting", "building", "ready", "failed")
        ]
        assert states == [0, 0, 1, 0, 0]
        assert _value(page, "skinseg_queue_pictures") == 3
        assert _value(page, 'skinseg_outbox_cases{state="draft"}') == 1
        assert _value(page, "skinseg_ready") == 0
        assert _value(page, "skinseg_disk_free_bytes") > 0

    def test_a_disk_that_is_nearly_full_makes_the_box_unready(
        self, busy: Services, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: _Disk(10**12, 10**12 - 10**9, 10**9))

        health = look_at(busy, Sensors())

        assert health.checks["disk"] is False
        assert _value(text_of(families_of(health)), "skinseg_disk_free_bytes") == 1e9

    def test_a_temperature_is_told_with_its_sensor(self, busy: Services) -> None:
        sensor = Sensor(name="cpu-thermal", kind="temperature_c", includes="a made-up zone", read=lambda: 61.5)

        page = text_of(families_of(look_at(busy, Sensors((sensor,)))))

        assert _value(page, 'skinseg_temperature_celsius{sensor="cpu-thermal"}') == 61.5

    def test_a_temperature_that_cannot_be_read_is_absent_and_never_zero(self, busy: Services) -> None:
        asleep = Sensor(name="gpu-thermal", kind="temperature_c", includes="a made-up zone", read=lambda: None)
        why = Unread("temperature", "this system shows no thermal zone")

        health = look_at(busy, Sensors((asleep,), (why,)))

        assert "skinseg_temperature_celsius" not in text_of(families_of(health))
        assert health.no_temperature == "this system shows no thermal zone"
