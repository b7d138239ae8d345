"""How long a photo takes from JPEG bytes to a finished mask, step by step, on this machine.

Prints a table of medians with the date and the machine. Without a folder it draws its own photos.

    python benchmarks/segment.py BUNDLE [FOLDER of photos] [--repeats 15]
"""

import argparse
import datetime
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2

from skinseg_edge.datasets import synthetic_lesions
from skinseg_runtime import Segmenter

STEPS = ("decode", "preprocess", "inference", "postprocess")
DRAWN_HW = ((768, 1024), (2000, 3000))


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Measure the way from JPEG bytes to a mask.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("folder", nargs="?", type=Path, help="a folder of photos; drawn ones when left out")
    parser.add_argument("--repeats", type=int, default=15, help="runs a figure is the median of")
    arguments = parser.parse_args()
    photos = list(files_in(arguments.folder) if arguments.folder else drawn_photos())
    with Segmenter.open(arguments.bundle) as segmenter:
        segmenter.segment(photos[0][1])
        rows = [measured(segmenter, name, data, arguments.repeats) for name, data in photos]
        heading = (
            f"{arguments.bundle.name}, engine {segmenter.engine.name}, {datetime.date.today()}, "
            f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; "
            f"ms, median of {arguments.repeats}"
        )
    say(heading + "\n")
    say("| photo | px | " + " | ".join(STEPS) + " | whole |")
    say("|---|---|" + "---|" * (len(STEPS) + 1))
    for name, hw, steps in rows:
        cells = " | ".join(f"{steps[step]:.1f}" for step in (*STEPS, "whole"))
        say(f"| {name} | {hw[1]} x {hw[0]} | {cells} |")
    middle = {step: statistics.median(steps[step] for _, _, steps in rows) for step in (*STEPS, "whole")}
    say("| median | | " + " | ".join(f"{middle[step]:.1f}" for step in (*STEPS, "whole")) + " |")


def files_in(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of every JPEG file of *folder*, sorted."""
    for path in sorted(folder.glob("*.jpg")):
        yield path.stem, path.read_bytes()


def drawn_photos() -> Iterator[tuple[str, bytes]]:
    """Draw photos at camera size and yield name and JPEG bytes."""
    for seed, hw in enumerate(DRAWN_HW, 1):
        photo = synthetic_lesions.draw(seed, hw=hw).photo
        yield f"drawn {seed}", cv2.imencode(".jpg", cv2.cvtColor(photo, cv2.COLOR_RGB2BGR))[1].tobytes()


def measured(
    segmenter: Segmenter, name: str, data: bytes, repeats: int
) -> tuple[str, tuple[int, int], dict[str, float]]:
    """Return name, rows and columns, and the median of each step in ms; `whole` is the wall clock around all."""
    runs: list[dict[str, float]] = []
    hw = (0, 0)
    for _ in range(repeats):
        started = time.perf_counter()
        result = segmenter.segment(data)
        steps = result.timings_ms
        runs.append({**steps, "whole": (time.perf_counter() - started) * 1000})
        hw = result.photo_hw
    return name, hw, {step: statistics.median(run[step] for run in runs) for step in runs[0]}


def say(line: str) -> None:
    """Print one line."""
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
