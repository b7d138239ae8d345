"""The figures that speak for or against a photo, each of one number; `quality.limits` says what they are held against.

| figure | what it is | unit |
|---|---|---|
| `lesions` | regions of the mask | count |
| `area_share` | largest region's area over the photo's | 0 to 1 |
| `cut_share` | pixels of the largest region on the photo's border over the perimeter of its box | 0 to 1 |
| `sharpness` | variance of the Laplacian of the close-up's grey levels | levels squared |
| `brightest` | 99th percentile of the close-up's grey levels | level, 0 to 255 |
| `burnt_out` | share of lesion and ring where a channel is full (>= 254): its colour is lost | 0 to 1 |
| `glare` | share of lesion and ring that is white (every channel >= 245) | 0 to 1 |
| `green_or_blue` | how far the ring's median colour lies towards green or blue: max(-a*, -b*) | CIE 1976 L*a*b* |

`sharpness` (Pech-Pacheco et al. 2000, ICPR) grows with contrast and with hair: it tells a blurred photo from a sharp
one of the same lesion, and only the worst from those of other lesions. `brightest` is not a mean or a median, which
dark skin would have low as well.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_runtime.measurements import Lesion
from skinseg_runtime.quality.close_up import CloseUp

__all__ = ["figures_of_close_up", "figures_of_mask"]

_FULL, _WHITE = 254, 245  # levels; JPEG leaves what was 255 a level or two lower, and a reduced glare's edge more


def figures_of_mask(mask: NDArray[np.bool_], lesions: tuple[Lesion, ...]) -> dict[str, float]:
    """Return `lesions`, and where there is one `area_share` and `cut_share`.

    *mask*: (H, W) bool. *lesions*: its regions, the largest first.
    """
    if not lesions:
        return {"lesions": 0.0}
    x0, y0, x1, y1 = lesions[0].box
    on_border = sum(int(np.count_nonzero(line)) for line in _border_lines(mask, lesions[0].box))
    return {
        "lesions": float(len(lesions)),
        "area_share": lesions[0].area_px / mask.size,
        "cut_share": on_border / (2 * (x1 - x0 + y1 - y0)),
    }


def _border_lines(mask: NDArray[np.bool_], box: tuple[int, int, int, int]) -> list[NDArray[np.bool_]]:
    """Return the rows and columns of the photo's border that *box* reaches, within the box."""
    x0, y0, x1, y1 = box
    rows, columns = mask.shape
    lines = (
        (mask[0, x0:x1], y0 == 0),
        (mask[-1, x0:x1], y1 == rows),
        (mask[y0:y1, 0], x0 == 0),
        (mask[y0:y1, -1], x1 == columns),
    )
    return [line for line, is_reached in lines if is_reached]


def figures_of_close_up(view: CloseUp) -> dict[str, float]:
    """Return the figures of light, colour and detail; see the table at the top."""
    grey = np.asarray(cv2.cvtColor(view.pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    # Channel by channel: over a last axis of three, numpy's reductions take several times as long.
    red, green, blue = (np.asarray(channel, np.uint8) for channel in cv2.split(view.pixels))
    seen = view.lesion | view.ring
    brightest_channel = np.maximum(np.maximum(red, green), blue)[seen]  # (P,)
    darkest_channel = np.minimum(np.minimum(red, green), blue)[seen]
    return {
        "sharpness": float(cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_32F))[1][0, 0] ** 2),
        "brightest": _percentile(grey, 0.99),
        "burnt_out": float(np.mean(brightest_channel >= _FULL)),
        "glare": float(np.mean(darkest_channel >= _WHITE)),
        "green_or_blue": _green_or_blue([channel[view.ring] for channel in (red, green, blue)]),
    }


def _percentile(grey: NDArray[np.uint8], share: float) -> float:
    """Return the lowest level that at least *share* of the pixels do not exceed; counting is faster than sorting."""
    reached = np.cumsum(np.bincount(grey.ravel(), minlength=256))
    return float(np.searchsorted(reached, share * grey.size))


def _green_or_blue(skin: list[NDArray[np.uint8]]) -> float:
    """Return max(-a*, -b*) of the median colour of *skin*: R, G and B, each (P,), taken for sRGB; 0 where P is 0."""
    if len(skin[0]) == 0:
        return 0.0
    # The median of each channel lies close to the median colour, and takes one conversion instead of thousands.
    median = np.array([np.median(channel) for channel in skin], np.float32).reshape(1, 1, 3) / 255
    _, a, b = np.asarray(cv2.cvtColor(median, cv2.COLOR_RGB2Lab)).ravel()
    return max(-float(a), -float(b))
