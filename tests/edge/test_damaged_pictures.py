"""Small valid files with bytes flipped, cut out, doubled or cut off: only our own errors or a picture may come out."""

import io
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import numpy as np
import pytest
from PIL import Image

from skinseg_edge.errors import SkinsegError
from skinseg_edge.image_io import decode, decode_mask
from skinseg_edge.pixel_decoding import reduced_hw

_Read = TypeVar("_Read")

CASES = 120  # for each kind of file
SMALL = 2_000_000  # px: a flipped size must not make the test slow


def small_file(picture_format: str, mode: str, **options: object) -> bytes:
    rng = np.random.default_rng(3)
    photo = Image.fromarray(rng.integers(0, 256, (24, 33, 3), np.uint8)).resize((66, 48)).convert(mode)
    exif = Image.Exif()
    exif[274] = 6
    out = io.BytesIO()
    photo.save(out, picture_format, exif=exif, **options)
    return out.getvalue()


def outcome(read: Callable[[], _Read]) -> _Read | None:
    """Return what was read, or None for one of our own errors, whose words are checked."""
    try:
        return read()
    except SkinsegError as error:
        words = str(error)
    assert words.startswith("cannot read the picture")
    assert "\n" not in words
    return None


def damaged(whole: bytes, rng: np.random.Generator) -> bytes:
    data = bytearray(whole)
    # Half of the damage goes to the first 200 bytes, where the structure is.
    reach = min(len(data), 200) if rng.random() < 0.5 else len(data)
    at = int(rng.integers(reach))
    match int(rng.integers(4)):
        case 0:
            for place in rng.integers(0, reach, int(rng.integers(1, 6))):
                data[int(place)] = int(rng.integers(256))
        case 1:
            del data[at:]
        case 2:
            del data[at : at + int(rng.integers(1, 40))]
        case _:
            data[at:at] = data[at : at + int(rng.integers(1, 40))]
    return bytes(data)


@pytest.mark.parametrize(
    ("picture_format", "mode", "options"),
    [
        ("JPEG", "RGB", {}),
        ("JPEG", "CMYK", {"progressive": True}),
        ("PNG", "RGBA", {}),
        ("PNG", "P", {}),
        ("WebP", "RGBA", {}),
        ("WebP", "RGB", {"lossless": True}),
        ("BMP", "RGB", {}),
        ("BMP", "P", {}),
        ("TIFF", "RGB", {"compression": "tiff_lzw"}),
        ("TIFF", "RGB", {"compression": "jpeg"}),
        ("TIFF", "L", {}),
    ],
)
def test_damage_gives_a_picture_or_our_own_error_and_soon(
    picture_format: str, mode: str, options: dict[str, object]
) -> None:
    whole = small_file(picture_format, mode, **options)
    rng = np.random.default_rng(20)
    pictures = 0
    began = time.perf_counter()

    for case in range(CASES):
        data = damaged(whole, rng)
        at_least_hw = (20, 20) if case % 2 else None
        picture = outcome(partial(decode, data, at_least_hw=at_least_hw, max_pixels=SMALL))
        outcome(partial(decode_mask, data, max_pixels=SMALL))
        pictures += picture is not None
        assert picture is None or picture.pixels.shape[:2] == reduced_hw(picture.full_hw, picture.reduction)

    assert pictures < CASES  # none at all for PNG, whose checksums notice everything
    assert time.perf_counter() - began < 20  # usually well under a second; no case may hang
