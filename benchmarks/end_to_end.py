"""How near `segment(jpeg bytes)` comes to its two bare steps, and how far ahead of the usual script it is.

One process, one run; what is compared takes turns, photo by photo. Printed are medians over the photos of the ratios
of medians. The two bare steps: OpenCV's reduced-scale decoding of the same bytes, and the engine's call alone. The
usual script: Pillow decodes the whole photo and shrinks it, torch runs the same network from its checkpoint in eager
mode, Pillow carries the answer to the photo's size: the probability bilinearly, which gives the outline that ours has;
or the finished mask as `resize` does by itself (bicubic), or to the nearest pixel, in steps of one network pixel. Ours
is timed with `.mask` and `.lesions`; the script measures nothing.

    pip install -e '.[export]' && skinseg-export scsonet -o scsonet.skinseg
    python benchmarks/end_to_end.py scsonet.skinseg scsonet [FOLDER of JPEG photos] [--threads 1] [--repeats 21]
"""

import argparse
import datetime
import io
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks.lines import say
from skinseg_edge import load_checkpoint
from skinseg_edge.datasets import synthetic_lesions
from skinseg_edge.image_io import decode
from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_edge.preprocessing import to_network_input
from skinseg_runtime import Segmenter
from skinseg_runtime.usable_cores import usable_cores

_DRAWN_HW = ((768, 1024), (2000, 3000), (3024, 4032))
_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
_BARE, _NETWORK_SIZE, _WHOLE, _SCRIPT = "bare steps", "no mask", "mask and lesions", "script to the network's answer"
_ENDS = ("its bilinear probability", "its bicubic mask", "its nearest mask")


class Timing(NamedTuple):
    """Medians, ms: on the wall, and of the processor, which other programs on the machine disturb less."""

    wall: float
    processor: float


class Goal(NamedTuple):
    """The sum of *above* by *below* is at most, or at least, *limit*."""

    words: str
    above: tuple[str, ...]
    below: str
    limit: float
    is_most: bool


GOALS = (
    Goal("segment without the full-size mask / bare steps", (_NETWORK_SIZE,), _BARE, 1.25, is_most=True),
    Goal("segment with mask and lesions / bare steps", (_WHOLE,), _BARE, 1.5, is_most=True),
    *(
        Goal(f"usual script, {end} / segment with mask and lesions", (_SCRIPT, end), _WHOLE, 4.0, is_most=False)
        for end in _ENDS
    ),
)


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Measure the way from JPEG bytes to a mask against its bare steps.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("checkpoint", help="the shipped model or checkpoint file that the bundle was made of")
    parser.add_argument("folder", nargs="?", type=Path, help="a folder of JPEG photos; drawn ones when left out")
    parser.add_argument("--threads", type=int, default=usable_cores(), help="of ONNX Runtime, OpenCV and torch")
    parser.add_argument("--repeats", type=int, default=21, help="runs a figure is the median of")
    arguments = parser.parse_args()
    cv2.setNumThreads(arguments.threads)
    torch.set_num_threads(arguments.threads)
    checkpoint = load_checkpoint(arguments.checkpoint)
    photos = list(files_in(arguments.folder) if arguments.folder else drawn_photos())
    say(
        f"{datetime.date.today()}, {platform.machine()} {platform.system()}, {arguments.threads} threads, OpenCV "
        f"{cv2.__version__}, torch {torch.__version__}; ms, median of {arguments.repeats}, wall clock (processor).\n"
    )
    steps = (_BARE, _NETWORK_SIZE, _WHOLE, _SCRIPT, *_ENDS)
    say(f"| photo | px | {' | '.join(steps)} |\n|---|---|{'---:|' * len(steps)}")
    with Segmenter.open(arguments.bundle, engine="onnxruntime", threads=arguments.threads) as segmenter:
        found = [row(segmenter, checkpoint, name, data, arguments.repeats) for name, data in photos]
    say("\n| goal | limit | wall clock | | processor | |\n|---|---|---:|---|---:|---|")
    for goal in GOALS:
        say(verdict(goal, found))


