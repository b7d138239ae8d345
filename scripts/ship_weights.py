"""Turn a finished training run into a shipped model: weights beside a card whose figures are measured here.

python scripts/ship_weights.py RUN DATA --commit HASH [--name scsonet] [--resize stretch]

RUN is a folder of skinseg-train, DATA the isic2018 folder it learnt from (train.txt, validation.txt, images, masks).
"""

import argparse
import datetime
import hashlib
import platform
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from string import Template
from typing import Any

import torch

from skinseg_edge import load_checkpoint
from skinseg_edge.atomic_files import write_text_atomically
from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.readers import pairs
from skinseg_edge.networks.checkpoint import Checkpoint, save_checkpoint
from skinseg_export import TorchEngine
from skinseg_export.evaluation import Evaluation, evaluate
from skinseg_runtime import Segmenter

__all__ = ["card"]

_WEIGHTS = Path(__file__).resolve().parent.parent / "skinseg_edge" / "weights"
_TEMPLATE = Path(__file__).resolve().parent / "model_card.md.template"
_DATA = (
    "dermoscopic pictures of the ISIC 2018 challenge (task 1, training set), centre-cropped to 512 x 512 px; "
    "398 others chose the epoch"
)


def main() -> None:
    """Read the arguments, measure, write weights and card."""
    parser = argparse.ArgumentParser(description="Ship the best epoch of a training run.")
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--commit", required=True, help="of the code that trained")
    parser.add_argument("--name", default="scsonet")
    parser.add_argument("--resize", default="stretch")
    arguments = parser.parse_args()
    trained = load_checkpoint(arguments.run / "best.safetensors")
    contract = replace(trained.contract, resize=arguments.resize)
    segmenter = Segmenter(contract, TorchEngine(trained.network, contract))
    evaluation = evaluate(segmenter, pairs(arguments.data, arguments.data / "validation.txt"))
    target = _WEIGHTS / f"{arguments.name}.safetensors"
    save_checkpoint(
        target,
        trained.network.state_dict(),
        network_name=trained.network_name,
        contract=contract,
        options=trained.options,
        # The names of folder and list let skinseg-export find the pictures to calibrate with.
        training={
            **trained.training,
            "data": _DATA,
            "data_folder": arguments.data.resolve().name,
            "commit": arguments.commit,
        },
        overwrite=True,
    )
    text = card(trained, contract, evaluation, commit=arguments.commit, sha256=_sha256(target))
    write_text_atomically(target.with_suffix(".md"), text)
    print(f"{target}: Dice {evaluation.network.dice:.4f} (pooled), {evaluation.mean_dice:.4f} (mean over pictures)")


def card(trained: Checkpoint, contract: ModelContract, evaluation: Evaluation, *, commit: str, sha256: str) -> str:
    """Return the model card as Markdown."""
    training = trained.training
    recipe = training["recipe"]
    threshold, best = evaluation.best_threshold
    rows, columns = contract.input_hw
    figures = {
        "dice": evaluation.network.dice,
        "iou": evaluation.network.iou,
        "sensitivity": evaluation.network.sensitivity,
        "specificity": evaluation.network.specificity,
        "mean_dice": evaluation.mean_dice,
        "mean_iou": evaluation.mean_iou,
        "auc": evaluation.auc,
        "best_dice": best,
    }
    words = {
        "network": trained.network_name,
        "parameters": f"{sum(weight.numel() for weight in trained.network.parameters()):,}",
        "pictures": len(evaluation.pictures),
        "date": datetime.date.today(),
        "machine": platform.machine(),
        "torch": torch.__version__,
        "input": f"{rows} x {columns}",
        "threshold": contract.threshold,
        "best_threshold": f"{threshold:.3f}",
        "resize": contract.resize,
        "data": _DATA,
        "learnt": f"{training['train_pictures']:,}",
        "recipe": recipe["name"],
        "stages": ", then ".join(_stage(stage) for stage in recipe["stages"]),
        "epochs": sum(stage["epochs"] for stage in recipe["stages"]),
        "best_epoch": training["best"]["epoch"],
        "seed": training["seed"],
        "commit": commit,
        "sha256": sha256,
    }
    plain = {
        name: recipe[name] for name in ("optimizer", "learning_rate", "schedule", "batch", "loss", "average_decay")
    }
    template = Template(_TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(plain | words | {name: f"{value:.4f}" for name, value in figures.items()})


def _stage(stage: Mapping[str, Any]) -> str:
    ring = ", dermoscope rings drawn" if stage["augmentation"]["ring"] else ""
    return f"{stage['epochs']} epochs at {stage['side']} px{ring}"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
