"""`skinseg-eval`: checkpoints and bundles against drawn masks, through the runtime that users run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from skinseg_edge.command_line import Ui, command, name_option
from skinseg_edge.errors import InputError
from skinseg_export.decisions import DECISIONS
from skinseg_export.paper_results import PAPER_TABLES
from skinseg_export.tables import FORMATS
from skinseg_runtime.engines import ENGINES, PRECISIONS

if TYPE_CHECKING:
    from torch import nn

    from skinseg_edge.datasets.readers import PicturePair
    from skinseg_export.comparison import Contender
    from skinseg_export.decisions import Decision
    from skinseg_export.evaluation import Evaluation
    from skinseg_export.open_model import OpenModel
    from skinseg_export.tables import Table

__all__ = ["main"]

_PATH = click.Path(path_type=Path)
_WORST = 12  # pictures on the sheet


@command(
    "skinseg-eval",
    "skinseg.eval/1",
    examples=(
        "skinseg-eval lesion.skinseg --data isic2018 --split isic2018/validation.txt",
        "skinseg-eval --compare ours=a.safetensors ours=b.safetensors scsonet --data isic2018 --paper scsonet",
    ),
)
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--data", required=True, type=_PATH, metavar="DIR", help="Folder with pictures and masks.")
@click.option("--split", type=_PATH, metavar="FILE", help="Names to evaluate on. Default: all of DIR.")
@click.option("--compare", is_flag=True, help="Put several models side by side and test their differences.")
@name_option("--paper", "paper", tuple(PAPER_TABLES), help="Compare in this paper's table, beside its printed rows.")
@name_option("--decision", "decision", DECISIONS, help="When a pixel at network size is lesion. Default: as in use.")
@name_option("--format", "format", FORMATS, default="text", show_default=True, help="What the tables look like.")
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
@click.option("-o", "--output", type=_PATH, metavar="DIR", help="Write tables in every format, and pictures, here.")
@click.option("--force", is_flag=True, help="Replace what is in that folder.")
def main(
    ui: Ui,
    models: tuple[str, ...],
    data: Path,
    split: Path | None,
    compare: bool,
    paper: str | None,
    decision: str | None,
    format: str,
    engine: str,
    precision: str,
    network: str | None,
    imports: tuple[str, ...],
    output: Path | None,
    force: bool,
) -> int:
    """Score each MODEL: a bundle, a checkpoint file, or the name of a shipped model.

    A bundle needs no torch. A checkpoint runs in torch behind the same preprocessing and postprocessing. LABEL=MODEL
    gives a model a name in --compare; models of one label are repeated runs, shown as mean and standard deviation.
    """
    from skinseg_edge.atomic_files import check_free

    ui.json |= format == "json"
    model, *others = models
    if others and not (compare or paper):
        raise InputError(f"cannot score {len(models)} models ({', '.join(models)}) one by one: add --compare")
    if output is not None:
        check_free(output, force=force)
    _import(imports)
    task = _Task(ui, data, split, cast("Decision | None", decision), (engine, precision, network))
    if compare or paper:
        return _compare(task, models, paper, format, output, force)
    return _score(task, model, format, output, force)


def _import(modules_or_files: tuple[str, ...]) -> None:
    if modules_or_files:  # a bundle needs no torch, which this imports
        from skinseg_edge.networks.user_networks import import_user_networks

        for module_or_file in modules_or_files:
            import_user_networks(module_or_file)


class _Task:
    """The pictures, and how to score a model on them."""

    def __init__(
        self,
        ui: Ui,
        data: Path,
        split: Path | None,
        decision: Decision | None,
        how: tuple[str, str, str | None],
    ) -> None:
        """Find the pictures. *how*: engine, precision and network, for `open_model`."""
        from skinseg_edge.datasets.label_maps import classes_of
        from skinseg_edge.datasets.readers import pairs

        self.ui = ui
        self.how = how
        self._decision: Decision | None = decision
        self.classes = classes_of(data)
        self._pairs: Sequence[PicturePair] = pairs(data, split)

    def evaluation_of(self, model: str, opened: OpenModel) -> Evaluation:
        from skinseg_export.evaluation import evaluate

        with self.ui.progress(len(self._pairs), f"evaluating {model}") as advance:
            return evaluate(opened.segmenter, self._pairs, advance, decision=self._decision, data_classes=self.classes)


def _score(task: _Task, model: str, form: str, output: Path | None, force: bool) -> int:
    from skinseg_export.evaluation_tables import (
        confusion_csv,
        evaluation_document,
        evaluation_tables,
        pictures_csv,
    )
    from skinseg_export.open_model import open_model

    with open_model(model, *task.how) as opened:
        evaluation = task.evaluation_of(model, opened)
        engine = opened.segmenter.engine.name
        tables = evaluation_tables(model, engine, evaluation)
        document = evaluation_document(model, engine, evaluation)
        files: list[Path] = []
        if output is not None:
            pages = {"pictures.csv": pictures_csv(evaluation), "confusion.csv": confusion_csv(evaluation)}
            pages |= _pages("scores", tables, document)
            files = _write(output, force, pages, lambda folder: _draw(task, folder, opened, evaluation))
    return task.ui.result({**document, "files": [str(path) for path in files]}, _shown(tables, form))


def _draw(task: _Task, folder: Path, opened: OpenModel, evaluation: Evaluation) -> list[Path]:
    from skinseg_export.figures import write_figures

    def write(network: nn.Module | None) -> list[Path]:
        return write_figures(
            folder, opened.segmenter, evaluation, worst=_WORST, data_classes=task.classes, network=network
        )

    try:
        return write(opened.network)
    except InputError as error:  # a user's network may have no last convolution to look into
        task.ui.warn(f"attention.png is left out: {error}")
        return write(None)


def _compare(
    task: _Task, models: tuple[str, ...], paper: str | None, form: str, output: Path | None, force: bool
) -> int:
    from skinseg_export.comparison import contenders_of
    from skinseg_export.comparison_tables import comparison_document, comparison_tables, dice_csv
    from skinseg_export.open_model import labelled, open_model

    labels, runs, parameters = [], [], []
    for label, path in labelled(models):
        with open_model(path, *task.how) as opened:
            labels.append(label)
            runs.append(task.evaluation_of(path, opened))
            parameters.append(opened.parameters)
    contenders: tuple[Contender, ...] = contenders_of(labels, runs, parameters)
    tables = comparison_tables(contenders, None if paper is None else PAPER_TABLES[paper])
    document = {"paper": paper, **comparison_document(contenders)}
    files: list[Path] = []
    if output is not None:
        pages = {"pictures.csv": dice_csv(contenders), **_pages("comparison", tables, document)}
        files = _write(output, force, pages, lambda folder: _draw_ranks(folder, contenders))
    return task.ui.result({**document, "files": [str(path) for path in files]}, _shown(tables, form))


def _draw_ranks(folder: Path, contenders: Sequence[Contender]) -> list[Path]:
    if len(contenders) < 2:
        return []
    import numpy as np

    from skinseg_edge.atomic_files import write_bytes_atomically
    from skinseg_export.comparison_tables import ranked_scores
    from skinseg_export.figures.ranks import ranks_png
    from skinseg_export.scores import SCORES

    ranked = ranked_scores(contenders)
    values = np.array([[contender.summary(key).mean for key in ranked] for contender in contenders])
    lower = [SCORES[key].lower_is_better for key in ranked]
    page = ranks_png([contender.label for contender in contenders], list(ranked.values()), values, lower)
    write_bytes_atomically(folder / "ranks.png", page)
    return [folder / "ranks.png"]


def _shown(tables: Sequence[Table], form: str) -> object:
    from skinseg_export.tables import csv_of, grids_of, markdown_of

    if form == "text":
        from rich.console import Group

        return Group(*grids_of(tables))
    return (csv_of(tables) if form == "csv" else markdown_of(tables)).rstrip("\n")


def _pages(name: str, tables: Sequence[Table], document: dict[str, object]) -> dict[str, str]:
    """Write the tables in every format: file name -> text."""
    import json

    from skinseg_export.tables import csv_of, json_of, markdown_of, text_of

    whole = {**document, "tables": [json_of(table) for table in tables]}
    return {
        f"{name}.txt": text_of(tables),
        f"{name}.md": markdown_of(tables),
        f"{name}.csv": csv_of(tables),
        f"{name}.json": json.dumps(whole, indent=1, allow_nan=False) + "\n",
    }


def _write(output: Path, force: bool, pages: dict[str, str], draw: Callable[[Path], list[Path]]) -> list[Path]:
    from skinseg_edge.atomic_files import fresh_folder

    with fresh_folder(output, force, only_if_holds="pictures.csv") as folder:
        for name, text in pages.items():
            (folder / name).write_text(text, encoding="utf-8", newline="")
        drawn = [path.name for path in draw(folder)]
    return [output / name for name in (*pages, *drawn)]


if __name__ == "__main__":
    main()
