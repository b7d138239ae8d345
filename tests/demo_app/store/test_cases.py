"""Cases, their visits, consents, corrections and replies: kept as a person gave them."""

import threading

import pytest

from skinseg_demo.store import Store
from skinseg_demo.store.case_fields import CHECKLIST_POINTS
from skinseg_edge.errors import FileMissing, InputError
from tests.demo_app.boxes import add_case, add_picture
from tests.demo_app.browsers import HandClock


def test_cases_are_counted_by_the_year(store: Store, clock: HandClock) -> None:
    first, second = store.cases.create(), store.cases.create()
    clock.wind(days=60)

    assert [first.number, second.number, store.cases.create().number] == ["2026-0001", "2026-0002", "2027-0001"]


def test_a_number_is_never_used_twice_even_after_a_deletion_and_under_a_clock_set_back(
    store: Store, clock: HandClock
) -> None:
    numbers = [store.cases.create().number]
    store.cases.delete(store.cases.list()[0].id)
    clock.wind(days=60)
    numbers.append(store.cases.create().number)
    clock.wind(days=-60)
    numbers += [store.cases.create().number, store.cases.create().number]

    assert numbers == ["2026-0001", "2027-0001", "2026-0002", "2026-0003"]


def test_two_threads_that_begin_cases_at_once_get_different_numbers(store: Store) -> None:
    def begin() -> None:
        for _ in range(10):
            add_case(store)

    threads = [threading.Thread(target=begin) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    numbers = {case.number for case in store.cases.list()}
    assert numbers == {f"2026-{number:04d}" for number in range(1, 21)}
    assert store.audit.verify() is None


def test_a_case_keeps_what_a_person_ticked_and_no_total(store: Store) -> None:
    ticked = {"change_in_size": True, "oozing": False, "inflammation": None}
    case = store.cases.create(
        {"checklist": ticked, "history": {"bled": True}, "skin_type": "V", "body_view": "back", "body_x": 0.25}
    )

    found = store.cases.get(case.id)

    assert found.checklist == ticked
    assert (found.history, found.skin_type, found.body_view, found.body_x, found.body_y) == (
        {"bled": True},
        "V",
        "back",
        0.25,
        None,
    )
    assert set(found.checklist) <= set(CHECKLIST_POINTS)


def test_a_change_leaves_the_other_fields_and_is_counted(store: Store, clock: HandClock) -> None:
    case = store.cases.create({"note": "since May", "body_site": "left arm"})
    clock.wind(minutes=5)

    changed = store.cases.update(case.id, {"body_site": "left forearm"})

    assert (changed.note, changed.body_site, changed.revision) == ("since May", "left forearm", case.revision + 1)
    assert changed.updated_at > case.updated_at


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"score": 7}, "it has no field 'score'"),
        ({"id": "x"}, "it has no field 'id'"),
        ({"body_x": 1.5}, "body_x is 1.5, expected a number from 0 to 1"),
        ({"body_x": True}, "body_x is True"),
        ({"body_y": float("nan")}, "body_y is nan"),
        ({"body_view": "front; DROP"}, "body_view is"),
        ({"skin_type": "VII"}, "skin_type is 'VII', expected one of I, II, III, IV, V, VI"),
        ({"skin_type": ["I"]}, "skin_type is"),
        ({"note": "x" * 2001}, "at most 2000 letters"),
        ({"note": None}, "note is None"),
        ({"checklist": {"total": 3}}, "checklist is"),
        ({"checklist": {"oozing": 2}}, "true, false or null"),
        ({"history": ["bled"]}, "history is"),
        ({"note": "half a \ud800 character"}, "half a character"),
    ],
)
def test_a_field_that_does_not_fit_is_refused_and_no_case_begins(
    store: Store, fields: dict[str, object], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        store.cases.create(fields)

    assert store.cases.list() == []


@pytest.mark.parametrize("case_id", ["", "nothere", "../../etc", "a" * 12, "\ud800"])
def test_an_id_that_is_none_finds_nothing(store: Store, case_id: str) -> None:
    visits = (store.visits.add, store.visits.last_or_new, store.visits.follow_up, store.visits.get)
    for ask in (store.cases.get, store.cases.delete, *visits, store.outbox.get):
        with pytest.raises(InputError, match=r"there is none|half a character"):
            ask(case_id)


def test_a_deleted_case_leaves_its_number_its_dates_and_no_file(store: Store) -> None:
    case = add_case(store, note="a private note", body_site="left arm")
    picture = store.pictures.of_case(case.id)[0]
    store.corrections.add(picture.id, "unusable")
    store.outbox.queue(case.id)
    store.replies.add(case.id, "Looks fine")
    other = add_case(store)

    store.cases.delete(case.id, who="phone1")

    assert [found.id for found in store.cases.list()] == [other.id]
    with pytest.raises(FileMissing, match="it was deleted"):
        store.cases.get(case.id)
    assert [path.name for path in (store.folder / "pictures").iterdir()] == [store.pictures.of_case(other.id)[0].id]
    counted = {
        table: len(store.database.rows(f"SELECT * FROM {table}")) for table in ("visits", "pictures", "consents")
    }
    assert counted == {"visits": 1, "pictures": 1, "consents": 1}  # those of the other
    assert store.database.rows("SELECT * FROM corrections") == store.database.rows("SELECT * FROM replies") == []


def test_what_a_deleted_case_said_is_in_no_file_of_the_store(store: Store) -> None:
    words = "a very private note"
    case = store.cases.create({"note": words})
    assert any(words.encode() in path.read_bytes() for path in store.folder.glob("store.sqlite*"))

    store.cases.delete(case.id)

    assert not any(words.encode() in path.read_bytes() for path in store.folder.glob("store.sqlite*"))


def test_a_follow_up_is_another_visit_in_the_order_of_making_whatever_the_clock_says(
    store: Store, clock: HandClock
) -> None:
    case = store.cases.create()
    first = store.visits.add(case.id, who="phone1")
    clock.wind(days=-400)
    second = store.visits.add(case.id, who="phone2")

    assert store.visits.of_case(case.id) == [first, second]
    assert store.visits.get(second.id).phone_id == "phone2"


@pytest.mark.parametrize("way", ["last_or_new", "follow_up"])
def test_two_phones_that_begin_a_visit_at_once_share_it(store: Store, way: str) -> None:
    case, found, both = store.cases.create(), set[str](), threading.Barrier(8)

    def begin() -> None:
        both.wait(timeout=30)
        found.add(getattr(store.visits, way)(case.id, who="phone1").id)

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {visit.id for visit in store.visits.of_case(case.id)} == found
    assert len(found) == 1
    assert store.visits.last_or_new(case.id).id in found


def test_a_follow_up_begins_where_the_last_visit_has_a_picture(store: Store) -> None:
    case = add_case(store)
    (first,) = store.visits.of_case(case.id)

    second = store.visits.follow_up(case.id)

    assert store.visits.of_case(case.id) == [first, second]
    assert store.visits.follow_up(case.id) == second  # an empty one is used first


def test_the_last_visit_is_the_one_that_was_made_last_whatever_the_clock_says(store: Store, clock: HandClock) -> None:
    case = store.cases.create()
    store.visits.add(case.id)
    clock.wind(days=-400)
    second = store.visits.add(case.id)

    assert store.visits.last_or_new(case.id) == second


def test_consents_to_care_and_to_teaching_are_apart_and_the_latest_holds(store: Store) -> None:
    case = store.cases.create()
    store.consents.record(case.id, "care", True, who="Nurse Njeri")
    store.consents.record(case.id, "teaching", True, who="Nurse Njeri")
    store.consents.record(case.id, "teaching", False, who="Dr. Otieno")

    assert store.consents.holds(case.id, "care")
    assert not store.consents.holds(case.id, "teaching")
    assert [(one.kind, one.is_given, one.who) for one in store.consents.of_case(case.id)] == [
        ("care", True, "Nurse Njeri"),
        ("teaching", True, "Nurse Njeri"),
        ("teaching", False, "Dr. Otieno"),
    ]


def test_a_consent_cannot_be_rewritten_even_by_sql(store: Store) -> None:
    case = store.cases.create()
    store.consents.record(case.id, "care", False)

    def rewrite() -> None:
        with store.database.writing() as connection:
            connection.execute("UPDATE consents SET is_given = 1")

    with pytest.raises(Exception, match="a consent is never changed"):
        rewrite()
    assert not store.consents.holds(case.id, "care")


@pytest.mark.parametrize(("kind", "who"), [("research", "N."), ("care", "N" * 81), ("care", "N\n.")])
def test_another_kind_of_consent_or_no_name_is_refused(store: Store, kind: str, who: str) -> None:
    case = store.cases.create()

    with pytest.raises(InputError, match="cannot record the consent"):
        store.consents.record(case.id, kind, True, who=who)  # type: ignore[arg-type]  # as a phone may send it


def test_corrections_are_kept_beside_the_outline_in_the_order_of_drawing(store: Store) -> None:
    picture = add_picture(store)
    outline = [[[0, 0], [1, 0], [0.5, 1]]]
    store.corrections.add(picture.id, "redraw", outline, who="phone1")
    store.corrections.add(picture.id, "unusable")

    found = store.corrections.of_picture(picture.id)

    assert [(one.kind, one.polygons) for one in found] == [
        ("redraw", (((0.0, 0.0), (1.0, 0.0), (0.5, 1.0)),)),
        ("unusable", ()),
    ]
    assert store.pictures.get(picture.id).result == picture.result


@pytest.mark.parametrize(
    ("kind", "polygons"),
    [
        ("smaller", []),
        ("redraw", []),
        ("unusable", [[[0, 0], [1, 0], [1, 1]]]),
        ("redraw", [[[0, 0], [1, 0]]]),
        ("redraw", [[[0, 0], [1, 0], [1, 1.01]]]),
        ("redraw", [[[0, 0], [1, 0], [1]]]),
        ("redraw", [[[0, 0], [1, 0], [1, float("nan")]]]),
        ("redraw", [[[0, 0], [1, 0], "ab"]]),
        ("redraw", "abc"),
        ("redraw", {"0": []}),
        ("redraw", [[[0, 0]] * 4001]),
        ("redraw", [[[0, 0]] * 3] * 33),
    ],
)
def test_what_is_no_outline_is_no_correction(store: Store, kind: str, polygons: object) -> None:
    picture = add_picture(store)

    with pytest.raises(InputError, match="cannot correct the outline"):
        store.corrections.add(picture.id, kind, polygons)  # type: ignore[arg-type]  # as a phone may send it

    assert store.corrections.of_picture(picture.id) == []


def test_a_reply_answers_its_case(store: Store) -> None:
    case = add_case(store)
    store.outbox.queue(case.id)
    store.outbox.mark_sent(case.id, "0" * 64)

    store.replies.add(case.id, "Please take another picture", author="Dr. Otieno")

    assert [(one.author, one.text) for one in store.replies.of_case(case.id)] == [
        ("Dr. Otieno", "Please take another picture")
    ]
    assert store.outbox.get(case.id).state == "answered"


@pytest.mark.parametrize("text", ["", "  \n", "x" * 10_001])
def test_an_empty_or_endless_reply_is_refused(store: Store, text: str) -> None:
    case = store.cases.create()

    with pytest.raises(InputError, match="cannot keep the reply"):
        store.replies.add(case.id, text)
