"""Do the networks learn? Each is trained small and short on a CPU, and scored on real pictures it never saw.

Not the papers' sizes and epochs, which ask for a GPU (docs/results.md): each network learns with the loss, the
optimizer and the classes of its paper, at a smaller size, with a short cosine in place of the long schedule. HHBSNet
alone gets AdamW in place of SGD, by which it gets no further than Dice 0.61 in five such epochs.

Trained on `train.txt`; the epoch is chosen on the second hundred pictures of `validation.txt` and scored on the first
hundred, which neither weights nor choice have seen. Killed and started again, it resumes.

    python benchmarks/learning.py ../shared/data/isic2018 -o runs/learning [--only unet] [--epochs 4]
        [--curves learning.png]
"""

import argparse
import csv
import datetime
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from skinseg_edge import load_checkpoint
from skinseg_edge.datasets.readers import PicturePair, pairs
from skinseg_edge.training.augmentation import PAPER
from skinseg_edge.training.recipes import Recipe, Stage, recipe
from skinseg_edge.training.run_folder import RunFolder
from skinseg_edge.training.trainer import Trainer, TrainingJob
from skinseg_export.evaluation import Evaluation, evaluate
from skinseg_export.torch_engine import TorchEngine
from skinseg_runtime import Segmenter

HELD_OUT = 100


@dataclass(frozen=True)
class Trial:
    """How small and short a network is trained: constructor options, epochs, peak learning rate, input side (px)."""

    epochs: int
    learning_rate: float
    options: Mapping[str, Any] = field(default_factory=dict)
    side: int = 128
    optimizer: Literal["adam", "adamw", "sgd"] | None = None  # None: the paper's

    def recipe(self, network: str) -> Recipe:
        """Return the recipe of the network's paper, cut down: one size, flips and turns, a short cosine, averaging."""
        paper = recipe(network, "paper")
        return replace(
            paper,
            name="trial",
            optimizer=self.optimizer or paper.optimizer,
            resize="stretch",  # the pictures are square
            stages=(Stage(self.side, self.epochs, PAPER),),
            batch=16,
            learning_rate=self.learning_rate,
            schedule="cosine",
            final_learning_rate=1e-5,
            warm_up=1,
            average_decay=0.98,
            clip_norm=1.0,
        )


TRIALS: Mapping[str, Trial] = {
    "unet": Trial(8, 2e-3, {"base": 16}),
    "ulffn": Trial(8, 2e-3, {"base": 16}),
    "cmssm": Trial(8, 2e-3, {"channels": 24, "ratio": 2}, side=64),
    "hhbsnet": Trial(8, 2e-3, {"decoder": 128}, optimizer="adamw"),
}


def main() -> None:
    """Train what is asked for and print the table."""
    parser = argparse.ArgumentParser(description="Train the networks small and short, and score them.")
    parser.add_argument("data", type=Path, help="folder with images/, masks/, train.txt and validation.txt")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--only", choices=TRIALS, help="one network instead of all")
    parser.add_argument("--epochs", type=int, help="so many instead of the trial's eight")
    parser.add_argument("--curves", type=Path, help="draw the validation Dice of all runs in that folder here (PNG)")
    arguments = parser.parse_args()
    validation = pairs(arguments.data, arguments.data / "validation.txt")
    held_out, choosing = validation[:HELD_OUT], validation[HELD_OUT : 2 * HELD_OUT]
    train = pairs(arguments.data, arguments.data / "train.txt")
    print(f"Measured {datetime.date.today()} on {platform.machine()} {platform.system()}, torch CPU, seed 0.\n")
    print("| network | options | parameters | input | pictures x epochs | minutes | DSC | IoU | accuracy |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in [arguments.only] if arguments.only else TRIALS:
        trial = TRIALS[name] if arguments.epochs is None else replace(TRIALS[name], epochs=arguments.epochs)
        folder = RunFolder(arguments.output / name)
        fit(name, trial, train, choosing, folder)
        print(row(name, trial, len(train), folder, score(folder, held_out)), flush=True)
    if arguments.curves:
        draw_curves(arguments.output, arguments.curves)


def fit(
    name: str,
    trial: Trial,
    train: tuple[PicturePair, ...],
    choosing: tuple[PicturePair, ...],
    folder: RunFolder,
) -> None:
    """Train, or go on where the last call was stopped."""
    job = TrainingJob(
        network=name,
        recipe=trial.recipe(name),
        train=train,
        validation=choosing,
        options=trial.options,
        data="isic2018",
        workers=0,
    )
    Trainer(job, folder, report=lambda record: print(f"<!-- {name} {record} -->", flush=True)).fit()


def score(folder: RunFolder, held_out: tuple[PicturePair, ...]) -> Evaluation:
    """Score the chosen epoch the way of the runtime, at the network's size."""
    checkpoint = load_checkpoint(folder.best)
    with Segmenter(checkpoint.contract, TorchEngine(checkpoint.network, checkpoint.contract)) as segmenter:
        return evaluate(segmenter, held_out)


def row(name: str, trial: Trial, pictures: int, folder: RunFolder, evaluation: Evaluation) -> str:
    """Return the network's line of the table; DSC, IoU and accuracy are pooled over pixels."""
    parameters = sum(weight.numel() for weight in load_checkpoint(folder.best).network.parameters())
    with folder.log.open(newline="") as log:
        minutes = sum(float(line["seconds"]) for line in csv.DictReader(log)) / 60
    options = ", ".join(f"{key}={value}" for key, value in trial.options.items()) or "-"
    figures = evaluation.network
    return (
        f"| {name} | {options} | {parameters / 1e6:.3f} M | {trial.side} | {pictures} x {trial.epochs} | {minutes:.0f} "
        f"| {figures.dice:.4f} | {figures.iou:.4f} | {figures.accuracy:.4f} |"
    )


def draw_curves(runs: Path, picture: Path) -> None:
    """Draw Dice on the pictures that choose the epoch, a line a network that has been trained."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), dpi=110, layout="constrained")
    axes = figure.subplots()
    for name in TRIALS:
        log = RunFolder(runs / name).log
        if log.is_file():
            with log.open(newline="") as lines:
                dice = [float(line["dice"]) for line in csv.DictReader(lines)]
            axes.plot(range(1, len(dice) + 1), dice, marker="o", markersize=4, label=f"{name}  {max(dice):.3f}")
    axes.axhline(0.8, color="#999999", linewidth=0.8, linestyle=":")
    axes.set_ylim(0.7, 0.95)
    axes.set_xlabel("epoch of 1,602 pictures")
    axes.set_ylabel("Dice, pooled pixels of 100 validation pictures")
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(picture, metadata={"Software": None})


if __name__ == "__main__":
    main()
