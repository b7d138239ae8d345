"""What is removed by itself, when, and what a wrong clock may not do."""

import pytest

from skinseg_demo.store import Store
from skinseg_demo.store.caretaker import Caretaker
from skinseg_demo.store.cases import Cases
from skinseg_demo.store.retention import Swept
from tests.demo_app.boxes import add_case, add_picture
from tests.demo_app.browsers import HandClock

NOTHING = Swept(cases=0, pictures=0)


def test_an_answered_case_goes_thirty_days_after_its_answer_and_no_other_does(store: Store, clock: HandClock) -> None:
    answered, sent, draft = add_case(store), add_case(store), add_case(store)
    store.outbox.queue(sent.id)
    store.outbox.mark_sent(sent.id, "0" * 64)
    store.replies.add(answered.id, "Fine")

    clock.wind(days=29, hours=23)
    assert store.sweep() == NOTHING
    clock.wind(hours=1)
    assert store.sweep() == Swept(cases=1, pictures=0)

    assert {case.id for case in store.cases.list()} == {sent.id, draft.id}
    assert store.audit.list(case_id=answered.id)[0].detail == "retention, 1 pictures"


def test_a_new_visit_keeps_an_answered_case(store: Store, clock: HandClock) -> None:
    case = add_case(store)
    store.replies.add(case.id, "Come again in a month")
    clock.wind(days=29)
    store.visits.add(case.id)

    clock.wind(days=2)
    assert store.sweep() == NOTHING
    clock.wind(days=29)
    assert store.sweep().cases == 1


def test_the_days_are_a_setting(store: Store, clock: HandClock) -> None:
    store.replies.add(add_case(store).id, "Fine")
    clock.wind(days=3)

    assert store.sweep(retention_days=4) == NOTHING
    assert store.sweep(retention_days=3).cases == 1


def test_a_picture_that_became_part_of_no_case_goes_after_a_day_with_its_files(store: Store, clock: HandClock) -> None:
    loose = add_picture(store)
    case = add_case(store)
    clock.wind(hours=23)
    assert store.sweep() == NOTHING
    clock.wind(hours=2)
    assert store.sweep() == Swept(cases=0, pictures=1)

    kept = [picture.id for picture in store.pictures.of_case(case.id)]
    assert [path.name for path in (store.folder / "pictures").iterdir()] == kept != [loose.id]


def test_a_picture_taken_up_at_the_last_moment_stays(
    store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    loose = add_picture(store)
    visit = store.visits.add(store.cases.create().id)
    clock.wind(days=2)
    real = store.pictures.delete

    def attach_first(picture_id: str, **options: object) -> bool:
        store.pictures.attach(picture_id, visit.id)  # between the look and the removal
        return real(picture_id, **options)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(store.pictures, "delete", attach_first)

    assert store.sweep() == NOTHING
    assert store.pictures.get(loose.id).visit_id == visit.id


def test_a_case_that_a_person_deleted_first_is_no_error(
    store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = add_case(store)
    store.replies.add(case.id, "Fine")
    clock.wind(days=31)

    def delete_first(case_id: str, **options: object) -> bool:
        Cases.delete(store.cases, case_id)
        return Cases.delete(store.cases, case_id, **options)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(store.cases, "delete", delete_first)

    assert store.sweep() == NOTHING


def test_a_clock_that_leaps_removes_nothing_until_it_goes_on_steadily(store: Store, clock: HandClock) -> None:
    store.replies.add(add_case(store).id, "Fine")
    seconds = [0.0]
    caretaker = Caretaker(store.sweep, now=clock, steady=lambda: seconds[0])

    clock.wind(days=400)  # a board that found the network
    seconds[0] += 600
    assert caretaker.look_after() is None
    assert len(store.cases.list()) == 1
    clock.wind(hours=1)
    seconds[0] += 3600
    assert caretaker.look_after() == Swept(cases=1, pictures=0)


def test_a_sweep_that_fails_is_not_the_end_of_the_caretaker(clock: HandClock, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> Swept:
        raise OSError("disk")

    caretaker = Caretaker(fail, now=clock)

    assert caretaker.look_after() is None
    assert "sweeping the store failed" in caplog.text


def test_the_caretaker_ends_at_once_when_told_to(store: Store, clock: HandClock) -> None:
    caretaker = Caretaker(store.sweep, now=clock)
    caretaker.start()
    thread = caretaker._thread

    caretaker.stop()

    assert thread is not None
    assert not thread.is_alive()
