"""How many training pictures a second the loader makes, with no network behind it: what a GPU could eat at most.

Pictures are drawn, augmented as the recipes say, and taken from the loader in batches of 16 as fast as it gives them.
The first epoch of each figure is not counted: it starts the workers. The figures of workers are wall time, so other
programs slow them down; "a core" is the time that one core spends on augmenting a picture, whoever else is there. As
many cores as are free make as many times that.

    python benchmarks/loading.py [--workers 0 1 2] [--sides 128 256 512] [--pictures 256] [--seconds 4]
"""

import argparse
import datetime
import os
import platform
import time
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import torch

from skinseg_edge.training.augmentation import PAPER, PHONE, AugmentationPolicy, augment
from skinseg_edge.training.feed import LoadedPair, TrainingBatches

POLICIES: Mapping[str, AugmentationPolicy] = {"paper": PAPER, "phone": PHONE}
BATCH = 16
MARGIN = 1.25  # of the trainer: pictures are kept larger than the stage


def main() -> None:
    """Read the arguments, measure, print a Markdown table."""
    parser = argparse.ArgumentParser(description="Measure loading and augmenting alone.")
    parser.add_argument(
        "--workers", type=int, nargs="+", default=[0, 1, 2], help="numbers of processes beside this one"
    )
    parser.add_argument("--sides", type=int, nargs="+", default=[128, 256, 512], help="sides of the pictures, px")
    parser.add_argument("--pictures", type=int, default=256, help="pictures an epoch")
    parser.add_argument("--seconds", type=float, default=4.0, help="least time of a measurement")
    arguments = parser.parse_args()
    print(
        f"Measured {datetime.date.today()} on {platform.machine()} {platform.system()}, {os.cpu_count()} cores, "
        f"torch {torch.__version__}, OpenCV {cv2.__version__}: pictures a second, batches of {BATCH}.\n"
    )
    print(
        "| augmentation | side, px | a core | " + " | ".join(f"{count} workers" for count in arguments.workers) + " |"
    )
    print("|---" * (3 + len(arguments.workers)) + "|")
    for side in arguments.sides:
        pairs = drawn(arguments.pictures, round(side * MARGIN))
        for name, policy in POLICIES.items():
            rates = [rate(pairs, side, policy, workers, arguments.seconds) for workers in arguments.workers]
            one = a_core(pairs, side, policy)
            print(f"| {name} | {side} | {one:.0f} | " + " | ".join(f"{each:.0f}" for each in rates) + " |", flush=True)


def drawn(count: int, side: int) -> list[LoadedPair]:
    """Draw noise and discs: what is in a picture costs nothing here."""
    rng = np.random.default_rng(0)
    pairs = []
    for _ in range(count):
        mask = np.zeros((side, side), np.uint8)
        cv2.circle(mask, (side // 2, side // 2), side // 3, 255, -1)
        pairs.append(LoadedPair(rng.integers(0, 256, (side, side, 3), np.uint8), mask))
    return pairs


def a_core(pairs: Sequence[LoadedPair], side: int, policy: AugmentationPolicy) -> float:
    """Return pictures that one core augments in a second of its own time."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    start = time.process_time()
    for i, pair in enumerate(pairs):
        augment(pair.photo, pair.mask, side, policy, np.random.default_rng(i))
    spent = time.process_time() - start
    cv2.setNumThreads(threads)
    return len(pairs) / spent


def rate(pairs: Sequence[LoadedPair], side: int, policy: AugmentationPolicy, workers: int, seconds: float) -> float:
    """Return pictures a second over whole epochs that take at least *seconds* together."""
    taken, epoch, spent = 0, 0, 0.0
    batches = TrainingBatches(pairs, side=side, batch=BATCH, policy=policy, seed=0, workers=workers)
    while epoch < 2 or spent < seconds:
        start = time.perf_counter()
        count = sum(len(photos) for photos, _ in batches.epoch(epoch))
        if epoch:
            taken, spent = taken + count, spent + time.perf_counter() - start
        epoch += 1
    return taken / spent


if __name__ == "__main__":
    main()
