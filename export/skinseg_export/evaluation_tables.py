"""What `skinseg-eval` says of one model: tables for people, one document for programs, one line a picture."""

import csv
import io

from skinseg_edge.metrics import BinaryCounts
from skinseg_edge.picture_means import per_image_mean_dice
from skinseg_export.evaluation import Evaluation
from skinseg_export.run_statistics import pooled_interval
from skinseg_export.scores import finite, scores_of
from skinseg_export.tables import Cell, Table

__all__ = ["confusion_csv", "evaluation_document", "evaluation_tables", "pictures_csv"]

_FIGURES = ("dice", "iou", "accuracy", "sensitivity", "specificity", "precision")
_FEW = 20  # up to so many pictures get a line each
_NAMED = 4


def evaluation_tables(model: str, engine: str, evaluation: Evaluation) -> list[Table]:
    """Lay the scores out in tables that fit the 80 columns of a terminal."""
    tables = [_figures_table(model, engine, evaluation)]
    if len(evaluation.confusion_classes) > 2:
        tables += [_classes_table(evaluation), _shares_table(evaluation)]
    else:
        tables.append(_counts_table(evaluation))
    if len(evaluation.pictures) <= _FEW:
        rows = tuple((score.pair.name, score.dice, score.iou, f"{score.hd95_px:.1f}") for score in evaluation.pictures)
        tables.append(Table("Each picture at photo size", ("picture", "Dice", "IoU", "HD95 px"), rows))
    return tables


def _figures_table(model: str, engine: str, evaluation: Evaluation) -> Table:
    # A row a figure: side by side they would not fit 80 columns.
    rows = tuple((name, getattr(evaluation.network, name), getattr(evaluation.photo, name)) for name in _FIGURES)
    columns = ("lesion pixels of all pictures", "network size, raw", "photo size, finished")
    title = f"{model} on {len(evaluation.pictures)} pictures, engine {engine}"
    return Table(title, columns, rows, tuple(_remarks(evaluation)))


def _remarks(evaluation: Evaluation) -> list[str]:
    threshold, dice = evaluation.best_threshold
    distance, auc = (finite({"": value})[""] for value in (evaluation.median_relative_hd95, evaluation.auc))
    interval = pooled_interval([score.network for score in evaluation.pictures])
    remarks = [
        f"mean over pictures: Dice {evaluation.mean_dice:.4f}, IoU {evaluation.mean_iou:.4f}; "
        f"median HD95 {'unbounded' if distance is None else f'{distance:.2%} of the diagonal'}",
        f"AUC {'undefined' if auc is None else f'{auc:.4f}'}; "
        f"the best threshold here would be {threshold:.3f} (Dice {dice:.4f})",
        f"Dice at network size lies in {interval.low:.4f} to {interval.high:.4f} (95 %, bootstrap over pictures); "
        f"ECE {evaluation.calibration().ece:.4f}",
    ]
    if len(evaluation.pictures) > _FEW:
        worst = ", ".join(f"{score.pair.name} {score.dice:.3f}" for score in evaluation.worst(_NAMED))
        remarks.append(f"worst: {worst}")
    return remarks


def _counts_table(evaluation: Evaluation) -> Table:
    total = evaluation.network
    rows: tuple[tuple[Cell, ...], ...] = (("is lesion", total.tp, total.fn), ("is skin", total.fp, total.tn))
    return Table("Confusion matrix, pixels at network size", ("", "found lesion", "found skin"), rows)


def _classes_table(evaluation: Evaluation) -> Table:
    matrix = evaluation.confusion
    by_class = (
        matrix.pooled_iou_by_class,
        matrix.pooled_dice_by_class,
        matrix.pooled_recall_by_class,
        matrix.pooled_precision_by_class,
        matrix.pooled_specificity_by_class,
    )
    rows: list[tuple[Cell, ...]] = []
    for k, name in enumerate(evaluation.confusion_classes):
        rows.append((name, *(float(values[k]) for values in by_class), evaluation.auc_of(k)))
    means = (matrix.macro_iou, matrix.macro_dice, matrix.macro_recall, matrix.macro_precision, matrix.macro_specificity)
    rows.append(("mean (macro)", *means, None))
    note = f"share of pixels whose class was found {matrix.pooled_accuracy:.4f}; macro F1 {matrix.macro_f1:.4f}"
    columns = ("class against the rest", "IoU", "Dice", "Recall", "Prec", "Spec", "AUC")
    return Table("Every class, pixels of all pictures at network size", columns, tuple(rows), (note,))


