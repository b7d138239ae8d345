"""Which kinds of pictures the calibration pictures show, and which kinds they hardly show.

Ranges fit what they have seen. A network calibrated without dark skin or small lesions may lose just those masks, and
a mean over all pictures will not tell. So each kind is counted, and a thin one is named.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.image_io import decode
from skinseg_edge.preprocessing import resize_pixels
from skinseg_edge.skin_tone import SKIN_TONES
from skinseg_export.quantization.calibration_pictures import CalibrationPictures
from skinseg_export.tables import Table
from skinseg_runtime.acceptance import LESION_SIZES, groups_of

__all__ = ["COVERAGE_SCHEMA", "STRATA", "Coverage", "brightness", "coverage_of", "sharpness"]

COVERAGE_SCHEMA = "skinseg.coverage/1"

_BRIGHTNESS, _SHARPNESS = ("dark", "medium", "bright"), ("blurred", "medium", "sharp")
STRATA: Mapping[str, tuple[str, ...]] = {
    "skin tone": SKIN_TONES,
    "lesion size": LESION_SIZES,
    "brightness": _BRIGHTNESS,
    "sharpness": _SHARPNESS,
}
"""Kind -> its values. A picture with no skin in view counts in no skin tone."""

# Each splits the 1,602 training pictures of ISIC 2018 that the shipped weights saw into about 1/5, 3/5, 1/5.
_BRIGHTNESS_CUTS = (56.0, 72.0)  # mean L*, 0 to 100
_SHARPNESS_CUTS = (50.0, 225.0)  # variance of the Laplacian, squared grey levels
_LONGEST_SIDE = 256  # px, for brightness and sharpness
_FEWEST, _SMALLEST_SHARE = 4, 0.03


@dataclass(frozen=True)
class Coverage:
    """*pictures*: how many there are. *counts*: kind -> value -> how many of them; every value of STRATA is there."""

    pictures: int
    counts: Mapping[str, Mapping[str, int]]

    @property
    def thin(self) -> tuple[str, ...]:
        """Strata with fewer than 4 pictures or 3 % of them, such as "skin tone: dark (0 of 128)"."""
        needed = max(_FEWEST, _SMALLEST_SHARE * self.pictures)
        return tuple(
            f"{kind}: {value} ({count} of {self.pictures})"
            for kind, values in self.counts.items()
            for value, count in values.items()
            if count < needed
        )

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`."""
        return {
            "schema": COVERAGE_SCHEMA,
            "pictures": self.pictures,
            "counts": {kind: dict(values) for kind, values in self.counts.items()},
            "thin": list(self.thin),
        }

    def table(self) -> Table:
        """Lay the counts out, a row a stratum; the notes name what is thin."""
        rows = tuple(
            (f"{kind}: {value}", count, f"{count / max(self.pictures, 1):.0%}")
            for kind, values in self.counts.items()
            for value, count in values.items()
        )
        notes = tuple(f"thin, so the ranges may not fit such pictures: {name}" for name in self.thin)
        return Table(
            f"What the {self.pictures} calibration pictures show", ("stratum", "pictures", "share"), rows, notes
        )


def coverage_of(
    pictures: CalibrationPictures,
    lesion_of: Callable[[Path, NDArray[np.uint8]], NDArray[np.bool_]],
    advance: Callable[[], None] = lambda: None,
) -> Coverage:
    """Count the pictures of each kind.

    *lesion_of*: gives the lesion in a photo, (H, W) bool, from its path and its pixels, (H, W, 3) uint8 RGB; an
    expert's or the trained network's. *advance* is called after each picture.

    Raises ValueError if a lesion has another size than its photo, and what `decode` raises.
    """
    seen: Counter[tuple[str, str]] = Counter()
    for path in pictures.paths:
        photo = decode(path).pixels
        groups = groups_of(photo, lesion_of(path, photo)) | _looks(photo)
        seen.update(groups.items())
        advance()
    counts = {kind: {value: seen[kind, value] for value in values} for kind, values in STRATA.items()}
    return Coverage(len(pictures.paths), counts)


def brightness(photo: NDArray[np.uint8]) -> float:
    """Return the mean L* (CIE 1976) of a photo, (H, W, 3) uint8 RGB: 0 black to 100 white."""
    small = _small(photo).astype(np.float32) / 255
    return float(np.mean(np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2Lab), np.float32)[:, :, 0]))


def sharpness(photo: NDArray[np.uint8]) -> float:
    """Return the variance of the Laplacian of a photo brought to 256 px, squared grey levels; blurred ones are low.

    *photo*: (H, W, 3) uint8 RGB. The measure LAP4 in Pertuz, Puig & Garcia 2013 (Pattern Recognition 46:1415-1432).
    """
    grey = cv2.cvtColor(_small(photo), cv2.COLOR_RGB2GRAY)
    return float(np.var(np.asarray(cv2.Laplacian(grey, cv2.CV_32F), np.float32)))


def _looks(photo: NDArray[np.uint8]) -> dict[str, str]:
    light, sharp = brightness(photo), sharpness(photo)
    return {
        "brightness": _BRIGHTNESS[sum(light >= cut for cut in _BRIGHTNESS_CUTS)],
        "sharpness": _SHARPNESS[sum(sharp >= cut for cut in _SHARPNESS_CUTS)],
    }


def _small(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = _LONGEST_SIDE / max(photo.shape[:2])
    rows, columns = (max(1, round(side * scale)) for side in photo.shape[:2])
    return resize_pixels(photo, (rows, columns))
