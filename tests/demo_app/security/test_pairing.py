"""From a code to a session: good once, for minutes, and for nobody who guesses."""

import base64
import sqlite3
import threading
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from skinseg_demo import DemoConfig
from skinseg_demo.refusals import Refused
from skinseg_demo.security.pairing import AT_START, Offer, Pairing
from skinseg_demo.security.tokens import new_token
from skinseg_demo.services import Services
from tests.demo_app.browsers import ORIGIN, HandClock, MakeApp, browser_of, pair, paired

_REFUSED = "cannot pair this phone: the code is wrong, was used or is too old; scan the newest one on the box"


def test_a_token_is_128_random_bits_in_26_letters() -> None:
    tokens = {new_token() for _ in range(50)}

    assert len(tokens) == 50
    assert {len(base64.b32decode(f"{token}======")) for token in tokens} == {16}
    assert {len(token) for token in tokens} == {26}


def test_a_code_pairs_one_phone(client: FlaskClient, box: Services) -> None:
    answer = pair(client, box.pairing.offer().token, **{"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0)"})

    assert (answer.status_code, answer.data) == (204, b"")
    (phone,) = box.store.phones.list()
    assert (phone.role, phone.label, phone.revoked_at) == ("phone", "iPhone", None)
    assert ">Log off<" in client.get("/", base_url=ORIGIN).text


def test_the_cookie_is_for_this_box_over_https_and_for_no_script(client: FlaskClient, box: Services) -> None:
    cookie = pair(client, box.pairing.offer().token).headers["Set-Cookie"]

    name, *attributes = cookie.split("; ")
    assert name.startswith("__Host-skinseg=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Strict", "Max-Age=43200"} <= set(attributes)
    assert "Domain" not in cookie


def test_in_practice_mode_the_cookie_goes_over_http(tmp_path: Path, make_app: MakeApp) -> None:
    app = make_app(DemoConfig(state=tmp_path, tls="none"))
    box: Services = app.extensions["skinseg"]
    origin = "http://localhost:8080"

    answer = app.test_client().post(
        "/pair", json={"token": box.pairing.offer().token}, base_url=origin, headers={"Origin": origin}
    )

    assert answer.headers["Set-Cookie"].startswith("skinseg=")
    assert "Secure" not in answer.headers["Set-Cookie"]


def test_a_used_code_pairs_nobody(app: Flask, box: Services) -> None:
    token = box.pairing.offer().token
    pair(browser_of(app), token)

    answer = pair(browser_of(app), token)

    assert answer.status_code == 403
    assert answer.json == {"error": {"kind": "TokenRefused", "message": _REFUSED}}
    assert "Set-Cookie" not in answer.headers
    assert len(box.store.phones.list()) == 1


def test_two_phones_that_send_the_same_code_at_once_get_one_session(box: Services) -> None:
    token = box.pairing.offer().token
    barrier = threading.Barrier(4)
    outcomes: list[str] = []

    def send(number: int) -> None:
        barrier.wait()
        try:
            box.pairing.redeem(token, address=str(number), label="Android")
            outcomes.append("paired")
        except Refused as error:
            outcomes.append(error.kind)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["TokenRefused", "TokenRefused", "TokenRefused", "paired"]


def test_a_code_ends_after_two_minutes(client: FlaskClient, box: Services, clock: HandClock) -> None:
    token = box.pairing.offer().token
    clock.wind(minutes=2)

    assert pair(client, token).status_code == 403


@pytest.mark.parametrize(("hours", "status"), [(-24 * 300, 403), (-0.05, 204)])
def test_a_code_ends_when_the_clock_is_set_back_far(
    client: FlaskClient, box: Services, clock: HandClock, hours: float, status: int
) -> None:
    token = box.pairing.offer().token
    clock.wind(hours=hours)

    assert pair(client, token).status_code == status


def test_the_code_printed_at_start_lives_for_fifteen_minutes(
    client: FlaskClient, box: Services, clock: HandClock
) -> None:
    token = box.pairing.offer(lifetime=AT_START).token
    clock.wind(minutes=14, seconds=59)

    assert pair(client, token).status_code == 204


