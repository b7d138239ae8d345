"""The latency of each stage as a picture: one strip from p50 to p99 a stage and form, in SVG without a library.

The axis is logarithmic: preprocessing takes a hundredth of the whole, and both should be read off.
"""

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from skinseg_runtime.benchmark_report import Report
from skinseg_runtime.comparison import Form
from skinseg_runtime.latency import STAGES, Latency

__all__ = ["svg_chart"]

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW, _GAP = 900, 120, 150, 74, 22, 16
_AXIS = _WIDTH - _LEFT - _RIGHT
# Dark enough on white, and told apart by those who see few colours (Okabe and Ito, 2008); what comes after begins anew.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
_LEAST_MS = 0.001
_STYLE = "text{font:13px system-ui,sans-serif;fill:#222}.small{font-size:11px;fill:#555}.title{font-size:15px}"


def svg_chart(report: Report) -> str:
    """Return the chart; forms that were not run are left out."""
    timed = [form for form in report.forms if form.measured]
    height = _TOP + len(STAGES) * (len(timed) * _ROW + _GAP) + 34
    bounds = _bounds(timed)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" '
        f'role="img" aria-label="Latency of each stage, p50 to p99"><style>{_STYLE}</style>',
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        _text(12, 24, report.heading[0].partition(" (")[0], "title"),
        _text(12, 42, report.heading[1], "small"),
        *_legend(timed),
        *_axis(bounds, height - 30),
        *(line for place, stage in enumerate(STAGES) for line in _stage(timed, stage, place, bounds)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _bounds(timed: Sequence[Form]) -> tuple[float, float]:
    """Return the powers of ten around all figures, as exponents."""
    latencies = [form.measured.latency[stage] for form in timed if form.measured for stage in STAGES]
    least = min((latency.p50_ms for latency in latencies), default=1.0)
    most = max((latency.p99_ms for latency in latencies), default=10.0)
    low = math.floor(math.log10(max(least, _LEAST_MS)))
    return low, max(low + 1, math.ceil(math.log10(max(most, _LEAST_MS))))


def _x(ms: float, bounds: tuple[float, float]) -> float:
    low, high = bounds
    return round(_LEFT + _AXIS * (math.log10(max(ms, _LEAST_MS)) - low) / (high - low), 1)


def _axis(bounds: tuple[float, float], bottom: int) -> list[str]:
    parts = []
    for exponent in range(int(bounds[0]), int(bounds[1]) + 1):
        x = _x(10.0**exponent, bounds)
        parts.append(f'<path d="M{x} {_TOP - 6}V{bottom}" stroke="#ddd"/>')
        parts.append(_text(x, bottom + 18, f"{10.0**exponent:g} ms", "small", "middle"))
    return parts


def _legend(timed: Sequence[Form]) -> list[str]:
    parts = []
    for place, form in enumerate(timed):
        x = _LEFT + 90 * place
        parts.append(f'<rect x="{x}" y="50" width="12" height="12" fill="{_colour(place)}"/>')
        parts.append(_text(x + 17, 60, form.precision, "small"))
    parts.append(_text(_WIDTH - 12, 60, "bar: p50 to p99, line: p90", "small", "end"))
    return parts


def _stage(timed: Sequence[Form], stage: str, place: int, bounds: tuple[float, float]) -> list[str]:
    top = _TOP + place * (len(timed) * _ROW + _GAP)
    parts = [_text(_LEFT - 12, top + (len(timed) * _ROW) / 2 + 4, stage, "", "end")]
    for row, form in enumerate(timed):
        if form.measured:
            parts += _strip(form.measured.latency[stage], top + row * _ROW, _colour(row), bounds)
    return parts


def _strip(latency: Latency, top: float, colour: str, bounds: tuple[float, float]) -> list[str]:
    start, middle, end = (_x(ms, bounds) for ms in (latency.p50_ms, latency.p90_ms, latency.p99_ms))
    width = max(round(end - start, 1), 3)
    figures = f"{latency.p50_ms:.2f} to {latency.p99_ms:.2f} ms"
    return [
        f'<rect x="{start}" y="{top + 4}" width="{width}" height="{_ROW - 8}" rx="2" fill="{colour}"/>',
        f'<path d="M{middle} {top + 2}v{_ROW - 4}" stroke="#222" stroke-width="1.5"/>',
        _text(start + width + 8, top + _ROW / 2 + 4, figures, "small"),
    ]


def _colour(place: int) -> str:
    return _COLOURS[place % len(_COLOURS)]


def _text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'