def files_in(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of every JPEG file of *folder*, sorted."""
    paths = sorted(folder.glob("*.jpg"))
    if not paths:
        raise SystemExit(f"cannot measure: {folder} holds no .jpg file; name a folder of photos")
    for path in paths:
        yield path.stem, path.read_bytes()


def drawn_photos() -> Iterator[tuple[str, bytes]]:
    """Draw photos at camera size and yield name and JPEG bytes."""
    for seed, hw in enumerate(_DRAWN_HW, 1):
        photo = synthetic_lesions.draw(seed, hw=hw).photo
        yield f"drawn {seed}", cv2.imencode(".jpg", cv2.cvtColor(photo, cv2.COLOR_RGB2BGR))[1].tobytes()


def row(segmenter: Segmenter, checkpoint: Checkpoint, name: str, data: bytes, repeats: int) -> dict[str, Timing]:
    """Measure one photo, print its row, return its timings."""
    picture = decode(data, at_least_hw=segmenter.contract.input_hw)
    probability, threshold = script(checkpoint, data), checkpoint.contract.threshold
    size = (picture.full_hw[1], picture.full_hw[0])
    mask = Image.fromarray(np.where(probability >= threshold, np.uint8(255), np.uint8(0)))
    smooth = Image.fromarray(probability)
    timings = in_turn(
        {
            _BARE: bare_steps(segmenter, data),
            _NETWORK_SIZE: lambda: segmenter.segment(data),
            _WHOLE: lambda: mask_and_lesions(segmenter, data),
            _SCRIPT: lambda: script(checkpoint, data),
            _ENDS[0]: lambda: np.asarray(smooth.resize(size, Image.Resampling.BILINEAR)) >= threshold,
            _ENDS[1]: lambda: mask.resize(size),
            _ENDS[2]: lambda: mask.resize(size, Image.Resampling.NEAREST),
        },
        repeats,
    )
    cells = " | ".join(f"{timing.wall:.1f} ({timing.processor:.1f})" for timing in timings.values())
    say(f"| {name} | {picture.full_hw[1]} x {picture.full_hw[0]}, 1/{picture.reduction} | {cells} |")
    return timings


def bare_steps(segmenter: Segmenter, data: bytes) -> Callable[[], object]:
    """Return the two steps that cannot be left out, with nothing around them."""
    picture = decode(data, at_least_hw=segmenter.contract.input_hw)
    images = to_network_input(picture.pixels, segmenter.contract, photo_hw=picture.full_hw).pixels[None]
    flags = _REDUCED[picture.reduction] | cv2.IMREAD_IGNORE_ORIENTATION
    encoded = np.frombuffer(data, np.uint8)

    def steps() -> None:
        cv2.imdecode(encoded, flags)
        segmenter.engine.infer(images)

    return steps


def mask_and_lesions(segmenter: Segmenter, data: bytes) -> None:
    """Segment, and make what is at photo size."""
    result = segmenter.segment(data)
    assert result.mask.shape == result.photo_hw
    assert all(lesion.area_px for lesion in result.lesions)


def script(checkpoint: Checkpoint, data: bytes) -> NDArray[np.float32]:
    """Do what a first script does: decode all, shrink, normalise, run; return the probability at network size."""
    contract = checkpoint.contract
    rows, columns = contract.input_hw
    photo = Image.open(io.BytesIO(data)).convert("RGB")
    small = photo.resize((columns, rows), Image.Resampling.BILINEAR)
    mean, std = (torch.tensor(three).view(1, 3, 1, 1) for three in (contract.mean, contract.std))
    pixels = torch.from_numpy(np.asarray(small).transpose(2, 0, 1)[None].astype(np.float32) / np.float32(255))
    with torch.inference_mode():
        probability = torch.sigmoid(checkpoint.network((pixels - mean) / std))
    return np.asarray(probability[0, 0].numpy(), np.float32)


def in_turn(steps: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, Timing]:
    """Return the medians of steps that take turns, so that a busy moment of the machine does not hit one alone."""
    runs: dict[str, list[Timing]] = {name: [] for name in steps}
    for step in steps.values():
        step()
    for _ in range(repeats):
        for name, step in steps.items():
            processor, wall = time.process_time(), time.perf_counter()
            step()
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
            runs[name].append(Timing(wall * 1000, processor * 1000))
    return {name: Timing(*map(statistics.median, zip(*each, strict=True))) for name, each in runs.items()}


def verdict(goal: Goal, found: Sequence[Mapping[str, Timing]]) -> str:
    """Format a goal's row: the median over the photos, by either clock."""
    cells = [f"{'<=' if goal.is_most else '>='} {goal.limit:g}"]
    for clock in (0, 1):
        above = (sum(of[step][clock] for step in goal.above) / of[goal.below][clock] for of in found)
        ratio = statistics.median(above)
        passed = ratio <= goal.limit if goal.is_most else ratio >= goal.limit
        cells += [f"{ratio:.2f}", "pass" if passed else "**FAIL**"]
    return f"| {goal.words} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
