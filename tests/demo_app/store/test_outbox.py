"""The outbox: states that outlive a power cut, waits that grow, and what happens to a case that changes meanwhile."""

from datetime import timedelta

import pytest

from skinseg_demo.store import Store
from skinseg_edge.errors import FileMissing, InputError
from tests.demo_app.boxes import add_case, add_picture
from tests.demo_app.browsers import HandClock

SHA256 = "5" * 64


def test_a_case_goes_from_draft_to_queued_to_sent_to_answered(store: Store) -> None:
    case = add_case(store)
    states = [store.outbox.get(case.id).state]
    states.append(store.outbox.queue(case.id).state)
    store.outbox.mark_sent(case.id, SHA256, revision=case.revision)
    states.append(store.outbox.get(case.id).state)
    states.append(store.outbox.mark_answered(case.id).state)

    assert states == ["draft", "queued", "sent", "answered"]
    assert store.outbox.get(case.id).package_sha256 == SHA256


def test_without_consent_to_care_or_without_a_picture_nothing_is_queued(store: Store) -> None:
    without_consent = add_case(store, is_sendable=False)
    without_picture = store.cases.create()
    store.consents.record(without_picture.id, "care", True)

    with pytest.raises(InputError, match="no consent to care is recorded"):
        store.outbox.queue(without_consent.id)
    with pytest.raises(InputError, match="it has no picture"):
        store.outbox.queue(without_picture.id)
    assert [one.state for one in store.outbox.list()] == ["draft", "draft"]


def test_withdrawing_the_consent_to_care_takes_a_case_out_of_the_queue_and_to_teaching_does_not(store: Store) -> None:
    case = add_case(store)
    store.outbox.queue(case.id)

    store.consents.record(case.id, "teaching", False)
    assert store.outbox.get(case.id).state == "queued"
    store.consents.record(case.id, "care", False)

    assert store.outbox.get(case.id).state == "draft"
    assert store.outbox.due() == []


def test_waits_grow_with_each_try_up_to_an_hour(store: Store, clock: HandClock) -> None:
    case = add_case(store)
    store.outbox.queue(case.id)
    waits = []
    for _ in range(10):
        entry = store.outbox.mark_failed(case.id, "no network")
        assert entry.next_try_at is not None
        waits.append((entry.next_try_at - clock()).total_seconds())

    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert store.outbox.due() == []
    assert [one.tries for one in store.outbox.due(clock() + timedelta(hours=1))] == [10]


def test_a_receiver_may_ask_for_a_longer_wait_but_for_no_more_than_an_hour(store: Store, clock: HandClock) -> None:
    case = add_case(store)
    store.outbox.queue(case.id)

    asked = [store.outbox.mark_failed(case.id, "busy", wait=timedelta(seconds=s)).next_try_at for s in (300, 10**6)]

    assert [time - clock() for time in asked if time] == [timedelta(minutes=5), timedelta(hours=1)]


def test_a_clock_that_jumps_back_makes_no_case_wait_for_years(store: Store, clock: HandClock) -> None:
    clock.wind(days=2000)  # a board that woke up in the wrong year
    case = add_case(store)
    store.outbox.queue(case.id)
    store.outbox.mark_failed(case.id, "no network")

    clock.wind(days=-2000)

    assert [one.case_id for one in store.outbox.due()] == [case.id]


def test_a_case_that_changed_while_it_was_sent_is_sent_again_as_it_is_now(store: Store) -> None:
    case = add_case(store)
    store.outbox.queue(case.id)
    store.cases.update(case.id, {"note": "it bled this morning"})

    assert store.outbox.mark_sent(case.id, SHA256, revision=case.revision) is False
    assert [one.case_id for one in store.outbox.due()] == [case.id]
    assert store.outbox.mark_sent(case.id, SHA256, revision=case.revision + 1) is True


def test_everything_that_goes_into_a_package_counts_as_a_change(store: Store) -> None:
    case = add_case(store)
    revisions = [case.revision]
    picture = add_picture(store)

    def note() -> None:
        revisions.append(store.cases.get(case.id).revision)

    visit = store.visits.add(case.id)
    note()
    store.pictures.attach(picture.id, visit.id)
    note()
    store.corrections.add(picture.id, "unusable")
    note()
    store.consents.record(case.id, "teaching", True)
    note()
    store.pictures.delete(picture.id)
    note()

    assert revisions == list(range(case.revision, case.revision + 6))


def test_a_case_deleted_while_it_was_sent_stays_deleted(store: Store) -> None:
    case = add_case(store)
    store.outbox.queue(case.id)
    store.cases.delete(case.id)

    assert store.outbox.mark_sent(case.id, SHA256) is False
    with pytest.raises(FileMissing):
        store.outbox.mark_failed(case.id, "no network")
    assert store.outbox.list() == []


def test_that_a_copy_of_a_deleted_case_arrived_is_in_the_audit_log(store: Store) -> None:
    case = add_case(store)
    store.outbox.queue(case.id)
    store.cases.delete(case.id)
    store.outbox.mark_sent(case.id, SHA256)

    lines = [(line.what, line.detail) for line in store.audit.list(case_id=case.id, most=2)]

    assert lines[0] == ("case sent", f"package {SHA256[:16]}, deleted meanwhile")
    assert lines[1][0] == "case deleted"


def test_an_answer_to_what_was_sent_before_does_not_take_news_out_of_the_queue(store: Store) -> None:
    case = add_case(store)
    store.outbox.queue(case.id)
    store.replies.add(case.id, "Please send a closer one")

    assert store.outbox.get(case.id).state == "queued"


def test_the_state_is_there_after_a_start_and_who_listens_is_told_of_the_next(store: Store, clock: HandClock) -> None:
    case = add_case(store)
    store.outbox.queue(case.id)
    again = Store.open(store.folder, now=clock)
    told: list[str] = []
    again.outbox.on_queue.append(lambda: told.append("queued"))

    assert [one.case_id for one in again.outbox.due()] == [case.id]
    again.outbox.queue(case.id)
    again.close()
    assert told == ["queued"]
