"""A small chart of one figure over time, with its error bars, as SVG; colours come from the page's style sheet."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup, escape

from skinseg_demo.following.measured import Range

__all__ = ["Point", "timeline"]

_WIDTH, _HEIGHT = 320, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 300, 14, 132
_CAP = 5  # half the width of an error bar's end
_STEPS = (1, 2, 5, 10)


@dataclass(frozen=True)
class Point:
    """One visit. *range*: None where it measured nothing that may be shown beside the others."""

    at: datetime
    range: Range | None


def timeline(points: Sequence[Point], label: str) -> Markup:
    """Draw *points*, in the order of their visits; *label*: what the chart shows, for who cannot see it.

    The axis begins at 0, so that a small change looks small.
    """
    known = [point.range.high for point in points if point.range is not None]
    step = _step(max(known, default=1.0))
    top = step * math.ceil(max(known, default=1.0) / step)
    places = _places([point.at for point in points])
    parts = [*_axis(step, top), *_dates(points, places)]
    parts.append(
        _line([(x, _y(point.range.value, top)) for point, x in zip(points, places, strict=True) if point.range])
    )
    for point, x in zip(points, places, strict=True):
        parts.append(_unknown(x) if point.range is None else _bar(x, point.range, top))
    head = f'<svg class="timeline" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">'
    return Markup(f"{head}{''.join(parts)}</svg>")  # numbers, dates and an escaped label


def _step(highest: float) -> float:
    """Return a round distance of grid lines, such that there are three to six of them up to *highest*."""
    rough = max(highest, 1e-6) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * step for step in _STEPS if power * step >= rough)


def _places(times: Sequence[datetime]) -> list[float]:
    """Return x of each time; visits of one day keep a distance, so that no bar hides another."""
    first, last = min(times), max(times)
    span = (last - first).total_seconds()
    if len(times) == 1 or span <= 0:
        return [_LEFT + (_RIGHT - _LEFT) * (index + 1) / (len(times) + 1) for index in range(len(times))]
    inner_left, inner_right = _LEFT + 18, _RIGHT - 18
    places = [inner_left + (inner_right - inner_left) * (time - first).total_seconds() / span for time in times]
    least = min(14.0, (inner_right - inner_left) / len(times))
    for index in range(1, len(places)):
        places[index] = max(places[index], places[index - 1] + least)
    beyond = max(0.0, places[-1] - inner_right)
    return [inner_left + (place - inner_left) * (1 - beyond / (places[-1] - inner_left)) for place in places]


def _axis(step: float, top: float) -> list[str]:
    parts = []
    for index in range(round(top / step) + 1):
        y = _y(index * step, top)
        parts.append(f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{_RIGHT}" y2="{y:.1f}"/>')
        parts.append(f'<text class="value" x="{_LEFT - 6}" y="{y + 4:.1f}">{index * step:.4g}</text>')
    return parts


def _dates(points: Sequence[Point], places: Sequence[float]) -> list[str]:
    """Name the first and the last date; those between stand in the table below the chart."""
    shown = {0: "start", len(points) - 1: "end"} if len(points) > 1 else {0: "middle"}
    return [
        f'<text class="date {anchor}" x="{_date_x(places[index], anchor):.1f}" y="{_BOTTOM + 24}">'
        f"{points[index].at.astimezone():%Y-%m-%d}</text>"
        for index, anchor in shown.items()
    ]


def _date_x(place: float, anchor: str) -> float:
    return {"start": min(place, _LEFT), "end": max(place, _RIGHT)}.get(anchor, place)


def _line(places: Sequence[tuple[float, float]]) -> str:
    return f'<polyline class="line" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>'


def _bar(x: float, range_: Range, top: float) -> str:
    low, high, middle = (_y(value, top) for value in (range_.low, range_.high, range_.value))
    return (
        f'<path class="error" d="M{x - _CAP:.1f} {high:.1f}h{2 * _CAP}m{-_CAP} 0V{low:.1f}m{-_CAP} 0h{2 * _CAP}"/>'
        f'<circle class="point" cx="{x:.1f}" cy="{middle:.1f}" r="4.5"/>'
    )


def _unknown(x: float) -> str:
    return f'<path class="unknown" d="M{x - 4:.1f} {_BOTTOM - 4}l8 8m0 -8l-8 8"/>'


def _y(value: float, top: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * value / top
