"""`skinseg-eval`: a checkpoint or a bundle against drawn masks, through the runtime that users run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from skinseg_edge.command_line import Ui, command, name_option
from skinseg_edge.errors import InputError
from skinseg_runtime.engines import ENGINES, PRECISIONS

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from skinseg_edge.metrics import BinaryCounts
    from skinseg_export.evaluation import Evaluation
    from skinseg_runtime import Segmenter

__all__ = ["main"]

_PATH = click.Path(path_type=Path)
_FIGURES = ("dice", "iou", "accuracy", "sensitivity", "specificity", "precision")
_WORST = 12  # pictures on the sheet
_FEW = 20  # up to so many pictures get a line each
_NAMED = 4


@command(
    "skinseg-eval",
    "skinseg.eval/1",
    examples=(
        "skinseg-eval lesion.skinseg --data isic2018 --split isic2018/validation.txt",
        "skinseg-eval scsonet --data isic2018 -o evaluation --json",
    ),
)
@click.argument("model")
@click.option("--data", required=True, type=_PATH, metavar="DIR", help="Folder with pictures and masks.")
@click.option("--split", type=_PATH, metavar="FILE", help="Names to evaluate on. Default: all of DIR.")
@name_option("--engine", "engine", ENGINES, default="auto", show_default=True, help="What runs a bundle's network.")
@name_option("--precision", "precision", PRECISIONS, default="fp32", show_default=True, help="Which form of it.")
@click.option("--network", metavar="NAME", help="The network of a .pt checkpoint, which does not say it.")
@click.option(
    "--import",
    "imports",
    multiple=True,
    metavar="MODULE|FILE.py",
    help="Run this code of yours first; it registers your own networks. Repeatable.",
)
@click.option("-o", "--output", type=_PATH, metavar="DIR", help="Write pictures.csv, worst.png and roc.png here.")
@click.option("--force", is_flag=True, help="Replace what is in that folder.")
def main(
    ui: Ui,
    model: str,
    data: Path,
    split: Path | None,
    engine: str,
    precision: str,
    network: str | None,
    imports: tuple[str, ...],
    output: Path | None,
    force: bool,
) -> int:
    """Score MODEL: a bundle, a checkpoint file, or the name of a shipped model.

    A bundle needs no torch. A checkpoint runs in torch behind the same preprocessing and postprocessing.
    """
    from skinseg_edge.atomic_files import check_free
    from skinseg_edge.datasets.readers import pairs
    from skinseg_export.evaluation import evaluate

    if output is not None:
        check_free(output, force=force)
    _import(imports)
    chosen = pairs(data, split)
    with _segmenter(model, engine, precision, network) as segmenter:
        with ui.progress(len(chosen), f"evaluating {model}") as advance:
            evaluation = evaluate(segmenter, chosen, advance)
        written = [] if output is None else _write(output, force, segmenter, evaluation)
        document = _document(model, segmenter, evaluation, written)
    return ui.result(document, _table(model, document, evaluation))


def _import(modules_or_files: tuple[str, ...]) -> None:
    if modules_or_files:  # a bundle needs no torch, which this imports
        from skinseg_edge.networks.user_networks import import_user_networks

        for module_or_file in modules_or_files:
            import_user_networks(module_or_file)


def _segmenter(model: str, engine: str, precision: str, network: str | None) -> Segmenter:
    from skinseg_runtime import Segmenter

    is_bundle = Path(model).is_dir()
    if is_bundle and network is not None:
        raise InputError(f"cannot use --network {network} with {model}: a bundle knows its network; leave it out")
    if not is_bundle and (engine, precision) != ("auto", "fp32"):
        raise InputError(
            f"cannot evaluate {model} with --engine {engine} --precision {precision}: only bundles have a choice, "
            "a checkpoint runs in torch; export it with skinseg-export first"
        )
    if is_bundle:
        return Segmenter.open(model, engine=engine, precision=precision)
    from skinseg_export.model_source import load_model
    from skinseg_export.torch_engine import TorchEngine

    checkpoint = load_model(model, network=network)
    return Segmenter(checkpoint.contract, TorchEngine(checkpoint.network, checkpoint.contract))


def _document(model: str, segmenter: Segmenter, evaluation: Evaluation, written: list[Path]) -> dict[str, object]:
    threshold, dice = evaluation.best_threshold
    return {
        "model": model,
        "engine": segmenter.engine.name,
        "pictures": len(evaluation.pictures),
        "threshold": segmenter.contract.threshold,
        "network_size": {"input_hw": list(segmenter.contract.input_hw), **_figures(evaluation.network)},
        "photo_size": _figures(evaluation.photo),
        "per_image": {
            "dice": evaluation.mean_dice,
            "iou": evaluation.mean_iou,
            "median_relative_hd95": _finite(evaluation.median_relative_hd95),
        },
        "auc": _finite(evaluation.auc),
        "best_threshold": {"threshold": threshold, "dice": dice},
        "per_picture": [
            {"name": score.pair.name, "dice": score.dice, "iou": score.iou} for score in evaluation.pictures
        ],
        "files": [str(path) for path in written],
    }


def _figures(counts: BinaryCounts) -> dict[str, float | int]:
    figures: dict[str, float | int] = {name: getattr(counts, name) for name in _FIGURES}
    return {**figures, "tp": counts.tp, "fp": counts.fp, "fn": counts.fn, "tn": counts.tn}


def _finite(value: float) -> float | None:
    return value if value < float("inf") else None  # JSON has neither infinity nor NaN


def _write(output: Path, force: bool, segmenter: Segmenter, evaluation: Evaluation) -> list[Path]:
    from skinseg_edge.atomic_files import fresh_folder
    from skinseg_export.evaluation_pictures import write_pictures

    with fresh_folder(output, force, only_if_holds="pictures.csv") as folder:
        _write_csv(folder / "pictures.csv", evaluation)
        names = [path.name for path in write_pictures(folder, segmenter, evaluation, worst=_WORST)]
    return [output / name for name in ("pictures.csv", *names)]


def _write_csv(path: Path, evaluation: Evaluation) -> None:
    import csv

    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "dice", "iou", "hd95_px", "relative_hd95", "network_dice"])
        for score in evaluation.pictures:
            row = [score.dice, score.iou, score.hd95_px, score.relative_hd95, score.network.dice]
            writer.writerow([score.pair.name, *(f"{value:.6f}" for value in row)])


def _table(model: str, document: dict[str, object], evaluation: Evaluation) -> Group:
    from rich.console import Group
    from rich.table import Table

    # A row a figure: side by side they would not fit the 80 columns of a terminal.
    figures = Table(title=f"{model} on {document['pictures']} pictures, engine {document['engine']}")
    for heading in ("pixels of all pictures", "network size, raw", "photo size, finished"):
        figures.add_column(heading, justify="left" if heading.startswith("pixels") else "right")
    for name in _FIGURES:
        figures.add_row(name, *(f"{getattr(counts, name):.4f}" for counts in (evaluation.network, evaluation.photo)))
    confusion = Table(title="Confusion matrix, pixels at network size")
    for heading in ("", "found lesion", "found skin"):
        confusion.add_column(heading, justify="right")
    total = evaluation.network
    confusion.add_row("is lesion", f"{total.tp:,}", f"{total.fn:,}")
    confusion.add_row("is skin", f"{total.fp:,}", f"{total.tn:,}")
    threshold, dice = evaluation.best_threshold
    distance, auc = _finite(evaluation.median_relative_hd95), _finite(evaluation.auc)
    below = (
        f"mean over pictures: Dice {evaluation.mean_dice:.4f}, IoU {evaluation.mean_iou:.4f}; "
        f"median HD95 {'unbounded' if distance is None else f'{distance:.2%} of the diagonal'}\n"
        f"AUC {'undefined' if auc is None else f'{auc:.4f}'}; "
        f"the best threshold here would be {threshold:.3f} (Dice {dice:.4f})"
    )
    return Group(figures, confusion, _each(evaluation), below)


def _each(evaluation: Evaluation) -> Table | str:
    """Return a table of the single pictures where there are few enough to read, else name the worst."""
    from rich.table import Table

    if len(evaluation.pictures) > _FEW:
        return f"worst: {', '.join(f'{score.pair.name} {score.dice:.3f}' for score in evaluation.worst(_NAMED))}"
    each = Table(title="Each picture at photo size")
    for heading in ("picture", "Dice", "IoU", "HD95 px"):
        each.add_column(heading, justify="left" if heading == "picture" else "right")
    for score in evaluation.pictures:
        each.add_row(score.pair.name, f"{score.dice:.4f}", f"{score.iou:.4f}", f"{score.hd95_px:.1f}")
    return each


if __name__ == "__main__":
    main()
