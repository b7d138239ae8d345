"""How long a phone stays paired."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from skinseg_demo.services import Services
from tests.demo_app.browsers import ORIGIN, HandClock, browser_of, paired, post


def _is_paired(client: FlaskClient) -> bool:
    return ">Log off<" in client.get("/", base_url=ORIGIN).text


def test_a_phone_that_rests_for_half_an_hour_is_logged_off_and_told_so(phone: FlaskClient, clock: HandClock) -> None:
    clock.wind(minutes=30)

    answer = phone.post("/leave", base_url=ORIGIN, headers={"Origin": ORIGIN})

    assert answer.status_code == 401
    assert "Cannot go on: this phone rested for 30 minutes and was logged off; scan the code on the box" in answer.text
    assert not _is_paired(phone)


def test_a_phone_in_use_stays_paired(phone: FlaskClient, clock: HandClock) -> None:
    for _ in range(10):
        clock.wind(minutes=29)
        assert _is_paired(phone)


def test_after_twelve_hours_a_phone_is_logged_off_however_busy_it_is(phone: FlaskClient, clock: HandClock) -> None:
    for _ in range(35):
        clock.wind(minutes=20)
        assert _is_paired(phone)
    clock.wind(minutes=20)

    answer = phone.get("/", base_url=ORIGIN)

    assert "the pairing ended after 12 hours" in answer.text


def test_a_revoked_phone_is_logged_off_at_once(phone: FlaskClient, box: Services) -> None:
    (row,) = box.store.phones.list()

    assert box.store.phones.revoke(row.id, who="admin")

    assert "this phone was logged off on the box" in phone.get("/", base_url=ORIGIN).text


def test_a_phone_logs_itself_off_and_its_cookie_is_worth_nothing_afterwards(phone: FlaskClient, app: Flask) -> None:
    cookie = phone.get_cookie("__Host-skinseg")
    assert cookie is not None

    answer = post(phone, "/leave")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert phone.get_cookie("__Host-skinseg") is None
    thief = browser_of(app)
    thief.set_cookie("__Host-skinseg", cookie.value, domain="localhost", secure=True)
    assert not _is_paired(thief)


def test_a_cookie_of_another_length_is_not_even_looked_up(client: FlaskClient, box: Services) -> None:
    client.set_cookie("__Host-skinseg", "A" * 3000, domain="localhost", secure=True)

    assert client.get("/", base_url=ORIGIN).status_code == 200


def test_a_busy_phone_is_written_down_at_most_every_half_minute(
    phone: FlaskClient, box: Services, clock: HandClock
) -> None:
    paired_at = box.store.phones.list()[0].seen_at
    clock.wind(seconds=29)
    _is_paired(phone)
    soon = box.store.phones.list()[0].seen_at
    clock.wind(seconds=1)
    _is_paired(phone)

    assert soon == paired_at
    assert box.store.phones.list()[0].seen_at == clock()


def test_each_phone_has_a_session_of_its_own(app: Flask, box: Services) -> None:
    first, second = paired(browser_of(app), box), paired(browser_of(app), box)

    post(first, "/leave")

    assert (_is_paired(first), _is_paired(second)) == (False, True)


@pytest.mark.parametrize(("hours", "status"), [(-24 * 300, 401), (-0.05, 200)])
def test_a_session_ends_when_the_clock_is_set_back_far(
    phone: FlaskClient, clock: HandClock, hours: float, status: int
) -> None:
    clock.wind(hours=hours)

    answer = phone.get("/cases", base_url=ORIGIN)

    assert answer.status_code == status
    assert ("the box&#39;s clock was set back" in answer.text) == (status == 401)


def test_a_full_disk_keeps_nobody_from_reading(phone: FlaskClient, box: Services, clock: HandClock) -> None:
    (pages,) = box.store.database.rows("PRAGMA page_count")
    before = box.store.phones.list()[0].seen_at
    clock.wind(minutes=1)

    with box.store.database.writing() as connection:
        connection.execute("CREATE TABLE ballast(bytes)")
        connection.execute(f"PRAGMA max_page_count = {pages[0] + 1}")
    trigger = "CREATE TRIGGER full BEFORE UPDATE ON phones BEGIN INSERT INTO ballast VALUES (zeroblob(100000)); END"
    with box.store.database.writing() as connection:
        connection.execute(trigger)

    assert phone.get("/cases", base_url=ORIGIN).status_code == 200
    assert box.store.phones.list()[0].seen_at == before
