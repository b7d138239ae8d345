"""What a run tells of its speed."""

from skinseg_runtime.batch.tally import Tally
from skinseg_runtime.batch.units import Finished, UnitDone

_MADE = Finished("a", None, {}, None)


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def _unit(made: int, taken_over: int = 0) -> UnitDone:
    return UnitDone(0, (_MADE,) * made, taken_over)


def test_what_was_taken_over_does_not_count_for_the_speed_nor_for_what_is_left() -> None:
    clock = _Clock()
    tally = Tally(1000, 500, clock)
    assert tally.text() == ""

    for _ in range(20):
        clock.now += 0.01
        tally.add(_unit(0, 20))
    assert tally.text() == "400 taken over"
    clock.now += 10
    tally.add(_unit(20))

    assert tally.pictures_per_s == 2
    # 1000 pictures less 420 done, of which 100 more are known: 480 at 2 a second.
    assert tally.seconds_left == 240
    assert tally.text() == "2.0 pictures/s, 4 min left"
    assert tally.pictures == 420


def test_the_speed_is_that_of_the_last_minute() -> None:
    clock = _Clock()
    tally = Tally(None, 0, clock)
    for _ in range(10):
        clock.now += 10
        tally.add(_unit(10))
    for _ in range(10):
        clock.now += 10
        tally.add(_unit(40))

    assert tally.pictures_per_s == 4
    assert tally.text() == "4.0 pictures/s"  # nobody knows how many there are
    assert tally.seconds == 200


def test_times_are_told_in_the_two_largest_units() -> None:
    clock = _Clock()
    told = []
    for total in (30, 90 * 60, 3 * 3600 + 600, 100 * 3600):
        tally = Tally(total + 1, 0, clock)
        clock.now += 1
        tally.add(_unit(1))
        told.append(tally.text().partition(", ")[2])

    assert told == ["30 s left", "1 h 30 min left", "3 h 10 min left", "4 d 4 h left"]
