"""What a browser does with the demo, for tests: pair, send a form; and a clock wound by hand."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from skinseg_demo import DemoConfig
from skinseg_demo.services import Services
from skinseg_demo.store.phones import Role

__all__ = ["ORIGIN", "HandClock", "MakeApp", "browser_of", "csrf_of", "pair", "paired", "post", "post_form"]

MakeApp = Callable[[DemoConfig], Flask]

ORIGIN = "https://localhost:8443"  # a host of every box


class HandClock:
    """A clock that goes only when told to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.time

    def wind(self, **units: float) -> None:
        """Go on by *units*, as of timedelta."""
        self.time += timedelta(**units)


def browser_of(app: Flask, address: str = "192.168.7.20") -> FlaskClient:
    """Return a new browser elsewhere on the network."""
    made = app.test_client()
    made.environ_base["REMOTE_ADDR"] = address
    return made


def pair(client: FlaskClient, token: str, **headers: str) -> TestResponse:
    """Hand over a token as the page /p does."""
    return client.post("/pair", json={"token": token}, base_url=ORIGIN, headers={"Origin": ORIGIN, **headers})


def paired(client: FlaskClient, box: Services, role: Role = "phone") -> FlaskClient:
    """Pair a browser and return it."""
    assert pair(client, box.pairing.offer(role).token).status_code == 204
    return client


def csrf_of(client: FlaskClient) -> str:
    """Return the CSRF token that the first page holds."""
    found = re.search(r'<meta name="csrf" content="(\w*)">', client.get("/", base_url=ORIGIN).text)
    assert found is not None
    return found[1]


def post(client: FlaskClient, path: str, **rest: str) -> TestResponse:
    """Send a form as our own page does; *rest*: headers that replace the usual ones."""
    headers = {"Origin": ORIGIN, "X-CSRF-Token": csrf_of(client), "Sec-Fetch-Site": "same-origin"} | rest
    return client.post(path, base_url=ORIGIN, headers=headers)


def post_form(client: FlaskClient, path: str, **fields: object) -> TestResponse:
    """Fill in a form of our own page and send it."""
    return client.post(path, base_url=ORIGIN, headers={"Origin": ORIGIN}, data={"csrf": csrf_of(client), **fields})
