"""Where the limits of the quality gate lie, and what they let pass: good photos against copies made bad on purpose.

Limits come from training pictures alone; validation pictures only show what the limits in `quality.limits` do to
photos that had no say. Prints the tables of docs/quality.md.

    python benchmarks/quality_thresholds.py BUNDLE ../shared/data/isic2018 [--every 2] [--sheet copies.png]
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.datasets import synthetic_lesions
from skinseg_edge.datasets.readers import pairs
from skinseg_edge.image_io import decode, decode_mask, write_png
from skinseg_edge.metrics import dice
from skinseg_edge.skin_tone import SKIN_TONES, ita_degrees, skin_tone
from skinseg_runtime import Segmenter
from skinseg_runtime.quality import Quality, assess
from skinseg_runtime.quality.limits import CHECKS
from skinseg_runtime.uncertainty import flip_consistency, outline_band

Photo: TypeAlias = NDArray[np.uint8]
Mask: TypeAlias = NDArray[np.bool_]
Change: TypeAlias = Callable[[Photo, Mask, np.random.Generator], Photo]

FEWER = 8  # bad copies are made of every 8th of the good photos
GAMMA = 2.2
MARGINS = (0.2, 0.3, 0.4)


@dataclass(frozen=True)
class Judged:
    """What became of one photo. *is_cut*: the expert's mask reaches the border. *tone*: by the expert's mask."""

    quality: Quality
    dice: float
    is_cut: bool
    tone: str


def blurred(sigma: float) -> Change:
    """Blur with a Gaussian of *sigma* px, of 512."""
    return lambda photo, _mask, _rng: np.asarray(cv2.GaussianBlur(photo, (0, 0), sigma), np.uint8)


def exposed(factor: float) -> Change:
    """Multiply the light, and cut off what is too much."""
    return lambda photo, _mask, _rng: (np.clip((photo / 255.0) ** GAMMA * factor, 0, 1) ** (1 / GAMMA) * 255).astype(
        np.uint8
    )


def with_glare(photo: Photo, mask: Mask, rng: np.random.Generator) -> Photo:
    """Lay six white ellipses with soft edges over the lesion."""
    light = np.zeros(mask.shape, np.float32)
    places = np.argwhere(mask)
    for row, column in places[rng.integers(len(places), size=6)]:
        axes = (int(rng.integers(12, 40)), int(rng.integers(8, 24)))
        cv2.ellipse(light, (int(column), int(row)), axes, float(rng.integers(180)), 0, 360, 1.3, -1)
    return np.clip(photo + 255 * cv2.GaussianBlur(light, (0, 0), 4)[:, :, None], 0, 255).astype(np.uint8)


def of_few_pixels(photo: Photo, _mask: Mask, _rng: np.random.Generator) -> Photo:
    """Leave 64 x 64 px."""
    return np.asarray(cv2.resize(photo, (64, 64), interpolation=cv2.INTER_AREA), np.uint8)


def turned_hue(degrees: int) -> Change:
    """Turn the hue: skin becomes green (120) or blue (180)."""

    def change(photo: Photo, _mask: Mask, _rng: np.random.Generator) -> Photo:
        hsv = cv2.cvtColor(photo, cv2.COLOR_RGB2HSV)
        hsv[:, :, 0] = (hsv[:, :, 0].astype(int) + degrees // 2) % 180  # OpenCV counts hue in steps of 2 degrees
        return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)

    return change


def cut_through(photo: Photo, mask: Mask, _rng: np.random.Generator) -> Photo:
    """Cut the photo in the middle of the lesion and keep what is right of it."""
    return photo[:, int(np.median(np.nonzero(mask)[1])) :]


def from_afar(photo: Photo, mask: Mask, _rng: np.random.Generator) -> Photo:
    """Show the photo at a sixth of its size on its own skin's colour."""
    rows, columns = (side // 6 for side in mask.shape)
    canvas = np.empty_like(photo)
    canvas[:] = np.median(photo[~mask] if not mask.all() else photo[:8, :8].reshape(-1, 3), axis=0)
    top, left = (mask.shape[0] - rows) // 2, (mask.shape[1] - columns) // 2
    small = cv2.resize(photo, (columns, rows), interpolation=cv2.INTER_AREA)
    canvas[top : top + rows, left : left + columns] = small
    return canvas


def two_of_it(photo: Photo, _mask: Mask, _rng: np.random.Generator) -> Photo:
    """Show the photo beside its mirror image."""
    return np.hstack([photo, photo[:, ::-1]])


def skin_alone(photo: Photo, mask: Mask, _rng: np.random.Generator) -> Photo:
    """Keep the corner of a third of the photo that holds the least lesion."""
    rows, columns = (side // 3 for side in mask.shape)
    corners = [(r, c) for r in (slice(rows), slice(-rows, None)) for c in (slice(columns), slice(-columns, None))]
    return photo[min(corners, key=lambda corner: float(mask[corner].mean()))]


COPIES: tuple[tuple[str, str, Change], ...] = (
    ("no lesion", "a corner without lesion", skin_alone),
    ("several lesions", "beside its mirror image", two_of_it),
    ("lesion too small", "at 1/6 of its size", from_afar),
    ("cut by the border", "cut through the lesion", cut_through),
    ("blurred", "blur of 3 px", blurred(3)),
    ("blurred", "blur of 6 px", blurred(6)),
    ("blurred", "blur of 10 px", blurred(10)),
    ("blurred", "64 x 64 px", of_few_pixels),
    ("too dark", "1/10 of the light", exposed(0.1)),
    ("too dark", "1/20 of the light", exposed(0.05)),
    ("overexposed", "2 times the light", exposed(2)),
    ("overexposed", "3 times the light", exposed(3)),
    ("glare", "six white spots", with_glare),
    ("not skin", "green", turned_hue(120)),
    ("not skin", "blue", turned_hue(180)),
)


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Set and try the limits of the quality gate.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("data", type=Path, help="the isic2018 folder")
    parser.add_argument("--every", type=int, default=2, help="use every n-th picture of each list")
    parser.add_argument("--sheet", type=Path, help="also write the copies of one photo as a PNG")
    arguments = parser.parse_args()
    training, validation = (
        [
            (decode(pair.picture).pixels, decode_mask(pair.mask))
            for pair in pairs(arguments.data, arguments.data / f"{name}.txt")[:: arguments.every]
        ]
        for name in ("train", "validation")
    )
    if arguments.sheet:
        write_png(arguments.sheet, sheet(*training[1]))
    with Segmenter.open(arguments.bundle, engine="onnxruntime") as segmenter:
        good = [judged(segmenter, *sample) for sample in training]
        held_out = [judged(segmenter, *sample) for sample in validation]
        bad = {copy: spoilt(segmenter, training[::FEWER], copy) for _, copy, _ in COPIES}
        parts = (
            [heading(arguments.bundle, good, held_out)],
            limits_table(good),
            caught_table(good, held_out, bad),
            verdict_table(held_out),
            tone_table([*good, *held_out]),
            band_lines(segmenter, validation[::2]),
            [speed_line(segmenter)],
        )
    sys.stdout.write("\n\n".join("\n".join(part) for part in parts) + "\n")


def judged(segmenter: Segmenter, photo: Photo, mask: Mask) -> Judged:
    """Segment and assess one photo as it is."""
    segmentation = segmenter.segment(photo)
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    ita = ita_degrees(photo, mask)
    return Judged(
        quality=assess(photo, segmentation),
        dice=dice(segmentation.mask, mask),
        is_cut=bool(border.any()),
        tone="unknown" if ita is None else skin_tone(ita),
    )


def spoilt(segmenter: Segmenter, samples: Sequence[tuple[Photo, Mask]], copy: str) -> list[Quality]:
    """Spoil every photo in the way named *copy*, save it as JPEG once more, and judge it."""
    change = next(change for _, name, change in COPIES if name == copy)
    found = []
    for number, (photo, mask) in enumerate(samples):
        changed = through_jpeg(change(photo, mask, np.random.default_rng(number)))
        found.append(assess(changed, segmenter.segment(changed)))
    return found


def through_jpeg(photo: Photo) -> Photo:
    """Compress at quality 85, as phones do."""
    data = cv2.imencode(".jpg", cv2.cvtColor(photo, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
    return decode(data.tobytes()).pixels


def heading(bundle: Path, good: Sequence[Judged], held_out: Sequence[Judged]) -> str:
    """Say when, where and on what this was measured."""
    return (
        f"{bundle.name}, {len(good)} training and {len(held_out)} validation pictures, "
        f"{-(-len(good) // FEWER)} copies of each kind; {datetime.date.today()}, {platform.machine()} "
        f"{platform.system()}, {os.cpu_count()} cores."
    )


def limits_table(good: Sequence[Judged]) -> list[str]:
    """Tell the values that 2 % and 0.5 % of the good photos are beyond, and the limits in use."""
    lines = ["| finding | figure | worst 2 % | worst 0.5 % | limits in use |", "|---|---|---|---|---|"]
    for check in CHECKS:
        values = figures_of(good, check.figure, whole_only=check.figure == "cut_share")
        worst = [np.quantile(values, share if check.is_low_bad else 1 - share) for share in (0.02, 0.005)]
        shown = " | ".join(f"{value:.4g}" for value in worst)
        lines.append(f"| {check.name} | {check.figure} | {shown} | {check.usable:g}, {check.retake:g} |")
    return lines


def figures_of(photos: Sequence[Judged], figure: str, *, whole_only: bool) -> list[float]:
    """Collect one figure, of all photos or of those whose lesion the border does not cut."""
    return [
        each.quality.figures[figure]
        for each in photos
        if figure in each.quality.figures and not (whole_only and each.is_cut)
    ]


def caught_table(good: Sequence[Judged], held_out: Sequence[Judged], bad: dict[str, list[Quality]]) -> list[str]:
    """Tell each finding's false alarms, and how many of the bad copies it catches."""
    lines = ["| finding | training | validation | bad copies | caught | blocked |", "|---|---|---|---|---|---|"]
    for name, copy, _ in COPIES:
        alarms = [f"{share_with(name, whole(name, photos)):.1%}" for photos in (good, held_out)]
        blocked = np.mean([any(f.name == name and f.is_blocking for f in each.findings) for each in bad[copy]])
        caught = f"{share_with(name, bad[copy]):.0%} | {blocked:.0%}"
        lines.append(f"| {name} | {alarms[0]} | {alarms[1]} | {copy} | {caught} |")
    return lines


def whole(name: str, photos: Sequence[Judged]) -> list[Quality]:
    """Leave out photos of lesions that the border truly cuts, where a finding speaks of that."""
    return [each.quality for each in photos if not (name == "cut by the border" and each.is_cut)]


def share_with(name: str, photos: Sequence[Quality]) -> float:
    """Return how many of the photos have the finding *name*, 0 to 1."""
    return float(np.mean([any(finding.name == name for finding in each.findings) for each in photos]))


def verdict_table(held_out: Sequence[Judged]) -> list[str]:
    """Tell how right the masks are by verdict."""
    lines = ["| verdict | validation pictures | mean Dice | Dice under 0.8 |", "|---|---|---|---|"]
    for verdict in ("good", "usable", "retake"):
        scores = np.array([each.dice for each in held_out if each.quality.verdict == verdict])
        said = f"{scores.mean():.3f} | {(scores < 0.8).mean():.0%}" if len(scores) else "- | -"
        lines.append(f"| {verdict} | {len(scores)} | {said} |")
    return lines


def tone_table(photos: Sequence[Judged]) -> list[str]:
    """Tell false alarms of light and colour by the skin's tone."""
    names = ("too dark", "overexposed", "glare", "not skin", "blurred")
    lines = ["| skin tone (ITA) | pictures | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    counted = Counter(each.tone for each in photos)
    for tone in SKIN_TONES:
        group = [each.quality for each in photos if each.tone == tone]
        shares = [f"{share_with(name, group):.1%}" if group else "-" for name in names]
        lines.append(f"| {tone} | {counted[tone]} | " + " | ".join(shares) + " |")
    return lines


def band_lines(segmenter: Segmenter, samples: Sequence[tuple[Photo, Mask]]) -> list[str]:
    """Tell how much of the expert's outline lies in the band, and what disagreeing flips say about Dice."""
    inside: dict[float, list[float]] = {margin: [] for margin in MARGINS}
    pairs_of_dice = []
    for photo, mask in samples:
        segmentation = segmenter.segment(photo)
        edge = mask & ~np.asarray(cv2.erode(mask.view(np.uint8), np.ones((3, 3), np.uint8))).view(np.bool_)
        for margin in MARGINS:
            inner, outer = outline_band(segmentation, margin)
            inside[margin].append(float(np.mean((outer & ~inner)[edge])))
        pairs_of_dice.append((flip_consistency(segmenter, photo).lowest_dice, dice(segmentation.mask, mask)))
    lines = ["| margin | expert's outline within the band, median and mean of pictures |", "|---|---|"]
    lines += [f"| {margin} | {np.median(inside[margin]):.0%}, {np.mean(inside[margin]):.0%} |" for margin in MARGINS]
    lines += [
        "",
        "| least Dice of a flip | validation pictures | mean Dice with the expert | under 0.8 |",
        "|---|---|---|---|",
    ]
    for name, low, high in (("under 0.9", 0.0, 0.9), ("0.9 to 0.95", 0.9, 0.95), ("0.95 or more", 0.95, 1.01)):
        scores = np.array([score for least, score in pairs_of_dice if low <= least < high])
        said = f"{scores.mean():.3f} | {(scores < 0.8).mean():.0%}" if len(scores) else "- | -"
        lines.append(f"| {name} | {len(scores)} | {said} |")
    return lines


def speed_line(segmenter: Segmenter) -> str:
    """Tell how long `assess` takes on a photo of 12 megapixels whose segmentation is there."""
    photo = synthetic_lesions.draw(1, hw=(3024, 4032)).photo
    segmentation = segmenter.segment(photo)
    assess(photo, segmentation)  # the first call also makes the mask
    walls, processors = [], []
    for _ in range(50):
        began, began_processor = time.perf_counter(), time.process_time()
        assess(photo, segmentation)
        walls.append((time.perf_counter() - began) * 1000)
        processors.append((time.process_time() - began_processor) * 1000)
    return (
        f"`assess` on 4032 x 3024 px, of {len(walls)} runs at load {os.getloadavg()[0]:.0f}: fastest {min(walls):.1f} "
        f"ms, median {statistics.median(walls):.1f} ms, of processor time {statistics.median(processors):.1f} ms."
    )


def sheet(photo: Photo, mask: Mask) -> Photo:
    """Show one photo's copies beside each other, to look at."""
    tiles = [photo, *(change(photo, mask, np.random.default_rng(0)) for _, _, change in COPIES)]
    small = [np.asarray(cv2.resize(tile, (192, 192), interpolation=cv2.INTER_AREA), np.uint8) for tile in tiles]
    return np.vstack([np.hstack(small[row : row + 4]) for row in range(0, len(small), 4)])


if __name__ == "__main__":
    main()
