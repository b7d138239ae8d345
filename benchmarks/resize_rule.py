"""Which resize rule and input size suit photos that are not square: pooled and mean Dice of one checkpoint.

The training pictures are square, photos are not. Each rule (stretch, letterbox, crop) is tried on validation pictures
that were cut to a photo's shape (the lesion keeps its shape and may be cut), on ones that were stretched to it, and on
photos at camera size. Masks come out of the runtime at photo size, so what `crop` does not see counts as missed.

    python benchmarks/resize_rule.py ../shared/data [--model scsonet] [--every 2]
"""

import argparse
import datetime
import platform
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.lines import say
from skinseg_edge import load_checkpoint, metrics
from skinseg_edge.contract import ResizeRule
from skinseg_edge.datasets.readers import PicturePair, pairs
from skinseg_edge.image_io import decode, decode_mask
from skinseg_edge.metrics import BinaryCounts
from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_export.torch_engine import TorchEngine
from skinseg_runtime import Segmenter

SIDES = (192, 224, 256, 320)


class Sample(NamedTuple):
    """A photo, (H, W, 3) uint8 RGB, and its mask, (H, W) bool."""

    photo: NDArray[np.uint8]
    mask: NDArray[np.bool_]


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Measure resize rules and input sizes.")
    parser.add_argument("data", type=Path, help="folder with isic2018/ and full_size/")
    parser.add_argument("--model", default="scsonet", help="shipped model or checkpoint file")
    parser.add_argument("--every", type=int, default=2, help="use every n-th validation picture")
    arguments = parser.parse_args()
    checkpoint = load_checkpoint(arguments.model)
    isic = arguments.data / "isic2018"
    validation = load(pairs(isic, isic / "validation.txt")[:: arguments.every])
    sets = {
        "square, as they are": validation,
        "cut to 4:3": [cut(sample, 4 / 3) for sample in validation],
        "cut to 3:4": [cut(sample, 3 / 4) for sample in validation],
        "stretched to 4:3": [stretched(sample, 4 / 3) for sample in validation],
        "stretched to 16:9": [stretched(sample, 16 / 9) for sample in validation],
        "full-size photos": load(pairs(arguments.data / "full_size")),
    }
    say(
        f"{checkpoint.source}, {len(validation)} validation pictures and {len(sets['full-size photos'])} photos; "
        f"{datetime.date.today()}, {platform.machine()} {platform.system()}, torch CPU. Pooled Dice / mean Dice."
    )
    side = checkpoint.contract.input_hw[0]
    table(sets, [(f"{rule} {side}", segmenter(checkpoint, rule, side)) for rule in get_args(ResizeRule)])
    rule = checkpoint.contract.resize
    table(sets, [(f"{rule} {side}", segmenter(checkpoint, rule, side)) for side in SIDES])


def load(chosen: Sequence[PicturePair]) -> list[Sample]:
    """Decode pictures and masks whole."""
    return [Sample(decode(pair.picture).pixels, decode_mask(pair.mask)) for pair in chosen]


def segmenter(checkpoint: Checkpoint, rule: ResizeRule, side: int) -> Segmenter:
    """Put the network behind another contract."""
    contract = replace(checkpoint.contract, resize=rule, input_hw=(side, side))
    return Segmenter(contract, TorchEngine(checkpoint.network, contract))


def cut(sample: Sample, aspect: float) -> Sample:
    """Cut to width / height = *aspect* around the middle."""
    rows, columns = sample.mask.shape
    height, width = min(rows, round(columns / aspect)), min(columns, round(rows * aspect))
    top, left = (rows - height) // 2, (columns - width) // 2
    part = (slice(top, top + height), slice(left, left + width))
    return Sample(np.ascontiguousarray(sample.photo[part]), np.ascontiguousarray(sample.mask[part]))


def stretched(sample: Sample, aspect: float) -> Sample:
    """Pull to width / height = *aspect*, keeping the rows."""
    rows = sample.mask.shape[0]
    resize: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] = partial(
        lambda pixels, size: np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.uint8),
        size=(round(rows * aspect), rows),
    )
    return Sample(resize(sample.photo), resize(sample.mask.astype(np.uint8) * 255) >= 128)


def table(sets: dict[str, list[Sample]], segmenters: list[tuple[str, Segmenter]]) -> None:
    """Print a line a set, a column a segmenter."""
    say("\n| pictures | " + " | ".join(name for name, _ in segmenters) + " |")
    say("|---|" + "---|" * len(segmenters))
    for name, samples in sets.items():
        say(f"| {name} | " + " | ".join(scored(each, samples) for _, each in segmenters) + " |")


def scored(each: Segmenter, samples: list[Sample]) -> str:
    """Return pooled and mean Dice at photo size."""
    total, dices = BinaryCounts(), []
    for sample in samples:
        mask = each.segment(sample.photo).mask
        total += metrics.counts(mask, sample.mask)
        dices.append(metrics.dice(mask, sample.mask))
    return f"{total.dice:.4f} / {np.mean(dices):.4f}"


if __name__ == "__main__":
    main()
