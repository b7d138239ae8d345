"""Pictures for paper: no larger than it shows, and the close-up with its outline drawn on it."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_runtime.overlay import draw

__all__ = ["outlined_jpeg", "paper_jpeg"]

_JPEG_QUALITY = 90
_LONGEST_SIDE = 1000  # px; on paper it is some 70 mm wide: 350 dpi
_LESION_SIDES = 2.2  # side of the part that is shown, in that of the lesions
_MOST_OF_PHOTO = 0.6  # of its side; a part larger than that is not worth cutting out
_FINER = 4  # bits below a pixel

Outline = Sequence[Sequence[float]]


def paper_jpeg(jpeg: bytes) -> bytes:
    """Return a photo as large as paper shows it: a report goes over weak networks.

    *jpeg*: upright.

    Raises ValueError if it is no picture: it was made by this box.
    """
    return _encoded(_photo(jpeg))


def outlined_jpeg(jpeg: bytes, outlines: Sequence[Outline]) -> tuple[bytes, bool]:
    """Return a photo with outlines drawn on it, and whether it is enlarged: where lesions are small, all around is cut.

    *outlines*: polygons of (x, y) in 0..1 of the photo. Otherwise as `paper_jpeg`.
    """
    photo = _decoded(jpeg)
    box = _around(outlines, photo.shape[:2])
    mask = _mask(outlines, photo.shape[:2])
    seen, is_enlarged = (photo, False) if box is None else (np.ascontiguousarray(photo[box]), True)
    shown = _at_most(seen, _LONGEST_SIDE)
    part = mask if box is None else mask[box]
    size = (shown.shape[1], shown.shape[0])
    fitted = cv2.resize(part.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 127
    return _encoded(draw(shown, np.asarray(fitted, np.bool_))), is_enlarged


def _around(outlines: Sequence[Outline], hw: tuple[int, ...]) -> tuple[slice, slice] | None:
    """Return rows and columns around all outlines, in the photo's shape; None if that is most of the photo."""
    points = np.array([point for outline in outlines for point in outline], np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    side = _LESION_SIDES * float((high - low).max())
    if side > _MOST_OF_PHOTO:
        return None
    x, y = np.clip((low + high - side) / 2, 0, 1 - side)
    rows, columns = hw[:2]
    return (
        slice(round(y * rows), max(round(y * rows) + 1, round((y + side) * rows))),
        slice(round(x * columns), max(round(x * columns) + 1, round((x + side) * columns))),
    )


def _photo(jpeg: bytes) -> NDArray[np.uint8]:
    return _at_most(_decoded(jpeg), _LONGEST_SIDE)


def _decoded(jpeg: bytes) -> NDArray[np.uint8]:
    photo = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
    if photo is None:
        raise ValueError(f"cannot put a picture on paper: {len(jpeg)} bytes are none; expected a working.jpg")
    return np.asarray(photo, np.uint8)


def _encoded(photo: NDArray[np.uint8]) -> bytes:
    pixels = cv2.cvtColor(photo, cv2.COLOR_RGB2BGR)
    is_encoded, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    assert is_encoded  # pixels in memory always are
    return data.tobytes()


def _at_most(photo: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    shrink = side / max(photo.shape[:2])
    if shrink >= 1:
        return photo
    return np.asarray(cv2.resize(photo, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8)


def _mask(outlines: Sequence[Outline], hw: tuple[int, ...]) -> NDArray[np.bool_]:
    rows, columns = hw[:2]
    mask = np.zeros((rows, columns), np.uint8)
    for outline in outlines:
        # 0 and 1 are the photo's edges, pixel centres lie at integers.
        points = (np.array(outline, np.float64) * (columns, rows) - 0.5) * 2**_FINER
        cv2.fillPoly(mask, [np.rint(points).astype(np.int32)], 1, shift=_FINER)
    return mask.astype(bool)
