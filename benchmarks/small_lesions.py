"""What a second look is worth: mean Dice of `look="once"`, "closer" and "tiles", for small lesions and for all others.

Real pictures as they are, and body shots: a real picture whose rim is skin, cloned (Perez et al. 2003) into a larger
canvas of its own skin, extended by noise with the same spectrum (Galerne et al. 2011), or of drawn skin. Crop and share
at which a second look is taken were chosen on training pictures; these are validation ones, which had no say.

    skinseg-export scsonet -o scsonet.skinseg
    nice python benchmarks/small_lesions.py scsonet.skinseg ../shared/data/isic2018 [--every 1] [--sheet shots.png]
"""

import argparse
import datetime
import platform
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.datasets.readers import pairs
from skinseg_edge.datasets.synthetic.skin import paint_skin, skin_lab
from skinseg_edge.datasets.synthetic_lesions import Scene
from skinseg_edge.image_io import decode, decode_mask, write_png
from skinseg_edge.metrics import dice
from skinseg_runtime import Segmenter
from skinseg_runtime.large_pictures import LOOKS

Photo: TypeAlias = NDArray[np.uint8]
Mask: TypeAlias = NDArray[np.bool_]

SMALL = 0.02  # of the frame
LEAST_LOSS = -0.002  # of mean Dice, where the lesion is not small
FACTORS = (2, 3, 5, 8)  # side of a canvas over the picture's
RIM = 24  # px of 512 that must be skin
PAINTED = 1024  # px, side of the drawn skin that a canvas repeats


class Pair(NamedTuple):
    """A picture and its expert's mask."""

    photo: Photo
    mask: Mask


class Scores(NamedTuple):
    """*share*: of the frame that the expert's mask fills; *dice* by look; *used*: the looks that were taken."""

    share: float
    dice: dict[str, float]
    used: frozenset[str]


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Measure what a second look is worth.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("data", type=Path, help="the folder isic2018")
    parser.add_argument("--split", default="validation", choices=("train", "validation"))
    parser.add_argument("--every", type=int, default=1, help="use every n-th picture of the split")
    parser.add_argument("--shots-every", type=int, default=1, help="make a body shot of every n-th that allows it")
    parser.add_argument("--looks", nargs="+", default=list(LOOKS), choices=LOOKS)
    parser.add_argument("--sheet", type=Path, help="write one body shot of each kind here")
    arguments = parser.parse_args()
    looks = [look for look in LOOKS if look in {"once", "closer", *arguments.looks}]
    listed = pairs(arguments.data, arguments.data / f"{arguments.split}.txt")[:: arguments.every]
    real = (Pair(decode(pair.picture).pixels, decode_mask(pair.mask)) for pair in listed)
    kept: list[Pair] = []
    with Segmenter.open(arguments.bundle, engine="onnxruntime") as segmenter:
        kinds = {
            f"real pictures ({arguments.split})": [scored(segmenter, pair, looks) for pair in remembering(real, kept)]
        }
        kept = kept[:: arguments.shots_every]
        for own in (True, False):
            name = "body shots, own skin" if own else "body shots, drawn skin"
            kinds[name] = [scored(segmenter, pair, looks) for pair in body_shots(kept, own=own)]
    if arguments.sheet:
        write_png(arguments.sheet, sheet(kept))
    sys.stdout.write("\n".join(report(arguments.bundle.name, kinds)) + "\n")


def remembering(real: Iterator[Pair], kept: list[Pair]) -> Iterator[Pair]:
    """Give the pictures on, and keep those of which body shots can be made."""
    for pair in real:
        if rim_is_skin(pair):
            kept.append(pair)
        yield pair


def scored(segmenter: Segmenter, pair: Pair, looks: Sequence[str]) -> Scores:
    """Segment a picture with each look."""
    found = {look: segmenter.segment(pair.photo, look=look) for look in looks}
    return Scores(
        float(pair.mask.mean()),
        {look: dice(result.mask, pair.mask) for look, result in found.items()},
        frozenset(result.look.used for result in found.values()),
    )


def rim_is_skin(pair: Pair) -> bool:
    """Answer whether no lesion, dark corner or dark frame comes near the picture's border."""
    photo, mask = pair
    rim = np.ones(mask.shape, np.bool_)
    rim[RIM:-RIM, RIM:-RIM] = False
    near = cv2.dilate(mask.view(np.uint8), np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8))
    if np.asarray(near)[rim].any() or not 0.01 < mask.mean() < 0.3:
        return False
    grey = np.asarray(cv2.GaussianBlur(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), (0, 0), 8))[rim]
    middle = float(np.median(grey))
    return middle > 90 and float(grey.min()) > 0.75 * middle


def body_shots(kept: Sequence[Pair], *, own: bool) -> Iterator[Pair]:
    """Make a body shot of each picture, of each size in turn."""
    for number, pair in enumerate(kept):
        yield body_shot(pair, FACTORS[number % len(FACTORS)], own=own, seed=number)


