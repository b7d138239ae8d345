"""The audit log: one line a change, each holding the hash of the one before, and nothing of a patient."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from skinseg_demo.store import Store
from tests.demo_app.boxes import add_case
from tests.demo_app.browsers import HandClock


def _forge(store: Store, sql: str) -> None:
    """Change the log as somebody with the file could."""
    with closing(sqlite3.connect(store.folder / "store.sqlite")) as connection, connection:
        for trigger in ("audit_is_not_changed", "audit_is_not_shortened"):
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(sql)


def test_every_change_is_told_with_who_what_and_of_which_case(store: Store) -> None:
    case = store.cases.create(who="phone1")
    store.cases.update(case.id, {"note": "secret", "skin_type": "IV"}, who="phone2")
    store.cases.delete(case.id, who="phone1")

    told = [(one.who, one.what, one.detail, one.case_id) for one in reversed(store.audit.list())]

    assert told == [
        ("phone1", "case created", "number 2026-0001", case.id),
        ("phone2", "case changed", "note, skin_type", case.id),
        ("phone1", "case deleted", "asked for, 0 pictures", case.id),
    ]


def test_no_name_no_text_and_no_picture_is_in_the_log(store: Store) -> None:
    case = add_case(store, note="Mr. Mwangi of Kisumu", body_site="left arm")
    store.consents.record(case.id, "care", True, who="Nurse Njeri")
    store.outbox.queue(case.id)
    store.outbox.mark_failed(case.id, "no route to Kisumu")
    store.replies.add(case.id, "Dear Mr. Mwangi", author="Dr. Otieno")
    store.cases.delete(case.id)

    log = repr(store.audit.list())

    for words in ("Mwangi", "Njeri", "Otieno", "Kisumu", "left arm", "photo of"):
        assert words not in log


def test_a_change_that_fails_leaves_no_line(store: Store) -> None:
    def fail() -> None:
        with store.database.writing() as connection:
            store.audit.record(connection, who="phone1", what="nothing")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert store.audit.head() == (0, "0" * 64)


def test_the_chain_holds_under_a_clock_that_is_set_back(store: Store, clock: HandClock) -> None:
    store.cases.create()
    clock.wind(days=-9000)
    store.cases.create()

    assert [one.at.year for one in store.audit.list()] == [2002, 2026]
    assert store.audit.verify() is None


@pytest.mark.parametrize(
    ("forgery", "broken"),
    [
        ("UPDATE audit SET who = 'somebody else' WHERE seq = 3", 3),
        ("UPDATE audit SET at = '2020-01-01T00:00:00.000000+00:00' WHERE seq = 1", 1),
        ("UPDATE audit SET case_id = NULL WHERE seq = 2", 2),
        ("DELETE FROM audit WHERE seq = 2", 2),
        ("UPDATE audit SET seq = 9 WHERE seq = 4", 4),
        ("UPDATE audit SET hash = previous WHERE seq = 4", 4),
    ],
)
def test_the_first_line_that_was_forged_is_named(store: Store, forgery: str, broken: int) -> None:
    for _ in range(4):
        store.cases.create()
    assert store.audit.verify() is None

    _forge(store, forgery)

    assert store.audit.verify() == broken


@pytest.mark.parametrize("sql", ["UPDATE audit SET who = 'x'", "DELETE FROM audit"])
def test_the_log_only_grows_unless_its_guards_are_taken_away(store: Store, sql: str) -> None:
    store.cases.create()

    def change() -> None:
        with store.database.writing() as connection:
            connection.execute(sql)

    with pytest.raises(sqlite3.IntegrityError, match="the audit log only grows"):
        change()


def test_the_log_of_one_case_is_found_and_pairing_is_told_too(store: Store) -> None:
    first, _ = store.cases.create(), store.cases.create()
    phone_token = "a" * 64
    store.phones.offer(phone_token, "phone", timedelta(minutes=2))
    store.phones.pair(phone_token, "b" * 64, "iPhone")

    assert [one.what for one in store.audit.list(case_id=first.id)] == ["case created"]
    assert store.audit.list(most=1)[0].what == "phone paired"
