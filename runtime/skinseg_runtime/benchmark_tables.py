"""What skinseg-bench shows in a terminal: the stages of one form, or all forms side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from skinseg_runtime.benchmark_pages import sensor_lines, warm_up_line
from skinseg_runtime.benchmark_report import HEADINGS, cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skinseg_runtime.benchmark import Measured
    from skinseg_runtime.benchmark_report import Report

__all__ = ["comparison_table", "stages_table"]

_COSTS = ("status", "size MB", "load s", "memory MiB", "steady MiB", "golden Dice mean", "golden Dice worst")
# A terminal is narrow: no column for what no form has, nor for what the files tell as well.
_OF_SENSORS = ("mJ a photo", "throttled s")
_IN_FILES = ("steady MiB",)


def stages_table(report: Report, measured: Measured, files: Sequence[Path]) -> object:
    """Lay out one form: its stages, what it costs to hold, and what the machine told meanwhile."""
    (form,) = report.forms
    table = Table(f"{form.precision}, ms", box=None, pad_edge=False)
    for heading in ("p50", "p90", "p99"):
        table.add_column(heading, justify="right")
    for stage, latency in measured.latency.items():
        table.add_row(stage, *(f"{ms:.2f}" for ms in (latency.p50_ms, latency.p90_ms, latency.p99_ms)))
    row = dict(zip(HEADINGS, cells(form), strict=True))
    cost = "   ".join(f"{heading}: {row[heading]}" for heading in _COSTS)
    told = (warm_up_line(form), *sensor_lines(form), *_written(files))
    heading_lines = (Text(line) for line in report.heading)
    return Group(*heading_lines, Text(""), table, Text(""), Text(cost), *(Text(line) for line in told if line))


def comparison_table(report: Report, files: Sequence[Path]) -> object:
    """Lay out all forms and what follows from them."""
    rows = [dict(zip(HEADINGS, cells(form), strict=True)) for form in report.forms]
    empty = {name for name in _OF_SENSORS if all(row[name] == "-" for row in rows)}
    shown = [name for name in HEADINGS if name not in {*empty, *_IN_FILES}]
    table = Table(box=None, pad_edge=False)
    for place, heading in enumerate(shown):
        table.add_column(heading, justify="left" if place < 2 else "right")
    for form, row in zip(report.forms, rows, strict=True):
        style = "" if form.passes else "red"
        table.add_row(*(row[name] for name in shown), style="green" if form.precision == report.verdict.use else style)
    told = [*report.verdict.sentences, *_written(files)]
    head = (Text(line) for line in report.heading)
    return Group(*head, Text(""), table, Text(""), *(Text(sentence) for sentence in told))


def _written(files: Sequence[Path]) -> list[str]:
    return [f"-> {path}" for path in files]
