"""Several models on the same pictures: the papers' comparison tables, and whether a difference is luck."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from skinseg_edge.errors import InputError
from skinseg_edge.picture_means import per_image_mean_dice
from skinseg_export.evaluation import Evaluation
from skinseg_export.paper_results import PaperTable
from skinseg_export.run_statistics import (
    Interval,
    PairedTest,
    Summary,
    bootstrap_interval,
    paired_t_test,
    pooled_interval,
    summary_of,
)
from skinseg_export.scores import SCORES, finite, scores_of
from skinseg_export.tables import Cell, Table

__all__ = [
    "Contender",
    "Difference",
    "comparison_tables",
    "contenders_of",
    "dice_csv",
    "difference_between",
    "document_of",
]

_SECTIONS = (
    (
        "Pixels of all pictures pooled, network size (SCSONet, CM-SSM and U-Net papers)",
        ("iou", "dice", "accuracy", "sensitivity", "specificity", "precision"),
        "pooled_",
    ),
    (
        "Means over pictures, network size (ULFFN paper)",
        ("iou", "dice", "accuracy", "sensitivity", "specificity", "precision"),
        "per_image_mean_",
    ),
    (
        "Means over classes, background included, network size (HHBSNet paper)",
        ("macro_iou", "pooled_class_accuracy", "macro_precision", "macro_recall", "macro_f1", "macro_dice"),
        "",
    ),
    (
        "Finished masks at photo size; curves over all pixels at network size",
        (
            "photo_pooled_dice",
            "photo_per_image_mean_dice",
            "photo_per_image_mean_iou",
            "photo_median_relative_hd95",
            "auc",
            "ece",
        ),
        "",
    ),
)

RANKED = {
    "pooled_iou": "IoU",
    "pooled_dice": "Dice",
    "pooled_accuracy": "Acc",
    "pooled_sensitivity": "Sens",
    "pooled_specificity": "Spec",
    "per_image_mean_dice": "Dice/picture",
    "macro_iou": "mIoU",
    "auc": "AUC",
    "ece": "ECE",
    "photo_median_relative_hd95": "HD95",
}
"""The scores of the heat map of ranks, by key, with headings that tell the conventions apart."""


@dataclass(frozen=True)
class Contender:
    """One model. *runs*: its evaluations on the same pictures, one a training run. *parameters*: None if unknown."""

    label: str
    runs: tuple[Evaluation, ...]
    parameters: int | None = None

    def summary(self, key: str) -> Summary:
        """Return mean and spread over the runs of the score *key*."""
        return summary_of([SCORES[key].of(run) for run in self.runs])

    @property
    def picture_dice(self) -> tuple[float, ...]:
        """Dice of each picture at network size, 0/0 = 1, mean over the runs."""
        return tuple(
            float(np.mean([per_image_mean_dice([run.pictures[i].network]) for run in self.runs]))
            for i in range(len(self.runs[0].pictures))
        )


@dataclass(frozen=True)
class Difference:
    """One model minus another, Dice at network size.

    *pictures*: paired t-test over pictures. *interval*: bootstrap interval of the mean difference over pictures.
    *runs*, *runs_interval*: the same of the pooled Dice over runs in their order; None unless both have as many, at
    least two.
    """

    first: str
    second: str
    pictures: PairedTest
    interval: Interval
    runs: PairedTest | None
    runs_interval: Interval | None


def contenders_of(
    labels: Sequence[str], runs: Sequence[Evaluation], parameters: Sequence[int | None]
) -> tuple[Contender, ...]:
    """Put runs with one label together, labels in the order of their first run.

    Raises InputError if the runs were not scored on the same pictures.
    """
    names = [tuple(score.pair.name for score in run.pictures) for run in runs]
    if len(set(names)) > 1:
        raise InputError("cannot compare: the models were not scored on the same pictures; evaluate them together")
    return tuple(
        Contender(
            label,
            tuple(run for run, of in zip(runs, labels, strict=True) if of == label),
            next(count for count, of in zip(parameters, labels, strict=True) if of == label),
        )
        for label in dict.fromkeys(labels)
    )


def difference_between(first: Contender, second: Contender) -> Difference:
    """Test *first* against *second* on the same pictures."""
    ours, theirs = first.picture_dice, second.picture_dice
    one, other = ([run.network.dice for run in contender.runs] for contender in (first, second))
    repeated = len(one) == len(other) >= 2
    return Difference(
        first.label,
        second.label,
        paired_t_test(ours, theirs),
        _interval_of_difference(ours, theirs),
        paired_t_test(one, other) if repeated else None,
        _interval_of_difference(one, other) if repeated else None,
    )


def _interval_of_difference(first: Sequence[float], second: Sequence[float]) -> Interval:
    return bootstrap_interval([a - b for a, b in zip(first, second, strict=True)])


def comparison_tables(contenders: Sequence[Contender], paper: PaperTable | None = None) -> list[Table]:
    """Lay the comparison out: the paper's table with its printed rows, or one table a convention; then differences."""
    tables = _tables_by_convention(contenders) if paper is None else [_beside_paper(contenders, paper)]
    tables.append(_certainty(contenders))
    if len(contenders) > 1:
        tables.append(_differences(contenders))
    return tables


