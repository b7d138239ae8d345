"""A unit whose workers die is done again, then halved, until one picture is to blame."""

from hypothesis import given, settings
from hypothesis import strategies as st

from skinseg_runtime.batch.executors.attempts import WORKER_DIED, Attempts
from skinseg_runtime.batch.items import FilePlace, Item
from skinseg_runtime.batch.units import Finished, Unit, UnitDone


def _unit(number: int, size: int) -> Unit:
    names = [f"{number}/{place}" for place in range(size)]
    return Unit(number, tuple(Item(name, FilePlace(name)) for name in names), tuple(names))


def _done(unit: Unit) -> UnitDone:
    assert [item.name for item in unit.items] == list(unit.known)  # what is known goes with its picture
    return UnitDone(unit.number, tuple(Finished(item.name, "0", {}, None) for item in unit.items), 0)


@settings(deadline=None)
@given(st.lists(st.integers(1, 20), max_size=5), st.sets(st.tuples(st.integers(0, 4), st.integers(0, 19))))
def test_each_picture_comes_back_once_and_those_that_kill_with_their_error(
    sizes: list[int], deadly: set[tuple[int, int]]
) -> None:
    names = {f"{number}/{place}" for number, place in deadly}
    attempts = Attempts(_unit(number, size) for number, size in enumerate(sizes))
    finished: list[UnitDone] = []

    while (attempt := attempts.next()) is not None:
        dies = any(item.name in names for item in attempt.unit.items)
        result = attempts.died(attempt, "was killed") if dies else attempts.done(attempt, _done(attempt.unit))
        if result is not None:
            finished.append(result)

    assert sorted(done.number for done in finished) == list(range(len(sizes)))
    for done in finished:
        made = {one.name: one.row.get("error_kind") for one in done.made}
        expected = [f"{done.number}/{place}" for place in range(sizes[done.number])]
        assert made == {name: WORKER_DIED if name in names else None for name in expected}
        assert len(done.made) == len(expected)


def test_one_death_alone_blames_nobody() -> None:
    attempts = Attempts([_unit(0, 3)])
    attempt = attempts.next()
    assert attempt is not None

    assert attempts.died(attempt, "was killed by SIGKILL") is None
    again = attempts.next()

    assert again is not None
    assert again.unit == attempt.unit
    assert attempts.done(again, _done(again.unit)) == _done(attempt.unit)


def test_a_unit_that_waited_for_a_worker_that_died_is_not_blamed() -> None:
    attempts = Attempts([_unit(0, 2)])
    for _ in range(5):
        attempt = attempts.next()
        assert attempt is not None
        attempts.put_back(attempt)

    last = attempts.next()
    assert last is not None
    assert last.deaths == 0


def test_units_are_drawn_one_at_a_time() -> None:
    drawn = []

    def units() -> object:
        for number in range(10):
            drawn.append(number)
            yield _unit(number, 1)

    attempts = Attempts(units())  # type: ignore[arg-type]  # a generator of units
    attempts.next()
    attempts.next()

    assert drawn == [0, 1]


def test_the_row_of_a_picture_that_kills_says_how_and_what_to_do() -> None:
    attempts = Attempts([_unit(0, 1)])
    result = None
    while (attempt := attempts.next()) is not None:
        result = attempts.died(attempt, "was killed by SIGSEGV")

    assert result is not None
    (made,) = result.made
    assert made.sha256 is None  # a later start tries it again
    assert str(made.row["error_message"]).startswith(
        "cannot segment 0/0: each process that tried was killed by SIGSEGV; try it alone with skinseg-run"
    )
