"""Warm-up told apart from what follows it, on times that are made up."""

from collections.abc import Mapping, Sequence

import pytest

from skinseg_runtime.benchmark_timing import MOST_RUNS, MOST_SECONDS, Once, WarmUp, drift_of, timed, warm_up


def _once(times_ms: Sequence[float]) -> Once:
    """Return runs that take so long, the last time again and again."""

    def run(number: int) -> Mapping[str, float]:
        ms = times_ms[min(number, len(times_ms) - 1)]
        return {"inference": ms, "whole": ms + 1}

    return run


def test_a_warm_up_goes_on_until_the_time_in_the_network_settles() -> None:
    # Every run is 10 % faster than the one before, down to 20 ms from the 17th on; 5 such and 5 more are within 5 %.
    falling = [max(20.0, 100 * 0.9**number) for number in range(40)]
    found = warm_up(_once(falling), None)
    assert (found.settled, found.first_ms) == (True, 101.0)
    assert 20 <= found.runs <= 26


def test_times_that_never_settle_end_the_warm_up_and_are_told() -> None:
    growing = [1.5**number for number in range(MOST_RUNS)]
    assert warm_up(_once(growing), None) == WarmUp(runs=MOST_RUNS, settled=False, first_ms=2.0)


def test_a_slow_network_is_not_warmed_up_for_ever() -> None:
    clock = iter(number * MOST_SECONDS for number in range(100))
    found = warm_up(_once([5000.0]), None, clock=lambda: next(clock))
    assert (found.runs, found.settled) == (2, False)


@pytest.mark.parametrize(("asked", "first"), [(0, None), (3, 8.0)])
def test_a_number_that_is_asked_for_is_kept_and_not_judged(asked: int, first: float | None) -> None:
    assert warm_up(_once([7.0]), asked) == WarmUp(runs=asked, settled=None, first_ms=first)


def test_timed_runs_go_on_until_both_their_number_and_their_seconds_are_reached() -> None:
    clock = iter(float(second) for second in range(100))
    # The clock is first looked at when both runs are done, and then once a run: at 1, 2, 3, 4 and 5 s.
    assert len(timed(_once([1.0]), first=0, runs=2, seconds=5.0, clock=lambda: next(clock))) == 6
    assert len(timed(_once([1.0]), first=0, runs=7, seconds=0.0)) == 7


def test_photos_are_counted_on_from_the_first_that_is_asked_for() -> None:
    assert timed(_once([1.0, 2.0, 3.0]), first=2, runs=1, seconds=0.0)[0]["inference"] == 3.0


def test_a_machine_that_slows_down_drifts() -> None:
    assert drift_of([10.0] * 10 + [15.0] * 10) == 1.5
    assert drift_of([10.0] * 20) == 1.0
    assert drift_of([10.0] * 5) is None


def test_warm_ups_of_several_processes_are_settled_only_if_all_were() -> None:
    settled, unsettled = (WarmUp(runs=runs, settled=is_so, first_ms=9.0) for runs, is_so in ((10, True), (60, False)))
    assert WarmUp.joined([settled, unsettled]) == WarmUp(runs=60, settled=False, first_ms=9.0)
    assert WarmUp.joined([WarmUp(runs=0, settled=None, first_ms=None)]).settled is None
