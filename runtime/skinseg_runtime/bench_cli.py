"""`skinseg-bench`: how long a photo takes with a bundle on this machine, and which form of the model to use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from skinseg_edge.command_line import Ui, command, name_option
from skinseg_edge.command_options import trusted_key_option
from skinseg_edge.errors import OutputRefused, VerificationFailed
from skinseg_runtime.engines import ENGINES, KNOWN_PRECISIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skinseg_edge.bundle import Bundle
    from skinseg_runtime.benchmark import Job
    from skinseg_runtime.benchmark_report import Report

__all__ = ["main"]

_SCHEMA = "skinseg.bench/1"
_MARK = "benchmark.json"  # by which a folder is known as ours
_PATH = click.Path(path_type=Path)
_AT_LEAST_ONE = click.IntRange(min=1)


@command(
    "skinseg-bench",
    _SCHEMA,
    examples=(
        "skinseg-bench lesion.skinseg --precision fp16 --photo mole.jpg",
        "skinseg-bench lesion.skinseg --compare -o comparison",
    ),
)
@click.argument("bundle", type=_PATH)
@name_option("--engine", "engine", ENGINES, default="auto", show_default=True, help="What runs the network.")
@name_option("--precision", "precision", KNOWN_PRECISIONS, help="Which form of it. Default: the engine's own.")
@click.option("--compare", is_flag=True, help="Put every form in the bundle on one page, and say which to use.")
@click.option("--photo", "photos", type=_PATH, multiple=True, metavar="FILE", help="Time this one; repeatable.")
@click.option("--runs", type=_AT_LEAST_ONE, default=50, show_default=True, help="Photos that are timed, at least.")
@click.option(
    "--seconds", type=click.FloatRange(min=0), default=0.0, help="Time photos for at least so long: heat shows."
)
@click.option("--warm-up", type=click.IntRange(min=0), help="Photos before those. Default: until the times settle.")
@click.option("--threads", type=_AT_LEAST_ONE, help="For one photo. Default: the cores that may be used.")
@click.option("-o", "--output", type=_PATH, metavar="DIR", help="Folder for the page: Markdown, CSV, JSON, SVG.")
@click.option("--force", is_flag=True, help="Replace an earlier page there.")
@trusted_key_option()
def main(
    ui: Ui,
    bundle: Path,
    engine: str,
    precision: str | None,
    compare: bool,
    photos: tuple[Path, ...],
    runs: int,
    seconds: float,
    warm_up: int | None,
    threads: int | None,
    output: Path | None,
    force: bool,
    trusted_key: Path | None,
) -> int:
    """Time the model in BUNDLE on this machine: decode, preprocess, inference, postprocess, and the whole.

    The photos take turns: those given, or else the bundle's golden pictures. With --compare each precision in the
    bundle runs in processes of its own, in rounds; those that were refused when they were made are listed and not run.
    The exit code is 1 when none of them passes.

    Sensors of power, heat and clocks are read meanwhile where the machine has some; docs/benchmarking.md says which,
    and what every figure includes.
    """
    from skinseg_edge.bundle import Bundle
    from skinseg_runtime.benchmark import Job

    if precision is not None and compare:
        raise click.UsageError("--compare times every precision: leave --precision out")
    if output is not None:
        _check_place(output, bundle, force)
    job = Job(
        bundle=bundle,
        engine=engine,
        precision=precision,
        photos=photos,
        runs=runs,
        seconds=seconds,
        warm_up=warm_up,
        threads=threads,
        trusted_key=trusted_key,
    )
    opened = Bundle.open(bundle, trusted_key=trusted_key)
    work = _compare if compare else _time
    return work(ui, opened, job, output, force)


def _check_place(output: Path, bundle: Path, force: bool) -> None:
    from skinseg_edge.atomic_files import check_replaceable

    if output.resolve().is_relative_to(bundle.resolve()):
        raise OutputRefused(
            f"cannot write {output}: it lies in the bundle, which may hold nothing that its manifest does not list; "
            "choose another place"
        )
    check_replaceable(output, force=force, only_if_holds=_MARK)


def _time(ui: Ui, bundle: Bundle, job: Job, output: Path | None, force: bool) -> int:
    from dataclasses import replace

    from skinseg_runtime.benchmark import measure
    from skinseg_runtime.benchmark_report import report_on
    from skinseg_runtime.benchmark_tables import stages_table
    from skinseg_runtime.comparison import forms_of
    from skinseg_runtime.engines import artefact_of_engine

    artefact_of_engine(bundle, job.engine, job.precision)  # says what there is, if this is not
    measured = measure(replace(job, golden=True))  # no bar: it would be drawn on the cores that are timed
    (form,) = (form for form in forms_of(bundle, job.engine) if form.precision == measured.precision)
    timed = replace(form, measured=measured)
    if not timed.passes:
        ui.warn(f"these times hold, but the form is not to be used here: {timed.reason}")
    report = report_on(bundle, job, (timed,))
    _warn(ui, report)
    document = report.to_json()
    files = [] if output is None else _write(report, document, output, force)
    return ui.result({**document, "files": [str(path) for path in files]}, stages_table(report, measured, files))


def _compare(ui: Ui, bundle: Bundle, job: Job, output: Path | None, force: bool) -> int:
    from skinseg_runtime.benchmark_report import report_on
    from skinseg_runtime.benchmark_tables import comparison_table
    from skinseg_runtime.comparison import compare, steps

    with ui.progress(steps(bundle, job), "comparing") as advance:
        report = report_on(bundle, job, compare(bundle, job, advance=advance))
    _warn(ui, report)
    found = report.verdict
    document = {
        **report.to_json(),
        "verdict": {"fastest": found.fastest, "use": found.use, "sentences": list(found.sentences)},
    }
    files = [] if output is None else _write(report, document, output, force, found.sentences)
    failure = None
    if found.use is None:
        failure = VerificationFailed(f"cannot name a form of {bundle.path.name} for use here: none of them passes")
    return ui.result(
        {**document, "files": [str(path) for path in files]}, comparison_table(report, files), failure=failure
    )


def _warn(ui: Ui, report: Report) -> None:
    """Tell why another engine served than the best, and what speaks against the times."""
    fallbacks = dict.fromkeys(form.measured.fallback for form in report.forms if form.measured)
    for sentence in (*fallbacks, *report.doubts):
        if sentence is not None:
            ui.warn(sentence)


def _write(
    report: Report, document: dict[str, object], output: Path, force: bool, told: Sequence[str] = ()
) -> list[Path]:
    from skinseg_edge.atomic_files import fresh_folder
    from skinseg_runtime.benchmark_chart import svg_chart
    from skinseg_runtime.benchmark_pages import csv_page, markdown_page, stages_csv

    pages = {
        "benchmark.md": markdown_page(report, told),
        "benchmark.csv": csv_page(report),
        "benchmark-stages.csv": stages_csv(report),
        _MARK: json.dumps({"schema": _SCHEMA, **document}, indent=2, allow_nan=False) + "\n",
        "benchmark.svg": svg_chart(report),
    }
    with fresh_folder(output, force, only_if_holds=_MARK) as folder:
        for name, text in pages.items():
            (folder / name).write_text(text, encoding="utf-8")
    return [output / name for name in pages]


if __name__ == "__main__":
    main()