def _shares_table(evaluation: Evaluation) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, shares in zip(evaluation.confusion_classes, evaluation.confusion.shares, strict=True):
        rows.append((name, *(float(share) for share in shares)))
    title = "Confusion matrix, share of each true class (row) at network size"
    return Table(title, ("is / found", *evaluation.confusion_classes), tuple(rows))


def evaluation_document(model: str, engine: str, evaluation: Evaluation) -> dict[str, object]:
    """Return every figure for `--json`; what is undefined is null."""
    threshold, dice = evaluation.best_threshold
    curve = evaluation.calibration()
    interval = pooled_interval([score.network for score in evaluation.pictures])
    contract = evaluation.contract
    return {
        "model": model,
        "engine": engine,
        "pictures": len(evaluation.pictures),
        "threshold": contract.threshold,
        "decision": evaluation.decision,
        "classes": list(evaluation.confusion_classes),
        "lesion_classes": [evaluation.confusion_classes[row] for row in evaluation.lesion_rows],
        "network_size": {"input_hw": list(contract.input_hw), **_figures(evaluation.network)},
        "photo_size": _figures(evaluation.photo),
        "per_image": {
            "dice": evaluation.mean_dice,
            "iou": evaluation.mean_iou,
            **finite({"median_relative_hd95": evaluation.median_relative_hd95}),
        },
        **finite({"auc": evaluation.auc}),
        "best_threshold": {"threshold": threshold, "dice": dice},
        "dice_interval": {"low": interval.low, "high": interval.high, "level": interval.level},
        "scores": finite(scores_of(evaluation)),
        "per_class": _per_class(evaluation),
        "confusion": {
            "network_size": evaluation.confusion.counts.tolist(),
            "photo_size": evaluation.photo_confusion.counts.tolist(),
        },
        "calibration": {
            "ece": curve.ece,
            "bins": [
                finite({"confidence": float(confidence), "accuracy": float(accuracy), "share": float(share)})
                for confidence, accuracy, share in zip(curve.confidence, curve.accuracy, curve.share, strict=True)
            ],
        },
        "per_picture": [
            {"name": score.pair.name, "dice": score.dice, "iou": score.iou} for score in evaluation.pictures
        ],
    }


def _figures(counts: BinaryCounts) -> dict[str, float | int]:
    figures: dict[str, float | int] = {name: getattr(counts, name) for name in _FIGURES}
    return {**figures, "tp": counts.tp, "fp": counts.fp, "fn": counts.fn, "tn": counts.tn}


def _per_class(evaluation: Evaluation) -> list[dict[str, object]]:
    """List the classes of the contract, each against all others, at network size."""
    first = 1 if evaluation.contract.is_binary else 0  # row of the first class in the confusion matrix
    return [
        {
            "name": name,
            **_figures(evaluation.confusion.one_vs_rest(k + first)),
            **finite({"auc": evaluation.auc_of(k)}),
        }
        for k, name in enumerate(evaluation.contract_classes)
    ]


def pictures_csv(evaluation: Evaluation) -> str:
    """Write one line a picture: scores of the lesion at photo size, and its Dice at network size."""
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(["name", "dice", "iou", "hd95_px", "relative_hd95", "network_dice"])
    for score in evaluation.pictures:
        network_dice = per_image_mean_dice([score.network])  # of a picture without lesion 1, as in the other columns
        row = [score.dice, score.iou, score.hd95_px, score.relative_hd95, network_dice]
        writer.writerow([score.pair.name, *(f"{value:.6f}" for value in row)])
    return page.getvalue()


def confusion_csv(evaluation: Evaluation) -> str:
    """Write the pixels at network size: a row a true class, a column a found one."""
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(["true / found", *evaluation.confusion_classes])
    for name, counts in zip(evaluation.confusion_classes, evaluation.confusion.counts.tolist(), strict=True):
        writer.writerow([name, *counts])
    return page.getvalue()
