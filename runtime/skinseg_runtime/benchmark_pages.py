"""The page of a measurement as files: Markdown with a footnote for every figure, CSV of the forms and of the stages."""

import csv
import io
from collections.abc import Iterable, Sequence

from skinseg_runtime.benchmark_notes import NOTES
from skinseg_runtime.benchmark_report import HEADINGS, Report, cells
from skinseg_runtime.comparison import Form
from skinseg_runtime.latency import STAGES

__all__ = ["csv_page", "markdown_page", "sensor_lines", "stages_csv", "warm_up_line"]

_STAGE_HEADINGS = ("precision", "stage", "p50 ms", "p90 ms", "p99 ms")
_CHART = "benchmark.svg"


def markdown_page(report: Report, told: Sequence[str] = ()) -> str:
    """Return all of it as Markdown: what was measured, the tables, what follows from them (*told*), the footnotes."""
    heading, *rest = report.heading
    notes = [f"- **{name}**: {note}" for name, note in NOTES.items()]
    return "\n".join(
        [
            *(f"# {heading}", "", *(f"{line}  " for line in rest), ""),
            *(*_table(HEADINGS, [cells(form) for form in report.forms], words=2), ""),
            *(*(f"- {sentence}" for sentence in (*told, *report.doubts)), ""),
            *(f"![p50 to p99 of each stage]({_CHART})", ""),
            *(*_table(_STAGE_HEADINGS, _stage_rows(report), words=2), ""),
            *(line for form in report.forms for line in _machine_lines(form)),
            *(
                "## What each figure includes",
                "",
                *notes,
                "",
                '"-" was not measured, could not be read, or is not recorded.',
            ),
            "",
        ]
    )


def csv_page(report: Report) -> str:
    """Return the table of the forms as CSV, with headings."""
    return _csv(HEADINGS, [cells(form) for form in report.forms])


def stages_csv(report: Report) -> str:
    """Return one row a form and stage as CSV, with headings."""
    return _csv(_STAGE_HEADINGS, _stage_rows(report))


def warm_up_line(form: Form) -> str:
    """Say how the network came up to speed, empty where nothing was run."""
    warm = form.measured.warm_up if form.measured else None
    if warm is None:
        return ""
    states = {True: "settled after", False: "not settled after", None: "asked for:"}
    first = "" if warm.first_ms is None else f"; the very first photo took {warm.first_ms:.1f} ms"
    return f"warm-up: {states[warm.settled]} {warm.runs} photos{first}"


def sensor_lines(form: Form) -> list[str]:
    """Say what the sensors told, a line each; what was not read is said, too."""
    observed = form.measured.observed if form.measured else None
    if observed is None:
        return []
    lines = [f"power mode: {observed.power_mode}"] if observed.power_mode else []
    for name, meter in observed.meters.items():
        idle = meter.above_idle_mj_per_photo
        beyond = "" if idle is None else f", {idle:.1f} of it above rest"
        lines.append(f"energy, {name}: {meter.mj_per_photo:.1f} mJ a photo{beyond} ({meter.includes})")
    spreads = (
        ("temperature", "°C", observed.temperature_c),
        ("clock", "MHz", observed.clock_mhz),
        ("memory in use", "MiB", observed.memory_mib),
    )
    for what, unit, found in spreads:
        for name, spread in found.items():
            most = "" if spread.highest is None else f" of {spread.highest:.0f}"
            lines.append(f"{what}, {name}: {spread.least:.0f} to {spread.most:.0f}{most} {unit}")
    lines += [f"held back by {name}: {seconds:.1f} s" for name, seconds in observed.throttled_s.items()]
    lines += [f"{name}: {count} times" for name, count in observed.events.items()]
    return lines + [f"not read: {what} ({why})" for what, why in observed.unread.items()]


def _machine_lines(form: Form) -> list[str]:
    if form.measured is None:
        return []
    lines = [line for line in (warm_up_line(form), *sensor_lines(form)) if line]
    return [f"## {form.precision}", "", *(f"- {line}" for line in lines), ""]


def _stage_rows(report: Report) -> list[list[str]]:
    return [
        [form.precision, stage, *(f"{ms:.2f}" for ms in (latency.p50_ms, latency.p90_ms, latency.p99_ms))]
        for form in report.forms
        if form.measured
        for stage in STAGES
        for latency in (form.measured.latency[stage],)
    ]


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, words: int) -> list[str]:
    """Return a Markdown table whose first *words* columns hold words."""
    rule = "|".join([" --- "] * words + [" ---: "] * (len(headings) - words))
    return [f"| {' | '.join(headings)} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in rows)]


def _csv(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows(rows)
    return page.getvalue()
