"""What the search for near-duplicates tells apart: real pictures of two lists, and altered copies of them.

Prints every pair of the two lists that is flagged, the likest that are not, and for each kind of alteration how like
the least like copy still is.

    python benchmarks/near_duplicates.py ../shared/data/isic2018 [--copies 398]
"""

import argparse
import datetime
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.lines import say
from skinseg_edge.datasets.readers import pairs
from skinseg_edge.image_io import decode
from skinseg_edge.preprocessing import resize_pixels
from skinseg_export.quantization import near_duplicates
from skinseg_export.quantization.near_duplicates import ALIKE, photo_likeness

Photo: TypeAlias = NDArray[np.uint8]
Alteration: TypeAlias = Callable[[Photo, np.random.Generator], Photo]


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Measure the search for near-duplicates.")
    parser.add_argument("data", type=Path, help="folder with images/, masks/, train.txt and validation.txt")
    parser.add_argument("--copies", type=int, default=100, help="validation pictures that are altered")
    arguments = parser.parse_args()
    train, validation = (
        [pair.picture for pair in pairs(arguments.data, arguments.data / f"{name}.txt")]
        for name in ("train", "validation")
    )
    say(f"{datetime.date.today()}, {platform.machine()} {platform.system()}, OpenCV {cv2.__version__}")
    real_pairs(train, validation)
    altered_copies(validation[: arguments.copies])


def real_pairs(train: list[Path], validation: list[Path]) -> None:
    """Print the pairs that are flagged, and the likest that are not."""
    began = time.perf_counter()
    near_duplicates.near_duplicates(train[:128], validation)
    say(f"128 x {len(validation)} pictures take {time.perf_counter() - began:.1f} s")
    near_duplicates.ALIKE = 0.6  # the module's own limit, lowered to see what lies below it
    found = near_duplicates.near_duplicates(train, validation)
    near_duplicates.ALIKE = ALIKE
    say(f"\n{len(train)} x {len(validation)} pictures, likeness of 0.6 and more; {ALIKE} and more is flagged:")
    for pair in found:
        say(f"  {pair.one.name} {pair.other.name} {pair.likeness:.3f}")


def altered_copies(pictures: list[Path]) -> None:
    """Print the lowest likeness of copies to their originals, by kind of alteration."""
    rng = np.random.default_rng(0)
    photos = [decode(path).pixels for path in pictures]
    say(f"\n{len(photos)} copies of each kind: least and 5 % least likeness at 32 px, of the detail, share flagged")
    for name, alter in ALTERATIONS.items():
        likeness = np.array([photo_likeness(photo, alter(photo, rng)) for photo in photos])
        least, few = likeness.min(axis=0), np.quantile(likeness, 0.05, axis=0)
        flagged = np.mean((likeness[:, 0] >= 0.4) & (likeness[:, 1] >= ALIKE))
        say(f"  {name}: {least[0]:.2f} {few[0]:.2f}, {least[1]:.2f} {few[1]:.2f}, {flagged:.1%}")


def saved(photo: Photo, suffix: str, flag: int, quality: int) -> Photo:
    """Encode and decode again."""
    _, data = cv2.imencode(suffix, cv2.cvtColor(photo, cv2.COLOR_RGB2BGR), [flag, quality])
    return decode(data.tobytes()).pixels


def resized(photo: Photo, scale: float) -> Photo:
    """Resize by *scale*."""
    rows, columns = photo.shape[:2]
    return resize_pixels(photo, (round(rows * scale), round(columns * scale)))


def cropped(photo: Photo, rng: np.random.Generator) -> Photo:
    """Cut 3 % off about half of the sides."""
    rows, columns = photo.shape[:2]
    top, bottom, left, right = (rng.random(4) < 0.5) * 0.03
    return photo[
        round(top * rows) : rows - round(bottom * rows), round(left * columns) : columns - round(right * columns)
    ]


def lit(photo: Photo, gain: float, offset: float) -> Photo:
    """Make brighter or darker; what leaves 0 to 255 is cut off."""
    return np.asarray(np.clip(photo * np.float32(gain) + offset, 0, 255), np.uint8)


def turned(photo: Photo, rng: np.random.Generator) -> Photo:
    """Turn by a multiple of 90 degrees and perhaps mirror."""
    photo = np.rot90(photo, int(rng.integers(4)))
    return np.ascontiguousarray(photo[:, ::-1] if rng.random() < 0.5 else photo)


def all_at_once(photo: Photo, rng: np.random.Generator) -> Photo:
    """Alter in every way, each by a random amount."""
    photo = lit(cropped(resized(photo, rng.uniform(0.5, 2)), rng), rng.uniform(0.7, 1.25), rng.uniform(-20, 20))
    return saved(turned(photo, rng), ".jpg", cv2.IMWRITE_JPEG_QUALITY, 50)


ALTERATIONS: dict[str, Alteration] = {
    "JPEG quality 30": lambda photo, rng: saved(photo, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 30),
    "WebP quality 50": lambda photo, rng: saved(photo, ".webp", cv2.IMWRITE_WEBP_QUALITY, 50),
    "half as large": lambda photo, rng: resized(photo, 0.5),
    "twice as large": lambda photo, rng: resized(photo, 2),
    "cut by 3 % a side": cropped,
    "brightness x 0.7 to 1.25, -20 to +20": lambda photo, rng: lit(photo, rng.uniform(0.7, 1.25), rng.uniform(-20, 20)),
    "brightness x 1.3 + 20, burnt out": lambda photo, rng: lit(photo, 1.3, 20),
    "turned or mirrored": turned,
    "all at once": all_at_once,
}


if __name__ == "__main__":
    main()
