"""How masks hold up when photos are taken as phones take them: pooled and mean Dice under one change at a time.

The changes are those of `skinseg_edge.training.augmentation`, drawn with fixed seeds, on validation pictures.

    python benchmarks/phone_conditions.py BUNDLE ../shared/data/isic2018 [--every 3]
"""

import argparse
import datetime
import platform
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skinseg_edge import metrics
from skinseg_edge.datasets.readers import pairs
from skinseg_edge.image_io import decode, decode_mask
from skinseg_edge.metrics import BinaryCounts
from skinseg_edge.training.augmentation import NONE, PHONE, AugmentationPolicy, augment
from skinseg_runtime import Segmenter

SIDE = 512
CONDITIONS: dict[str, AugmentationPolicy] = {
    "as they are": NONE,
    "any orientation": replace(NONE, flip=(0.5, 0.5), rotation=1.0),
    "held at an angle": replace(NONE, tilt=0.1, stretch=PHONE.stretch),
    "from afar (lesion at 1/3 to 2/3 of its size)": replace(NONE, scale=(0.33, 0.67)),
    "from close by (1.5 to 2.2 times)": replace(NONE, scale=(1.5, 2.2)),
    "exposure, contrast, shadow": replace(NONE, light=1.0),
    "colour cast": replace(NONE, colour=1.0),
    "blur, shake, low resolution": replace(NONE, blur=1.0),
    "sensor noise": replace(NONE, noise=1.0),
    "strong JPEG compression": replace(NONE, jpeg=1.0),
    "dermoscope ring": replace(NONE, ring=1.0),
}


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Measure masks under the conditions of phone photos.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("data", type=Path, help="the isic2018 folder")
    parser.add_argument("--every", type=int, default=3, help="use every n-th validation picture")
    arguments = parser.parse_args()
    chosen = pairs(arguments.data, arguments.data / "validation.txt")[:: arguments.every]
    samples = [(decode(pair.picture).pixels, decode_mask(pair.mask)) for pair in chosen]
    lines = [
        f"{arguments.bundle.name}, {len(samples)} validation pictures; {datetime.date.today()}, "
        f"{platform.machine()} {platform.system()}. Pooled Dice / mean Dice.",
        "",
        "| photos | Dice |",
        "|---|---|",
    ]
    with Segmenter.open(arguments.bundle) as segmenter:
        lines += [f"| {name} | {scored(segmenter, samples, policy)} |" for name, policy in CONDITIONS.items()]
    sys.stdout.write("\n".join(lines) + "\n")


def scored(
    segmenter: Segmenter,
    samples: Sequence[tuple[NDArray[np.uint8], NDArray[np.bool_]]],
    policy: AugmentationPolicy,
) -> str:
    """Change every picture, segment it, and return pooled and mean Dice at its own size."""
    total, dices = BinaryCounts(), []
    for number, (photo, mask) in enumerate(samples):
        levels = np.where(mask, np.uint8(255), np.uint8(0))
        changed, truth = augment(photo, levels, SIDE, policy, np.random.default_rng(number))
        found = segmenter.segment(changed).mask
        total += metrics.counts(found, truth >= 128)
        dices.append(metrics.dice(found, truth >= 128))
    return f"{total.dice:.4f} / {np.mean(dices):.4f}"


if __name__ == "__main__":
    main()
