"""`skinseg-train`: a network, a folder of pictures and masks, a recipe; out comes a checkpoint with its proof."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from skinseg_edge.command_line import Ui, command
from skinseg_edge.errors import InputError, ProcessLost
from skinseg_edge.progress import no_progress

if TYPE_CHECKING:
    from skinseg_edge.training.processes import Processes
    from skinseg_edge.training.recipes import Recipe
    from skinseg_edge.training.run_folder import EpochRecord, RunFolder
    from skinseg_edge.training.trainer import TrainingJob

__all__ = ["main"]

_PATH = click.Path(path_type=Path)
_INTERRUPTED = 130
_FAILED = 2
_LARGEST_SEED = 2**32 - 1  # an epoch's seed is a million times as large, and torch takes 64 bits


@command(
    "skinseg-train",
    "skinseg.train/1",
    examples=(
        "skinseg-train --network scsonet --data isic2018 -o runs/scsonet",
        "skinseg-train --network unet --data lesions --recipe paper --epochs 5 -o runs/unet",
    ),
)
@click.option("--network", required=True, metavar="NAME", help="A network of the registry, such as scsonet or unet.")
@click.option("--data", required=True, type=_PATH, metavar="DIR", help="Folder with pictures and masks.")
@click.option("--train-list", type=_PATH, metavar="FILE", help="Names to learn from. Default: DIR/train.txt.")
@click.option("--validation-list", type=_PATH, metavar="FILE", help="Names to choose by. Default: DIR/validation.txt.")
@click.option("--recipe", "recipe_name", metavar="NAME", help="paper, best or qat. Default: best, with --qat qat.")
@click.option(
    "--qat", is_flag=True, help="Train on with the rounding of 8-bit layers, from --initial-weights or those shipped."
)
@click.option(
    "--epochs", type=click.IntRange(1), metavar="N", help="Epochs of all stages together. Default: the recipe's."
)
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    help="Option of the network, such as base=32; repeatable.",
)
@click.option(
    "--classes",
    metavar="A,B,C",
    help="What the masks show, background first. Default: DIR/classes.txt, or the recipe's.",
)
@click.option(
    "--lesion-classes",
    metavar="A,B",
    help="Which of them are lesion. Default: HHB of the melasma classes, else all but the first.",
)
@click.option(
    "--import", "modules", multiple=True, metavar="MODULE_OR_FILE", help="Python code that registers own networks."
)
@click.option("--teacher", metavar="CHECKPOINT", help="Learn from this network as well; a file or a shipped model.")
@click.option(
    "--initial-weights", type=_PATH, metavar="FILE", help="Start from these weights, with their normalisation."
)
@click.option("-o", "--output", type=_PATH, metavar="RUN", help="Run folder. Default: runs/NETWORK-RECIPE.")
@click.option(
    "--seed",
    type=click.IntRange(0, _LARGEST_SEED),
    default=0,
    show_default=True,
    help="Seed of weights, order and augmentation.",
)
@click.option(
    "--device",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="auto, cpu, cuda, cuda:1 or mps; by torchrun auto, cpu or cuda.",
)
@click.option("--half/--no-half", default=None, help="Mixed precision. Default: on CUDA only.")
@click.option(
    "--workers",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Processes that read and augment; 0 = none beside the trainer.",
)
@click.option(
    "--shards",
    type=click.IntRange(1),
    metavar="N",
    help="Parts of the pictures that processes may share among them. Default: the run's, else as many as processes.",
)
@click.option(
    "--accumulate",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="K",
    help="Parts in which a batch goes through the network, to save memory; batch statistics are then those of a part.",
)
def main(
    ui: Ui,
    network: str,
    data: Path,
    train_list: Path | None,
    validation_list: Path | None,
    recipe_name: str | None,
    qat: bool,
    epochs: int | None,
    options: tuple[str, ...],
    classes: str | None,
    lesion_classes: str | None,
    modules: tuple[str, ...],
    teacher: str | None,
    initial_weights: Path | None,
    output: Path | None,
    seed: int,
    device: str,
    half: bool | None,
    workers: int,
    shards: int | None,
    accumulate: int,
) -> int:
    """Train a network; started again in the same run folder, it resumes after the last whole epoch.

    By torchrun, several processes share every batch: torchrun --nproc-per-node 2 -m skinseg_edge.training ...

    Without lists, and where DIR holds none, every tenth picture (by the hash of its name) is kept to choose by, and an
    official test part is left out.
    """
    from skinseg_edge.datasets.label_maps import classes_of
    from skinseg_edge.network_options import classes_from_text, options_from_texts
    from skinseg_edge.networks.user_networks import import_user_networks
    from skinseg_edge.training.lists import chosen_pairs
    from skinseg_edge.training.processes import joined, rank_told
    from skinseg_edge.training.run_folder import RunFolder
    from skinseg_edge.training.start import quantization_aware_start, usual_start
    from skinseg_edge.training.trainer import TrainingJob

    def described(processes: "Processes", recipe_name: str, lanes: int) -> TrainingJob:
        for module in modules:
            import_user_networks(module)
        is_qat = recipe_name == "qat"
        given = options_from_texts(options)
        start = (
            quantization_aware_start(network, given, initial_weights)
            if is_qat
            else usual_start(network, recipe_name, given, initial_weights)
        )
        chosen = start.recipe if epochs is None else start.recipe.with_epochs(epochs)
        train, validation = chosen_pairs(data, train_list, validation_list)
        place = processes.device(device)
        return TrainingJob(
            network=network,
            recipe=chosen,
            train=train,
            validation=validation,
            options=start.options,
            classes=classes_of(data) or () if classes is None else classes_from_text(classes),
            lesion_classes=start.lesion_classes if lesion_classes is None else classes_from_text(lesion_classes),
            teacher=teacher or start.teacher,
            initial_weights=start.weights,
            quantization_aware=is_qat,
            starting_contract=start.contract,
            data=data.resolve().name,
            data_folder=data.resolve().name,
            seed=seed,
            device=place,
            half=place.startswith("cuda") if half is None else half,
            workers=workers,
            lanes=lanes,
            accumulate=accumulate,
        )

    with _one_voice(ui, first=rank_told() == 0), joined(when_waiting=ui.info) as processes:
        recipe_name = processes.together(lambda: _recipe_name(recipe_name, qat))
        folder = RunFolder(output or Path("runs") / f"{network}-{recipe_name}")
        lanes = shards or processes.first(folder.lanes) or processes.count
        job = processes.together(lambda: described(processes, recipe_name, lanes))
        return _train(ui, job, folder, processes)


def _train(ui: Ui, job: "TrainingJob", folder: "RunFolder", processes: "Processes") -> int:
    from skinseg_edge.training.trainer import Trainer

    trainer = Trainer(
        job,
        folder,
        progress=ui.progress if processes.is_first else no_progress,
        report=lambda record: _tell(ui, record, job.recipe),
        processes=processes,
    )
    if trainer.records:
        ui.info(f"resuming after epoch {len(trainer.records)} of {job.recipe.epochs}")
    elif trainer.started_from:
        ui.info(f"starting from {trainer.started_from}")
    if processes.count > 1:
        ui.info(f"sharing each batch of {job.batch} pictures among {processes.count} processes")
    if job.quantization_aware:
        ui.info(f"rounding {len(trainer.quantized)} layers to 8 bits")
    best = trainer.fit()
    if not processes.is_first:
        return 0
    return _finish(ui, folder, trainer.records, best, len(job.class_names))


@contextmanager
def _one_voice(ui: Ui, *, first: bool) -> Iterator[None]:
    """Let the first of several processes speak for all; another tells only what the first cannot know."""
    if first:
        yield
        return
    from skinseg_edge.training.processes import is_shared

    ui.verbosity, ui.json = -1, False
    try:
        yield
    except ProcessLost:
        if ui.is_interrupted:
            raise SystemExit(_INTERRUPTED) from None
        raise
    except KeyboardInterrupt:
        raise SystemExit(_INTERRUPTED) from None
    except Exception as error:
        if not is_shared(error):
            raise
        raise SystemExit(getattr(error, "exit_code", _FAILED)) from error


def _recipe_name(asked: str | None, qat: bool) -> str:
    if qat and asked not in (None, "qat"):
        raise InputError(f"cannot use the recipe {asked!r} with --qat, which has one of its own; leave one of them out")
    return asked or ("qat" if qat else "best")


def _tell(ui: Ui, record: "EpochRecord", recipe: "Recipe") -> None:
    ui.info(
        f"epoch {record.epoch}/{recipe.epochs} at {record.side} px: loss {record.loss:.4f}, "
        f"validation Dice {record.dice:.4f}, mean IoU {record.mean_iou:.4f}, {record.seconds:.0f} s"
    )


def _finish(ui: Ui, folder: "RunFolder", records: "tuple[EpochRecord, ...]", best: "EpochRecord", classes: int) -> int:
    from skinseg_edge.atomic_files import write_bytes_atomically
    from skinseg_edge.training.plots import curves_png

    write_bytes_atomically(folder.curves, curves_png(records, classes=classes))
    document = {
        "checkpoint": str(folder.best),
        "log": str(folder.log),
        "curves": str(folder.curves),
        "epochs": len(records),
        "best_epoch": best.epoch,
        "dice": best.dice,
        "iou": best.iou,
        "mean_iou": best.mean_iou,
    }
    return ui.result(
        document,
        f"best epoch {best.epoch}: Dice {best.dice:.4f}, IoU {best.iou:.4f}, mean IoU of all classes "
        f"{best.mean_iou:.4f} (pooled validation pixels at {best.side} px)\n"
        f"checkpoint  {folder.best}\ncurves      {folder.curves}\nlog         {folder.log}",
    )


if __name__ == "__main__":
    main()