def _tables_by_convention(contenders: Sequence[Contender]) -> list[Table]:
    tables = []
    for title, figures, prefix in _SECTIONS:
        keys = [f"{prefix}{figure}" for figure in figures]
        rows: list[tuple[Cell, ...]] = []
        for contender in contenders:
            rows.append((contender.label, *(contender.summary(key) for key in keys)))
        notes = (f"HD95: {SCORES[key].meaning}" for key in keys if key == "photo_median_relative_hd95")
        tables.append(Table(title, ("model", *(SCORES[key].heading for key in keys)), tuple(rows), tuple(notes)))
    return tables


def _beside_paper(contenders: Sequence[Contender], paper: PaperTable) -> Table:
    rows: list[tuple[Cell, ...]] = []
    notes = [f"as printed: {paper.note}"]
    for row in paper.rows:
        rows.append((f"{row.model} (as printed)", row.parameters_m, row.gmacs, *row.figures))
        notes += [f"{row.model}, as printed: {oddity}" for oddity in (row.note, paper.contradiction_in(row)) if oddity]
    for contender in contenders:
        millions = None if contender.parameters is None else contender.parameters / 1e6
        rows.append((contender.label, millions, None, *(contender.summary(key) for _, key in paper.columns)))
    pictures = len(contenders[0].runs[0].pictures)
    notes.append(f"the others: measured on {pictures} pictures given here, which need not be the paper's")
    headings = ("model", "params M", "GMACs", *(heading for heading, _ in paper.columns))
    return Table(paper.title, headings, tuple(rows), tuple(notes))


def _certainty(contenders: Sequence[Contender]) -> Table:
    """Say within which bounds the pooled Dice is certain, as far as the number of pictures goes."""
    rows = []
    for contender in contenders:
        pooled = pooled_interval([score.network for score in contender.runs[0].pictures])
        rows.append((contender.label, contender.runs[0].network.dice, pooled.low, pooled.high))
    note = "bootstrap over pictures, 95 %" + (
        "; of the first run" if any(len(each.runs) > 1 for each in contenders) else ""
    )
    return Table(
        "Pooled Dice at network size, and where it lies", ("model", "Dice", "low", "high"), tuple(rows), (note,)
    )


def _differences(contenders: Sequence[Contender]) -> Table:
    differences = [difference_between(contenders[0], other) for other in contenders[1:]]
    with_runs = any(each.runs is not None for each in differences)
    of_runs: list[str] = []
    rows: list[tuple[Cell, ...]] = []
    for each in differences:
        row: tuple[Cell, ...] = (
            f"minus {each.second}",
            each.pictures.difference,
            each.interval.low,
            each.interval.high,
            each.pictures.t,
            each.pictures.p,
        )
        runs = (None, None) if each.runs is None else (each.runs.difference, each.runs.p)
        rows.append((*row, *runs) if with_runs else row)
        if each.runs_interval is not None:
            low, high = each.runs_interval.low, each.runs_interval.high
            of_runs.append(
                f"of runs, minus {each.second}: between {low:.4f} and {high:.4f}, bootstrap of 95 % over runs"
            )
    columns: tuple[str, ...] = ("", "difference", "low", "high", "t", "p")
    notes = [
        "Dice of each picture at network size, 0/0 = 1; bootstrap interval of 95 % and paired t-test over "
        f"{len(contenders[0].runs[0].pictures)} pictures"
    ]
    if with_runs:
        columns = (*columns, "of runs", "p of runs")
        notes += ["of runs: pooled Dice, paired t-test over the runs in the order they were given", *of_runs]
    return Table(f"{contenders[0].label} against the others", columns, tuple(rows), tuple(notes))


def document_of(contenders: Sequence[Contender]) -> dict[str, object]:
    """Return every score of every run and the tests against the first, for `--json`."""
    differences = [difference_between(contenders[0], other) for other in contenders[1:]]
    return {
        "pictures": len(contenders[0].runs[0].pictures),
        "models": [
            {
                "label": contender.label,
                "parameters": contender.parameters,
                "runs": [finite(scores_of(run)) for run in contender.runs],
            }
            for contender in contenders
        ],
        "differences": [
            {
                "first": each.first,
                "second": each.second,
                "pictures": finite(asdict(each.pictures)),
                "interval": asdict(each.interval),
                "runs": None if each.runs is None else finite(asdict(each.runs)),
                "runs_interval": None if each.runs_interval is None else asdict(each.runs_interval),
            }
            for each in differences
        ],
    }


def dice_csv(contenders: Sequence[Contender]) -> str:
    """Write one line a picture: its Dice at network size by each model, mean over the runs."""
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(["name", *(contender.label for contender in contenders)])
    columns = [contender.picture_dice for contender in contenders]
    for score, *values in zip(contenders[0].runs[0].pictures, *columns, strict=True):
        writer.writerow([score.pair.name, *(f"{value:.6f}" for value in values)])
    return page.getvalue()
