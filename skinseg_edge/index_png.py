"""PNG files whose pixels are class numbers and that yet show colours, as annotation programs write them.

OpenCV writes no palettes. It writes grey levels, though, and a palette picture of 8 bits has the very same rows of
pixels: only the header's colour type differs, and the palette stands before them (PNG specification, third edition,
sections 11.2.1 and 11.2.2).
"""

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.atomic_files import write_bytes_atomically
from skinseg_edge.image_io import encode_png

__all__ = ["encode_index_png", "write_index_png"]

_AFTER_HEADER = 8 + 25  # bytes of the signature and of the IHDR chunk, which comes first
_COLOUR_TYPE = 9  # where the colour type stands in the header's data
_PALETTE = 3


def encode_index_png(indices: NDArray[np.uint8], colours: NDArray[np.uint8]) -> bytes:
    """Encode class numbers as a palette PNG, losslessly.

    *indices*: (H, W) uint8, each below K. *colours*: (K, 3) uint8 RGB, K from 1 to 256, as `class_colours` gives them.

    Raises ValueError if an array is of another kind or an index has no colour.
    """
    if colours.ndim != 2 or colours.shape[1] != 3 or not 1 <= len(colours) <= 256 or colours.dtype != np.uint8:
        raise ValueError(f"a palette is (K, 3) uint8 with K from 1 to 256; got {colours.shape} {colours.dtype}")
    if indices.ndim != 2 or indices.dtype != np.uint8 or indices.size == 0:
        raise ValueError(f"an index picture is (H, W) uint8; got {indices.shape} {indices.dtype}")
    if indices.max() >= len(colours):
        raise ValueError(f"the picture holds class {indices.max()}, the palette only {len(colours)} colours")
    grey = encode_png(indices)
    header = bytearray(grey[16 : _AFTER_HEADER - 4])
    header[_COLOUR_TYPE] = _PALETTE
    return b"".join(
        [grey[:8], _chunk(b"IHDR", bytes(header)), _chunk(b"PLTE", colours.tobytes()), grey[_AFTER_HEADER:]]
    )


def write_index_png(path: str | Path, indices: NDArray[np.uint8], colours: NDArray[np.uint8]) -> None:
    """Write `encode_index_png` to *path*, whole or not at all.

    Raises OutputRefused if the place cannot be written, ValueError as `encode_index_png` does.
    """
    write_bytes_atomically(Path(path), encode_index_png(indices, colours))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
