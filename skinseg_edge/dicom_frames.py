"""The one frame of a DICOM file, as the numbers that were stored, out of whatever form it has.

Uncompressed, RLE, JPEG and JPEG 2000 need nothing but numpy and OpenCV; JPEG-LS and rarer ones need pydicom with a
plugin for them (extra `dicom`). How large a frame says to be is looked at before it is decoded.
"""

import struct
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.dicom_compressed import DECODERS, Levels, decoded_by_pydicom, frame_of
from skinseg_edge.picture_formats.dicom import DicomImage
from skinseg_edge.picture_formats.header import damaged, ends_early

__all__ = ["stored_levels"]

_RLE = "1.2.840.10008.1.2.5"


def stored_levels(image: DicomImage, name: str) -> tuple[Levels, str]:
    """Decode to (H, W, S) uint8 or uint16, and say what the S numbers of a pixel mean, as Photometric Interpretation.

    *S*: 1 or 3. Decoders of JPEG and JPEG 2000 give R, G, B where the frame holds Y, Cb, Cr: the answer is then "RGB".

    Raises PictureUnreadable if the frame is damaged, of another size than the header says, or nothing here decodes it.
    """
    if not image.is_compressed:
        levels, meaning = _native(image, name)
    elif image.syntax == _RLE:
        levels, meaning = _run_lengths(image, name), image.photometric
    else:
        levels, meaning = DECODERS.get(image.syntax, decoded_by_pydicom)(image, name)
        _check_depth(levels, image, name)
    expected = (image.rows, image.columns, image.samples)
    if levels.shape != expected:
        raise damaged(name, "DICOM", f"its pixels are {levels.shape}, its header says {expected}")
    return levels, meaning


def _check_depth(levels: Levels, image: DicomImage, name: str) -> None:
    """Check that the frame's numbers are as deep as the header says: others would be scaled to a wrong picture."""
    stored = image.bits_stored
    if (levels.dtype == np.uint8 and stored > 8) or (levels.dtype == np.uint16 and int(levels.max()) >> stored):
        raise damaged(name, "DICOM", f"its frame has other numbers than the {stored} bits that its header says")


def _native(image: DicomImage, name: str) -> tuple[Levels, str]:
    kind = np.dtype(np.uint8 if image.bits_allocated == 8 else f"{image.encoding.order}u2")
    count = image.native_bytes // kind.itemsize
    flat = np.frombuffer(image.data, kind, count, image.pixels.start)
    if image.encoding.is_big_endian and image.pixels.kind == b"OW" and kind.itemsize == 1:
        flat = _from_words(image)[:count]
    if image.photometric == "YBR_FULL_422":
        return _spread(flat, image, name), "YBR_FULL"
    if image.is_planar and image.samples == 3:
        planes = flat.reshape(3, image.rows, image.columns)
        return np.ascontiguousarray(planes.transpose(1, 2, 0)), image.photometric  # 3, H, W -> H, W, 3
    return flat.reshape(image.rows, image.columns, image.samples), image.photometric


def _from_words(image: DicomImage) -> NDArray[np.uint8]:
    """Take bytes out of 16-bit words whose lower byte, the first pixel's, comes second."""
    words = np.frombuffer(image.data, ">u2", (image.native_bytes + 1) // 2, image.pixels.start)
    return words.astype("<u2").view(np.uint8)


def _spread(flat: Levels, image: DicomImage, name: str) -> Levels:
    """Give each pixel its colours, of which two neighbours share one pair: Y, Y, Cb, Cr (PS3.3, C.7.6.3.1.2)."""
    if image.columns % 2 or image.samples != 3 or image.bits_allocated != 8:
        raise damaged(name, "DICOM", f"pairs of pixels share their colours, and a row has {image.columns} pixels")
    pairs = flat.reshape(image.rows, image.columns // 2, 4)
    levels = np.empty((image.rows, image.columns, 3), np.uint8)
    levels[:, :, 0] = pairs[:, :, :2].reshape(image.rows, image.columns)
    levels[:, :, 1:] = np.repeat(pairs[:, :, 2:], 2, axis=1)
    return levels


def _run_lengths(image: DicomImage, name: str) -> Levels:
    """Undo RLE: up to 15 segments, each one byte of one channel, the highest byte first (PS3.5, annex G)."""
    frame = frame_of(image, name)
    octets, area = image.bits_allocated // 8, image.rows * image.columns
    count = image.samples * octets
    if len(frame) < 64 or struct.unpack_from("<I", frame)[0] != count:
        raise damaged(name, "DICOM", f"its run lengths do not come in {count} segments")
    bounds = [*struct.unpack_from(f"<{count}I", frame, 4), len(frame)]
    planes = [_unpacked(frame[begin:end], area, name) for begin, end in pairwise(bounds)]
    stacked = np.stack(planes, axis=1).reshape(image.rows, image.columns, count)
    if octets == 1:
        return stacked
    high_first = np.ascontiguousarray(stacked).view(">u2")
    return high_first.astype(np.uint16)


def _unpacked(segment: bytes, count: int, name: str) -> NDArray[np.uint8]:
    """Undo PackBits up to *count* bytes, so that no segment takes more memory than the picture."""
    out = bytearray()
    at = 0
    while len(out) < count and at + 1 < len(segment):
        told = segment[at]
        if told < 128:
            out += segment[at + 1 : at + 2 + told]
            at += 2 + told
        else:
            if told > 128:
                out += segment[at + 1 : at + 2] * (257 - told)
            at += 2 if told > 128 else 1
    if len(out) < count:
        raise ends_early(name, "DICOM", f"its run lengths make {len(out):,} of {count:,} bytes")
    return np.frombuffer(bytes(out[:count]), np.uint8)
