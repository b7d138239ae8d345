"""Rows of phones and tokens, and that each change is told to the audit log inside its own transaction."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from skinseg_demo.store.database import Database
from skinseg_demo.store.phones import Phones
from tests.demo_app.browsers import HandClock


class _Log:
    """An audit log that may refuse."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.is_full = False

    def record(self, connection: sqlite3.Connection, *, who: str, what: str, detail: str) -> None:
        assert connection.in_transaction
        if self.is_full:
            raise OSError("disk full")
        self.lines.append((what, detail))


@pytest.fixture
def log() -> _Log:
    return _Log()


@pytest.fixture
def phones(tmp_path: Path, clock: HandClock, log: _Log) -> Iterator[Phones]:
    database = Database(tmp_path / "store.sqlite", now=clock)
    yield Phones(database, log)
    database.close()


def test_a_phone_is_found_by_its_id_and_by_its_cookie(phones: Phones) -> None:
    phones.offer("token", "admin", timedelta(minutes=2))

    phone = phones.pair("token", "secret", "Android")

    assert phone is not None
    assert phones.get(phone.id) == phones.by_secret("secret") == phone
    assert (phone.role, phone.label) == ("admin", "Android")
    assert phones.get("another") is None


def test_the_phone_seen_last_comes_first(phones: Phones, clock: HandClock) -> None:
    for name in ("a", "b"):
        phones.offer(name, "phone", timedelta(minutes=2))
        phones.pair(name, f"secret {name}", name)
        clock.wind(minutes=1)
    first = phones.by_secret("secret a")
    assert first is not None

    phones.touch(first)

    assert [phone.label for phone in phones.list()] == ["a", "b"]


def test_a_phone_is_revoked_once(phones: Phones, log: _Log) -> None:
    phones.offer("token", "phone", timedelta(minutes=2))
    phone = phones.pair("token", "secret", "Android")
    assert phone is not None

    answers = [phones.revoke(phone.id, who="admin"), phones.revoke(phone.id, who="admin"), phones.revoke("no", who="a")]

    assert answers == [True, False, False]
    assert log.lines == [("phone paired", "role phone"), ("phone revoked", f"phone {phone.id}")]


def test_a_pairing_that_cannot_be_logged_does_not_happen(phones: Phones, log: _Log) -> None:
    phones.offer("token", "phone", timedelta(minutes=2))
    log.is_full = True

    with pytest.raises(OSError, match="disk full"):
        phones.pair("token", "secret", "Android")

    log.is_full = False
    assert phones.list() == []
    assert phones.pair("token", "secret", "Android") is not None  # the code is not spent
