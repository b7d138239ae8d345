"""Pixels as they are stored, brought to 8-bit RGB: the only module that calls OpenCV's decoder."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import PictureUnreadable
from skinseg_edge.picture_formats import png, tiff
from skinseg_edge.picture_formats.header import damaged
from skinseg_edge.picture_header import PictureHeader

__all__ = ["REDUCTIONS", "Reduction", "imdecode", "reduced_hw", "stored_numbers", "stored_pixels"]

Reduction: TypeAlias = Literal[1, 2, 4, 8]

REDUCTIONS: tuple[Reduction, ...] = (8, 4, 2, 1)
"""What libjpeg can divide both sides by while it decodes, the fastest first."""

_JPEG_FLAGS: dict[Reduction, int] = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
_ROWS_AT_ONCE = 256
_SILENT = 0  # cv::utils::logging::LOG_LEVEL_SILENT


def reduced_hw(hw: tuple[int, int], reduction: int) -> tuple[int, int]:
    """Return the rows and columns (px) of a reduced decoding: rounded up, so no pixel of the photo is left out."""
    return -(-hw[0] // reduction), -(-hw[1] // reduction)


def stored_pixels(
    data: bytes, header: PictureHeader, name: str, *, reduction: Reduction = 1, as_mask: bool = False
) -> NDArray[np.uint8]:
    """Decode to (H, W, 3) uint8 RGB, before the EXIF orientation is applied; *name* is what errors call the file.

    *reduction*: for JPEG only, both sides are divided by it. *as_mask*: transparency is laid over black instead of
    white, and 16-bit levels are kept as they are when none is above 255.

    Raises PictureUnreadable if the decoder refuses the bytes, or gives another size than *header*.
    """
    decoded = _decoded_jpeg(data, reduction) if header.format == "JPEG" else _decoded(data, header, name, as_mask)
    if decoded is None:
        raise damaged(name, header.format, "its pixels cannot be decoded")
    expected = reduced_hw((header.height, header.width), reduction)
    if decoded.shape[:2] != expected:
        raise damaged(name, header.format, f"its pixels are {decoded.shape[:2]}, its header says {expected}")
    return decoded


def stored_numbers(data: bytes, header: PictureHeader, name: str) -> NDArray[np.uint16]:
    """Decode a PNG to the numbers it stores, (H, W) uint16, before the EXIF orientation is applied.

    A number is a grey level or a place in the palette, of any bit depth, never scaled; a colour picture whose channels
    are equal counts as grey, and transparency is ignored.

    Raises PictureUnreadable if the decoder refuses the bytes, or the channels differ.
    """
    decoded = imdecode(png.as_numbers(data), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.shape[:2] != (header.height, header.width):
        raise damaged(name, header.format, "its pixels cannot be decoded")
    if decoded.ndim == 3:
        if any(np.any(decoded[:, :, 0] != decoded[:, :, channel]) for channel in (1, 2)):
            raise PictureUnreadable(
                f"cannot read {name} as a class map: it is a colour picture, expected a grey or palette PNG with a "
                "class number a pixel; save the numbers, not their colours"
            )
        decoded = decoded[:, :, 0]
    return (decoded // png.number_scale(data)).astype(np.uint16)


def _decoded_jpeg(data: bytes, reduction: Reduction) -> NDArray[np.uint8] | None:
    bgr = imdecode(data, _JPEG_FLAGS[reduction] | cv2.IMREAD_IGNORE_ORIENTATION)
    return None if bgr is None else _bytes(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))


def _decoded(data: bytes, header: PictureHeader, name: str, as_mask: bool) -> NDArray[np.uint8] | None:
    """Decode everything the file holds, alpha and 16 bits included, then bring it to 8-bit RGB."""
    is_premultiplied = False
    if header.format == "PNG":
        data = png.only_pixels(data)
    elif header.format == "TIFF":
        is_premultiplied = tiff.alpha_is_premultiplied(data, name)
        data = tiff.without_orientation(data)
    stored = imdecode(data, cv2.IMREAD_UNCHANGED)
    if stored is None:
        return None
    keeps_levels = stored.dtype == np.uint8 or (as_mask and int(stored.max()) <= 255)
    levels = _bytes(stored) if keeps_levels else _eight_bit(stored)
    if levels.ndim == 2:
        return _bytes(cv2.cvtColor(levels, cv2.COLOR_GRAY2RGB))
    if levels.shape[2] == 4:
        levels = _over(levels, 0 if as_mask else 255, is_premultiplied)
    return _bytes(cv2.cvtColor(levels, cv2.COLOR_BGR2RGB))


def _eight_bit(levels: NDArray[np.uint8 | np.uint16]) -> NDArray[np.uint8]:
    """Scale 0 to 65535 down to 0 to 255, rounded: v / 257."""
    return _bytes(cv2.convertScaleAbs(levels, alpha=1 / 257))


def _over(bgra: NDArray[np.uint8], backdrop: int, is_premultiplied: bool) -> NDArray[np.uint8]:
    """Lay (H, W, 4) over the grey level *backdrop*; premultiplied colours hold their share of alpha already."""
    laid = np.empty((*bgra.shape[:2], 3), np.uint8)
    for top in range(0, len(bgra), _ROWS_AT_ONCE):
        band = bgra[top : top + _ROWS_AT_ONCE].astype(np.uint16)
        colours, alpha = band[:, :, :3], band[:, :, 3:]
        shares = np.minimum(colours, alpha) * np.uint16(255) if is_premultiplied else colours * alpha
        # No sum passes 255 * 255 + 127, so 16 bits hold it.
        laid[top : top + _ROWS_AT_ONCE] = (shares + np.uint16(backdrop) * (255 - alpha) + np.uint16(127)) // 255
    return laid


def imdecode(data: bytes, flags: int) -> NDArray[np.uint8 | np.uint16] | None:
    """Decode by OpenCV, channels as BGR; *flags*: its own. None when it refuses, in whichever of its ways."""
    with _quiet_opencv():
        try:
            decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        except cv2.error:
            return None
    if decoded is None or decoded.size == 0 or decoded.dtype not in (np.uint8, np.uint16):
        return None
    return decoded.astype(np.uint16 if decoded.dtype == np.uint16 else np.uint8, copy=False)


def _bytes(pixels: object) -> NDArray[np.uint8]:
    return np.asarray(pixels, dtype=np.uint8)


class _LogLevel:
    """OpenCV's log level while some thread decodes; it is one for the whole process, so the threads are counted."""

    lock = threading.Lock()
    decoding = 0
    before = 0


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Keep OpenCV from printing on stderr what our own errors say."""
    with _LogLevel.lock:
        if _LogLevel.decoding == 0:
            _LogLevel.before = _set_log_level(_SILENT)
        _LogLevel.decoding += 1
    try:
        yield
    finally:
        with _LogLevel.lock:
            _LogLevel.decoding -= 1
            if _LogLevel.decoding == 0:
                _set_log_level(_LogLevel.before)


def _set_log_level(level: int) -> int:
    """Set OpenCV's log level and return the one before; it moved from `cv2` to `cv2.utils.logging` in OpenCV 5."""
    place = cv2 if hasattr(cv2, "setLogLevel") else cv2.utils.logging
    set_log_level: Callable[[int], int] = vars(place)["setLogLevel"]
    return set_log_level(level)