def body_shot(pair: Pair, factor: int, *, own: bool, seed: int) -> Pair:
    """Clone a picture into a canvas *factor* times its size, at a random place."""
    rng = np.random.default_rng([seed, factor])
    rows, columns = (factor * side for side in pair.mask.shape)
    canvas = own_skin(pair, (rows, columns), rng) if own else drawn_skin((rows, columns), rng)
    height, width = pair.mask.shape
    top, left = int(rng.integers(1, rows - height)), int(rng.integers(1, columns - width))
    inside = np.zeros(pair.mask.shape, np.uint8)
    inside[2:-2, 2:-2] = 255
    middle = (left + width // 2, top + height // 2)
    photo = cv2.seamlessClone(pair.photo, canvas, inside, middle, cv2.NORMAL_CLONE)
    mask = np.zeros((rows, columns), np.bool_)
    mask[top : top + height, left : left + width] = pair.mask
    return Pair(np.asarray(photo, np.uint8), mask)


def own_skin(pair: Pair, hw: tuple[int, int], rng: np.random.Generator) -> Photo:
    """Extend the picture's skin: the rim's colour, slow changes of light, and noise with the skin's spectrum."""
    rim = np.concatenate([pair.photo[:16].reshape(-1, 3), pair.photo[-16:].reshape(-1, 3)])
    light = cv2.resize(rng.normal(0, 6, (4, 4)).astype(np.float32), hw[::-1], interpolation=cv2.INTER_CUBIC)
    texture = skin_texture(pair, rng)
    repeats = [-(-side // of) for side, of in zip(hw, texture.shape[:2], strict=True)]
    grain = np.tile(texture, (*repeats, 1))[: hw[0], : hw[1]]
    levels = np.median(rim, axis=0) + np.asarray(light)[:, :, None] + grain
    return np.asarray(np.clip(levels, 0, 255), np.uint8)


def skin_texture(pair: Pair, rng: np.random.Generator) -> NDArray[np.float32]:
    """Make noise, (H, W, 3), levels about 0, that has the spectrum of the skin around the lesion and repeats."""
    photo = pair.photo.astype(np.float32)
    around = cv2.dilate(pair.mask.view(np.uint8), np.ones((25, 25), np.uint8)).astype(np.float32)
    skin = 1 - np.asarray(cv2.GaussianBlur(around, (0, 0), 4))
    detail = np.clip((photo - cv2.GaussianBlur(photo, (0, 0), 16)) * skin[:, :, None], -25, 25)
    phase = np.fft.fft2(rng.standard_normal(pair.mask.shape))
    phase /= np.abs(phase)
    noise = np.real(np.fft.ifft2(np.fft.fft2(detail, axes=(0, 1)) * phase[:, :, None], axes=(0, 1)))
    return np.asarray(noise / np.sqrt(np.mean(skin**2)), np.float32)


def drawn_skin(hw: tuple[int, int], rng: np.random.Generator) -> Photo:
    """Draw light skin, mirrored at its border until it fills *hw*."""
    kind = int(rng.integers(1, 4))
    scene = Scene(fitzpatrick=kind, camera="phone")
    painted = paint_skin(rng, (PAINTED, PAINTED), scene, skin_lab(rng, kind))
    border = [(0, max(0, side - PAINTED)) for side in hw]
    whole = np.pad(painted, (*border, (0, 0)), mode="symmetric")[: hw[0], : hw[1]]
    return np.clip(np.rint(whole * 255), 0, 255).astype(np.uint8)


def report(name: str, kinds: dict[str, list[Scores]]) -> Iterator[str]:
    """Lay the figures out as tables, each goal with its verdict."""
    yield f"{name}; {datetime.date.today()}, {platform.machine()} {platform.system()}. Mean Dice at the photo's size."
    yield ""
    yield "| pictures | lesion of the frame | n | once | closer | tiles | closer taken | tiles taken |"
    yield "|---|---|---|---|---|---|---|---|"
    groups: defaultdict[bool, list[tuple[str, Sequence[Scores]]]] = defaultdict(list)
    for kind, scores in kinds.items():
        for is_small in (True, False):
            group = [one for one in scores if (one.share < SMALL) == is_small]
            if group:
                groups[is_small].append((kind, group))
                yield f"| {kind} | {f'under {SMALL:.0%}' if is_small else f'{SMALL:.0%} or more'} | {row(group)} |"
    yield ""
    yield from goals("closer", groups)


def row(group: Sequence[Scores]) -> str:
    """Return the cells of a group."""
    measured = [look for look in LOOKS if look in group[0].dice]
    means = [f"{mean(group, look):.4f}" if look in measured else "-" for look in LOOKS]
    taken = [f"{np.mean([look in one.used for one in group]):.0%}" if look in measured else "-" for look in LOOKS[1:]]
    return " | ".join([str(len(group)), *means, *taken])


def goals(look: str, groups: dict[bool, list[tuple[str, Sequence[Scores]]]]) -> Iterator[str]:
    """Hold each group's gain, with its standard error, against the goal."""
    for kind, group in groups[True]:
        verdict = "pass" if mean(group, look) > mean(group, "once") else "FAIL"
        yield f"- {kind}, under {SMALL:.0%}: {gain(group, look)}, goal above 0: {verdict}"
    for kind, group in groups[False]:
        verdict = "pass" if mean(group, look) - mean(group, "once") >= LEAST_LOSS else "FAIL"
        yield f"- {kind}, the others: {gain(group, look)}, goal {LEAST_LOSS} or more: {verdict}"


def gain(group: Sequence[Scores], look: str) -> str:
    """Return how much a look gains over one look, and the standard error of that."""
    gains = np.array([one.dice[look] - one.dice["once"] for one in group])
    return f"{gains.mean():+.4f} +- {gains.std() / np.sqrt(len(gains)):.4f}"


def mean(group: Sequence[Scores], look: str) -> float:
    """Return the mean Dice of a look."""
    return float(np.mean([one.dice[look] for one in group]))


def sheet(kept: Sequence[Pair]) -> Photo:
    """Show a body shot of each size, above with its own skin, below with drawn skin."""
    rows = []
    for own in (True, False):
        shots = [body_shot(kept[number], factor, own=own, seed=number).photo for number, factor in enumerate(FACTORS)]
        rows.append(
            np.hstack([np.asarray(cv2.resize(shot, (384, 384), interpolation=cv2.INTER_AREA)) for shot in shots])
        )
    return np.vstack(rows)


if __name__ == "__main__":
    main()
