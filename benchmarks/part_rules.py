"""Which small parts of a mask to drop: pooled and mean Dice for several rules, on validation pictures and photos.

python benchmarks/part_rules.py BUNDLE ../shared/data [--every 2]
"""

import argparse
import datetime
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skinseg_edge import metrics
from skinseg_edge.datasets.readers import PicturePair, pairs
from skinseg_edge.image_io import decode_mask
from skinseg_edge.metrics import BinaryCounts
from skinseg_runtime import Segmentation, Segmenter
from skinseg_runtime.postprocessing import PostProcessing, mask_from_probability

RULES = {
    "raw": PostProcessing(fill_holes=False, smallest_of_photo=0, smallest_of_largest=0),
    "holes filled": PostProcessing(smallest_of_photo=0, smallest_of_largest=0),
    "0.1 % and 5 %": PostProcessing(smallest_of_photo=0.001, smallest_of_largest=0.05),
    "1 % and 5 %": PostProcessing(smallest_of_photo=0.01, smallest_of_largest=0.05),
    "1 % and 10 %": PostProcessing(smallest_of_photo=0.01, smallest_of_largest=0.1),
    "1 % and 20 %": PostProcessing(smallest_of_photo=0.01, smallest_of_largest=0.2),
    "2 % and 30 %": PostProcessing(smallest_of_photo=0.02, smallest_of_largest=0.3),
    "largest alone": PostProcessing(smallest_of_photo=1, smallest_of_largest=1),
}


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Measure rules for small parts of a mask.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("data", type=Path, help="folder with isic2018/ and full_size/")
    parser.add_argument("--every", type=int, default=2, help="use every n-th validation picture")
    arguments = parser.parse_args()
    isic = arguments.data / "isic2018"
    sets = {
        "validation": pairs(isic, isic / "validation.txt")[:: arguments.every],
        "full-size photos": pairs(arguments.data / "full_size"),
    }
    with Segmenter.open(arguments.bundle) as segmenter:
        results = {name: segmented(segmenter, chosen) for name, chosen in sets.items()}
    lines = [
        f"{arguments.bundle.name}; {datetime.date.today()}, {platform.machine()} {platform.system()}. "
        "Parts smaller than (of the photo) and than (of the largest part) are dropped. Pooled Dice / mean Dice.",
        "",
        "| rule | " + " | ".join(f"{name} ({len(each)})" for name, each in results.items()) + " |",
        "|---|" + "---|" * len(results),
        *(
            f"| {name} | " + " | ".join(scored(rules, each) for each in results.values()) + " |"
            for name, rules in RULES.items()
        ),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def segmented(segmenter: Segmenter, chosen: Sequence[PicturePair]) -> list[tuple[Segmentation, NDArray[np.bool_]]]:
    """Run every picture once and keep its probabilities beside its drawn mask."""
    return [(segmenter.segment(pair.picture), decode_mask(pair.mask)) for pair in chosen]


def scored(rules: PostProcessing, results: Sequence[tuple[Segmentation, NDArray[np.bool_]]]) -> str:
    """Return pooled and mean Dice at photo size."""
    total, dices = BinaryCounts(), []
    for result, truth in results:
        mask = mask_from_probability(result.network_probability, result.placement, result.contract, rules)
        total += metrics.counts(mask, truth)
        dices.append(metrics.dice(mask, truth))
    return f"{total.dice:.4f} / {np.mean(dices):.4f}"


if __name__ == "__main__":
    main()
