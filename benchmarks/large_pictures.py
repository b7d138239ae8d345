"""What a second look costs on a large photo, and whether tiles lay a large lesion's outline better.

First the full-size photos with their masks: Dice of each look. Then a drawn photo of 48 megapixels, as a JPEG: each
look in a process of its own, its processor time in ratio to `look="once"`, and the most memory that the process held
(Linux alone tells that).

    nice python benchmarks/large_pictures.py scsonet.skinseg ../shared/data/full_size [--repeats 5]
"""

import argparse
import datetime
import json
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from skinseg_edge.datasets import synthetic_lesions
from skinseg_edge.datasets.readers import pairs
from skinseg_edge.datasets.synthetic_lesions import Scene
from skinseg_edge.image_io import decode_mask
from skinseg_edge.metrics import dice
from skinseg_runtime import Segmenter
from skinseg_runtime.large_pictures import LOOKS

LARGE_HW = (6000, 8000)
DRAWN_HW = (1500, 2000)
SHARES = {"small": 0.01, "large": 0.4}  # of the frame

_APART = """
import json, sys, time
from pathlib import Path
from skinseg_runtime import Segmenter
bundle, photo, look, repeats = sys.argv[1:]
with Segmenter.open(bundle, engine="onnxruntime") as segmenter:
    taken = []
    for _ in range(int(repeats) + 1):
        started = time.process_time()
        result = segmenter.segment(photo, look=look)
        result.mask
        taken.append(time.process_time() - started)
status = Path("/proc/self/status").read_text()  # a child's ru_maxrss begins with its parent's
peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
print(json.dumps({"seconds": taken[1:], "peak_kib": peak, "used": result.look.used, "boxes": len(result.look.boxes)}))
"""


class Cost(NamedTuple):
    """*seconds* of processor time, median; *peak_mib*: most memory held; *told*: the look taken and how many boxes."""

    seconds: float
    peak_mib: float
    told: str


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Measure what a second look costs on large photos.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("photos", type=Path, help="the folder full_size")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    lines = [f"{arguments.bundle.name}; {datetime.date.today()}, {platform.machine()} {platform.system()}.", ""]
    lines += scores(arguments.bundle, arguments.photos)
    lines += ["", *costs(arguments.bundle, arguments.repeats)]
    sys.stdout.write("\n".join(lines) + "\n")


def scores(bundle: Path, folder: Path) -> Iterator[str]:
    """Yield a table of the Dice of each look, a photo a row."""
    yield "| full-size photo | px | lesion of the frame | " + " | ".join(LOOKS) + " |"
    yield "|---|---|---|" + "---|" * len(LOOKS)
    every: list[list[float]] = []
    with Segmenter.open(bundle, engine="onnxruntime") as segmenter:
        for pair in pairs(folder):
            mask = decode_mask(pair.mask)
            every.append([dice(segmenter.segment(pair.picture, look=look).mask, mask) for look in LOOKS])
            size = f"{mask.shape[1]} x {mask.shape[0]}"
            yield (
                f"| {pair.name} | {size} | {mask.mean():.1%} | " + " | ".join(f"{one:.3f}" for one in every[-1]) + " |"
            )
    yield "| mean | | | " + " | ".join(f"{one:.3f}" for one in np.mean(every, axis=0)) + " |"


def costs(bundle: Path, repeats: int) -> Iterator[str]:
    """Yield a table of what each look costs on a drawn photo of 48 megapixels."""
    yield "| lesion on 48 MP | look | taken | processor time / once | peak memory, MiB |"
    yield "|---|---|---|---|---|"
    with tempfile.TemporaryDirectory() as folder:
        for name, share in SHARES.items():
            photo = written(Path(folder) / f"{name}.jpg", share)
            measured = {look: cost(bundle, photo, look, repeats) for look in LOOKS}
            for look, one in measured.items():
                ratio = one.seconds / measured["once"].seconds
                yield f"| {name} ({share:.0%}) | {look} | {one.told} | {ratio:.2f} | {one.peak_mib:.0f} |"


def written(path: Path, share: float) -> Path:
    """Draw a photo whose lesion fills *share* of it, enlarge it to 48 megapixels and write it as a JPEG."""
    drawn = synthetic_lesions.draw(5, DRAWN_HW, Scene(area_fraction=share)).photo
    large = cv2.resize(drawn, LARGE_HW[::-1], interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(path), cv2.cvtColor(large, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
    return path


def cost(bundle: Path, photo: Path, look: str, repeats: int) -> Cost:
    """Measure a look in a process of its own, whose peak of memory is then that look's."""
    command = [sys.executable, "-c", _APART, str(bundle), str(photo), look, str(repeats)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    taken = told["used"] + (f", {told['boxes']} looks more" if told["boxes"] else "")
    return Cost(statistics.median(told["seconds"]), told["peak_kib"] / 1024, taken)


if __name__ == "__main__":
    main()
