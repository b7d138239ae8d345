"""The chart of visits: a point where it was measured, a bar as long as its error, a cross where it was not."""

import re
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from skinseg_demo.following.measured import Range
from skinseg_demo.following.timeline import Point, timeline

_FIRST = datetime(2026, 3, 2, 8, tzinfo=timezone.utc)


def _points(*days_and_values: tuple[float, float | None]) -> list[Point]:
    return [
        Point(_FIRST + timedelta(days=days), None if value is None else Range(value, value - 1, value + 1))
        for days, value in days_and_values
    ]


def _x_of_points(svg: str) -> list[float]:
    return [float(x) for x in re.findall(r'class="point" cx="([\d.]+)"', svg)]


def test_it_is_one_svg_that_says_what_it_shows() -> None:
    root = ElementTree.fromstring(timeline(_points((0, 5), (30, 6)), 'diameter < 7 & "so on"'))

    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == 'diameter < 7 & "so on"'


def test_every_visit_has_its_sign() -> None:
    svg = timeline(_points((0, 5), (30, None), (60, 6)), "")

    assert [svg.count(f'class="{sign}"') for sign in ("point", "error", "unknown")] == [2, 2, 1]


def test_places_are_as_far_apart_as_the_times() -> None:
    first, second, third = _x_of_points(timeline(_points((0, 5), (10, 5), (40, 5)), ""))

    assert (third - second) / (second - first) == pytest.approx(3, abs=0.02)


def test_visits_of_one_day_stand_side_by_side_and_stay_on_the_chart() -> None:
    places = _x_of_points(timeline(_points((0, 5), (200, 5), (200.01, 5), (200.02, 5)), ""))

    gaps = [right - left for left, right in pairwise(places)]
    assert min(gaps) > 10
    assert max(places) <= 300


@pytest.mark.parametrize("value", [0.4, 3.0, 12.0, 40.0, 900.0])
def test_the_axis_begins_at_zero_and_ends_above_every_bar(value: float) -> None:
    svg = timeline([Point(_FIRST, Range(value, value / 2, value * 1.5))], "")

    marks = [float(mark) for mark in re.findall(r'class="value"[^>]*>([\d.e+]+)<', svg)]
    assert marks[0] == 0
    assert value * 1.5 <= marks[-1]
    assert 3 <= len(marks) <= 7


@pytest.mark.parametrize("days", [(0,), (0, 0), (5, 0)])
def test_one_visit_or_a_clock_that_went_back_is_no_fault(days: tuple[float, ...]) -> None:
    svg = timeline(_points(*((day, 5) for day in days)), "")

    assert len(_x_of_points(svg)) == len(days)
    assert all(40 <= x <= 300 for x in _x_of_points(svg))
