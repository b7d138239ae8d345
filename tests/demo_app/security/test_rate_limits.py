"""How often is too often, and that counting needs bounded memory."""

from flask import Flask
from flask.testing import FlaskClient

from skinseg_demo.security.rate_limits import RateLimit, rate_limited
from skinseg_demo.security.roles import for_phones
from skinseg_demo.services import Services
from tests.demo_app.browsers import ORIGIN, browser_of, paired


class _Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def test_the_next_try_is_let_in_when_the_oldest_has_left_the_window() -> None:
    clock = _Clock()
    limit = RateLimit(2, 60.0, clock=clock)

    waits = [limit.wait_s("a")]
    clock.time += 20
    waits += [limit.wait_s("a"), limit.wait_s("a"), limit.wait_s("b")]
    clock.time += 39.5
    waits += [limit.wait_s("a")]
    clock.time += 0.5
    waits += [limit.wait_s("a"), limit.wait_s("a")]

    assert waits == [0, 0, 40, 0, 1, 0, 20]


def test_a_flood_of_callers_fills_no_memory() -> None:
    limit = RateLimit(2, 60.0, callers=10)

    for number in range(1000):
        limit.wait_s(f"10.0.{number // 256}.{number % 256}")

    assert len(limit) == 10


def test_a_limited_view_counts_each_phone_apart(app: Flask, box: Services) -> None:
    @app.get("/often")
    @for_phones
    @rate_limited("questions", times=2, seconds=60)
    def often() -> str:
        return "yes"

    first, second = paired(browser_of(app), box), paired(browser_of(app), box)

    def ask(client: FlaskClient) -> int:
        return client.get("/often", base_url=ORIGIN).status_code

    assert [ask(first), ask(first), ask(first), ask(second)] == [200, 200, 429, 200]
    answer = first.get("/often", base_url=ORIGIN)
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert "too many questions came from this phone, 2 in 60 s are the limit" in answer.text