def test_an_unknown_code_pairs_nobody(client: FlaskClient) -> None:
    answer = pair(client, new_token())

    assert answer.status_code == 403
    assert answer.json is not None
    assert answer.json["error"]["message"] == _REFUSED


@pytest.mark.parametrize("document", [{}, [], "x", {"token": 7}, {"token": "A" * 25}, {"token": "A" * 27}])
def test_what_is_no_code_is_told_so(client: FlaskClient, document: object) -> None:
    answer = client.post("/pair", json=document, base_url=ORIGIN, headers={"Origin": ORIGIN})

    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["error"]["kind"] == "TokenMissing"


def test_a_page_of_another_site_cannot_pair_a_browser(client: FlaskClient, box: Services) -> None:
    answer = pair(client, box.pairing.offer().token, Origin="https://evil.example")

    assert answer.status_code == 403
    assert box.store.phones.list() == []


def test_after_five_tries_in_a_minute_an_address_must_wait_even_with_the_right_code(app: Flask, box: Services) -> None:
    guessing = browser_of(app, "192.168.7.66")
    for _ in range(5):
        assert pair(guessing, new_token()).status_code == 403

    answer = pair(guessing, box.pairing.offer().token)

    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert pair(browser_of(app, "192.168.7.67"), box.pairing.offer().token).status_code == 204


def test_after_thirty_tries_in_a_minute_everybody_must_wait(app: Flask, box: Services) -> None:
    tries = [pair(browser_of(app, f"192.168.7.{number}"), new_token()).status_code for number in range(30)]

    answer = pair(browser_of(app, "192.168.7.200"), box.pairing.offer().token)

    assert set(tries) == {403}
    assert answer.status_code == 429


def test_pairing_anew_makes_another_session_and_ends_the_old_one(app: Flask, box: Services) -> None:
    client = paired(browser_of(app), box)
    before = client.get_cookie("__Host-skinseg")

    paired(client, box)

    after = client.get_cookie("__Host-skinseg")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    assert [phone.revoked_at is None for phone in box.store.phones.list()].count(True) == 1


def test_a_cookie_that_somebody_planted_is_never_taken_over(client: FlaskClient, box: Services) -> None:
    client.set_cookie("__Host-skinseg", "A" * 43, domain="localhost", secure=True)

    paired(client, box)

    cookie = client.get_cookie("__Host-skinseg")
    assert cookie is not None
    assert cookie.value != "A" * 43


def test_neither_tokens_nor_cookies_are_written_down(client: FlaskClient, box: Services, config: DemoConfig) -> None:
    unused, token = box.pairing.offer().token, box.pairing.offer().token
    pair(client, token)
    cookie = client.get_cookie("__Host-skinseg")
    assert cookie is not None
    box.store.close()

    with sqlite3.connect(config.store_folder / "store.sqlite") as database:
        dump = "\n".join(database.iterdump())
    database.close()

    assert [secret in dump for secret in (unused, token, cookie.value)] == [False, False, False]
    assert (dump.count('INSERT INTO "pairing_tokens"'), dump.count('INSERT INTO "phones"')) == (2, 1)


def test_an_offer_does_not_show_its_token_when_it_is_logged(box: Services) -> None:
    offer = box.pairing.offer()

    assert offer.token not in repr(offer)
    assert isinstance(offer, Offer)


def test_no_more_than_fifty_codes_are_open(box: Services, clock: HandClock) -> None:
    pairing = Pairing(box.store.phones)
    first = pairing.offer().token
    for _ in range(49):
        clock.wind(seconds=1)
        pairing.offer()
    clock.wind(seconds=1)
    last = pairing.offer().token

    count = box.store.database.row("SELECT count(*) FROM pairing_tokens")
    assert count is not None
    assert count[0] == 50
    pairing.redeem(last, address="a", label="Android")
    with pytest.raises(Refused, match="was used or is too old"):
        pairing.redeem(first, address="a", label="Android")
