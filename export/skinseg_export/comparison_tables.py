"""A comparison as tables: one a convention, or a paper's own with its printed rows; then the differences."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict

from skinseg_export.comparison import Contender, difference_between
from skinseg_export.paper_results import PaperTable
from skinseg_export.run_statistics import pooled_interval
from skinseg_export.scores import SCORES, finite, scores_of
from skinseg_export.tables import Cell, Table

__all__ = ["comparison_document", "comparison_tables", "dice_csv", "ranked_scores"]

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

_RANKED = {
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
# Means over classes, or shares of pixels by class: they say nothing of two models that tell other classes apart.
_OVER_CLASSES = ("macro_", "pooled_class_accuracy", "ece")


def ranked_scores(contenders: Sequence[Contender]) -> dict[str, str]:
    """Return the scores of the heat map of ranks, by key, with headings that tell the conventions apart.

    Means over classes are left out where the models tell other classes apart.
    """
    alike = not _other_classes(contenders)
    return {key: heading for key, heading in _RANKED.items() if alike or not key.startswith(_OVER_CLASSES)}


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
        notes = [f"HD95: {SCORES[key].meaning}" for key in keys if key == "photo_median_relative_hd95"]
        notes += _other_classes(contenders) if any(key.startswith("macro_") for key in keys) else []
        tables.append(Table(title, ("model", *(SCORES[key].heading for key in keys)), tuple(rows), tuple(notes)))
    return tables


def _other_classes(contenders: Sequence[Contender]) -> list[str]:
    """Say, where it is so, that means over classes are not over the same ones; one note or none."""
    counts = {contender.label: len(contender.runs[0].confusion_classes) for contender in contenders}
    if len(set(counts.values())) == 1:
        return []
    listed = ", ".join(f"{label} {count}" for label, count in counts.items())
    return [f"not over as many classes, so these do not compare: {listed}"]


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
    notes += _other_classes(contenders) if any(key.startswith("macro_") for _, key in paper.columns) else []
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


def comparison_document(contenders: Sequence[Contender]) -> dict[str, object]:
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
