"""Frames of DICOM files that are compressed as JPEG, JPEG 2000 and the like.

What a frame itself says about its colours holds; where it says nothing, what the DICOM file declares. Makers declare
YBR_FULL_422 over a JPEG of R, G, B, and RGB over one of Y, Cb, Cr: the JPEG knows.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import PictureUnreadable
from skinseg_edge.picture_formats import jpeg
from skinseg_edge.picture_formats.dicom import DicomImage, fragments
from skinseg_edge.picture_formats.dicom_names import SYNTAXES
from skinseg_edge.picture_formats.header import damaged
from skinseg_edge.pixel_decoding import imdecode

__all__ = ["DECODERS", "Levels", "decoded_by_pydicom", "frame_of"]

Levels: TypeAlias = NDArray[np.uint8 | np.uint16]

_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}  # F7: JPEG-LS


def frame_of(image: DicomImage, name: str) -> bytes:
    """Join the parts of the compressed frame.

    Raises PictureUnreadable if it is cut off or empty.
    """
    return b"".join(image.data[begin:end] for begin, end in fragments(image, name))


def _jpeg_lossy(image: DicomImage, name: str) -> tuple[Levels, str]:
    """Decode JPEG of 8 bits; an EXIF orientation in it is no part of a DICOM picture."""
    frame = _jpeg_frame(image, name)
    if image.photometric == "RGB" and not jpeg.tells_colours(frame, name):
        frame = jpeg.colours_as_given(frame)
    meaning = "RGB" if image.samples == 3 else image.photometric
    return _by_opencv(frame, image, name, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION), meaning


def _jpeg_lossless(image: DicomImage, name: str) -> tuple[Levels, str]:
    """Decode lossless JPEG, which turns no colours into others; OpenCV knows it from 4.12 on, else pydicom may."""
    frame = _jpeg_frame(image, name)
    as_given = jpeg.colours_as_given(frame.replace(b"JFIF\0", b"None\0", 1))
    if imdecode(as_given, cv2.IMREAD_UNCHANGED) is None:
        return decoded_by_pydicom(image, name)
    return _by_opencv(as_given, image, name, cv2.IMREAD_UNCHANGED), image.photometric


def _jpeg_2000(image: DicomImage, name: str) -> tuple[Levels, str]:
    """Decode JPEG 2000; where its own transform of colours was used, the decoder has undone it."""
    frame = frame_of(image, name)
    _check_size(image, _told_hw(frame), name)
    meaning = "RGB" if image.samples == 3 and _has_own_transform(frame) else image.photometric
    return _by_opencv(frame, image, name, cv2.IMREAD_UNCHANGED), meaning


def _has_own_transform(frame: bytes) -> bool:
    """Read the byte for it in the COD segment of the main header (ISO 15444-1, A.6.1)."""
    at = 2
    while at + 10 <= len(frame):
        marker, length = struct.unpack_from(">HH", frame, at)
        if marker == 0xFF52:
            return frame[at + 8] == 1
        if marker == 0xFF90 or length < 2:  # the first tile: the main header is over
            break
        at += 2 + length
    return False


def _jpeg_frame(image: DicomImage, name: str) -> bytes:
    frame = frame_of(image, name)
    if not jpeg.recognises(frame):
        raise damaged(name, "DICOM", "its frame does not begin as JPEG does")
    header = jpeg.read_header(frame, name)
    _check_size(image, (header.height, header.width), name)
    jpeg.check_whole(frame, name)
    return frame


def decoded_by_pydicom(image: DicomImage, name: str) -> tuple[Levels, str]:
    """Decode by whichever plugin pydicom finds: JPEG-LS by pyjpegls, which the extra `dicom` brings.

    Raises PictureUnreadable if there is none, or the frame is damaged.
    """
    if image.syntax not in SYNTAXES:
        raise _without_decoder(image, name)
    frame = frame_of(image, name)
    try:
        from pydicom.encaps import encapsulate
        from pydicom.pixels.decoders.base import get_decoder

        decoder = get_decoder(image.syntax)
    except (ImportError, NotImplementedError) as error:
        raise _without_decoder(image, name) from error
    if not decoder.is_available:
        raise _without_decoder(image, name)
    _check_size(image, _told_hw(frame), name)
    # The decoder's options have one type that holds all of them, which no checker takes apart.
    options: dict[str, Any] = {
        "rows": image.rows,
        "columns": image.columns,
        "number_of_frames": 1,
        "samples_per_pixel": image.samples,
        "bits_allocated": image.bits_allocated,
        "bits_stored": image.bits_stored,
        "pixel_representation": 0,
        "photometric_interpretation": image.photometric,
        "planar_configuration": 0,
        "pixel_keyword": "PixelData",
    }
    try:
        decoded, _ = decoder.as_array(encapsulate([frame], has_bot=False), raw=True, **options)
    except Exception as error:  # plugins of pydicom raise what they like on damaged bytes
        raise damaged(name, "DICOM", "its frame cannot be decoded") from error
    levels: Levels = decoded.astype(np.uint8) if image.bits_allocated == 8 else decoded.astype(np.uint16)
    return levels[:, :, None] if levels.ndim == 2 else levels, image.photometric


def _told_hw(frame: bytes) -> tuple[int, int]:
    """Return rows and columns that a frame of the JPEG family tells; (0, 0) where it tells none."""
    if frame[:4] == b"\xff\x4f\xff\x51" and len(frame) >= 24:
        right, bottom, left, top = struct.unpack_from(">4I", frame, 8)
        return bottom - top, right - left
    at = 2
    while at + 9 <= len(frame) and frame[at] == 0xFF:
        if frame[at + 1] in _JPEG_SIZES:
            rows, columns = struct.unpack_from(">HH", frame, at + 5)
            return rows, columns
        at += 2 + max(2, int.from_bytes(frame[at + 2 : at + 4], "big"))
    return 0, 0


def _without_decoder(image: DicomImage, name: str) -> PictureUnreadable:
    what = SYNTAXES.get(image.syntax, repr(image.syntax))
    return PictureUnreadable(
        f"cannot read {name}: its pixels are compressed as {what}, for which no decoder is installed here; run pip "
        "install 'skinseg-edge[dicom]', or decompress it (dcmdjpeg, dcmconv, gdcmconv --raw)"
    )


def _check_size(image: DicomImage, hw: tuple[int, int], name: str) -> None:
    if hw != (image.rows, image.columns):
        raise damaged(name, "DICOM", f"its frame has {hw} pixels, its header says {(image.rows, image.columns)}")


def _by_opencv(frame: bytes, image: DicomImage, name: str, flags: int) -> Levels:
    decoded = imdecode(frame, flags)
    if decoded is None:
        raise damaged(name, "DICOM", "its frame cannot be decoded")
    if decoded.ndim == 2:
        return decoded[:, :, None]
    if image.samples == 1:
        return decoded[:, :, :1]
    rgb = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
    return rgb.astype(np.uint8 if decoded.dtype == np.uint8 else np.uint16, copy=False)


DECODERS: Mapping[str, Callable[[DicomImage, str], tuple[Levels, str]]] = {
    "1.2.840.10008.1.2.4.50": _jpeg_lossy,
    "1.2.840.10008.1.2.4.51": _jpeg_lossy,
    "1.2.840.10008.1.2.4.57": _jpeg_lossless,
    "1.2.840.10008.1.2.4.70": _jpeg_lossless,
    "1.2.840.10008.1.2.4.90": _jpeg_2000,
    "1.2.840.10008.1.2.4.91": _jpeg_2000,
}
"""By transfer syntax: what gives a frame's numbers, (H, W, S), and what they mean."""
