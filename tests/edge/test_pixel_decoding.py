"""Orientation and colours: what every kind of file becomes, on files made by Pillow or byte by byte."""

import struct

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from skinseg_edge import image_io
from skinseg_edge.errors import PictureUnreadable
from skinseg_edge.exif_orientation import upright
from tests.edge.drawn_pictures import SKIN, plain, saved, smooth_photo


def turned_as_pillow_undoes(photo: NDArray[np.uint8], orientation: int) -> Image.Image:
    """Return what a camera stores for *photo* when it tells *orientation*: the inverse of the turn."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,  # counter-clockwise in Pillow; tag 6 asks for 90 degrees clockwise
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = Image.fromarray(photo)
    return image if orientation == 1 else image.transpose(undo[orientation])


def exif_of(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[274] = orientation
    return exif


def tiff_of(tags: list[tuple[int, int, tuple[int, ...]]], pixels: bytes) -> bytes:
    """Return a little-endian TIFF with one strip; *tags* are (tag, 3 SHORT or 4 LONG, values)."""
    count = len(tags) + 2
    values_at = 8 + 2 + 12 * count + 4
    strip_at = values_at + 64
    entries, beside = b"", b""
    for tag, kind, values in sorted([*tags, (273, 4, (strip_at,)), (279, 4, (len(pixels),))]):
        packed = struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(packed) > 4:
            packed, beside = struct.pack("<I", values_at + len(beside)), beside + packed
        entries += struct.pack("<HHI", tag, kind, len(values)) + packed.ljust(4, b"\x00")
    head = b"II*\x00" + struct.pack("<IH", 8, count) + entries + bytes(4)
    return head + beside.ljust(64, b"\x00") + pixels


def tiff_tags(width: int, height: int, bits: int, colours: int, samples: int) -> list[tuple[int, int, tuple[int, ...]]]:
    return [
        (256, 3, (width,)),
        (257, 3, (height,)),
        (258, 3, (bits,) * samples),
        (259, 3, (1,)),
        (262, 3, (colours,)),
        (277, 3, (samples,)),
        (278, 3, (height,)),
    ]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("picture_format", "options"),
    [
        ("PNG", {}),
        ("WebP", {"lossless": True, "exact": True}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_deflate"}),
    ],
)
def test_a_photo_turned_by_any_tag_decodes_to_the_same_upright_pixels(
    picture_format: str, options: dict[str, object], orientation: int
) -> None:
    photo = smooth_photo(21, 34)
    data = saved(turned_as_pillow_undoes(photo, orientation), picture_format, exif=exif_of(orientation), **options)

    picture = image_io.decode(data)

    assert np.array_equal(picture.pixels, photo)
    assert (picture.full_hw, picture.orientation, picture.format) == ((21, 34), orientation, picture_format)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["grey", "grey 16", "rgb 16", "rgba 8", "one bit"])
def test_no_kind_of_tiff_is_turned_twice(kind: str, orientation: int) -> None:
    levels = np.linspace(1, 250, 5 * 7).astype(np.uint8).reshape(5, 7)
    wide = levels.astype("<u2") * 257
    bits = np.where(levels > 100, 255, 0).astype(np.uint8)
    tags, strip, expected = {
        "grey": (tiff_tags(7, 5, 8, 1, 1), levels.tobytes(), levels),
        "grey 16": (tiff_tags(7, 5, 16, 1, 1), wide.tobytes(), levels),
        "rgb 16": (tiff_tags(7, 5, 16, 2, 3), np.dstack([wide] * 3).tobytes(), levels),
        "rgba 8": (
            [*tiff_tags(7, 5, 8, 2, 4), (338, 3, (2,))],
            np.dstack([levels] * 3 + [np.full_like(levels, 255)]).tobytes(),
            levels,
        ),
        "one bit": (tiff_tags(7, 5, 1, 1, 1), np.packbits(bits > 0, axis=1).tobytes(), bits),
    }[kind]

    picture = image_io.decode(tiff_of([*tags, (274, 3, (orientation,))], strip))

    assert np.array_equal(picture.pixels[:, :, 1], upright(expected, orientation))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("at_least_hw", [None, (60, 90)])
def test_a_jpeg_turned_by_any_tag_decodes_to_nearly_the_same_upright_pixels(
    orientation: int, at_least_hw: tuple[int, int] | None
) -> None:
    # Sides that are multiples of 16, so that the turned blocks cover the same pixels.
    photo = smooth_photo(128, 192)
    stored = turned_as_pillow_undoes(photo, orientation)
    data = saved(stored, "JPEG", quality=95, subsampling=0, exif=exif_of(orientation))

    picture = image_io.decode(data, at_least_hw=at_least_hw)

    expected = photo if at_least_hw is None else cv2.resize(photo, (96, 64), interpolation=cv2.INTER_AREA)
    assert picture.full_hw == (128, 192)
    assert picture.pixels.shape == expected.shape
    # Wrongly turned, the pictures are more than 20 levels apart; quantisation and the reduced DCT give up to 1.
    assert np.abs(picture.pixels.astype(int) - expected).mean() < 1.0


def test_pixels_are_ready_for_use_whatever_the_turn() -> None:
    for orientation in range(1, 9):
        data = saved(Image.fromarray(smooth_photo(9, 14)), "PNG", exif=exif_of(orientation))

        pixels = image_io.decode(data).pixels

        assert pixels.flags.c_contiguous
        assert pixels.dtype == np.uint8


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(plain("RGB", SKIN), SKIN, id="rgb png"),
        pytest.param(plain("RGB", SKIN, picture_format="BMP"), SKIN, id="rgb bmp"),
        pytest.param(plain("L", 77), (77, 77, 77), id="grey png"),
        pytest.param(plain("L", 77, picture_format="JPEG"), (77, 77, 77), id="grey jpeg"),
        pytest.param(plain("1", 1), (255, 255, 255), id="one-bit png"),
        pytest.param(plain("1", 1, picture_format="TIFF"), (255, 255, 255), id="one-bit tiff"),
        pytest.param(plain("1", 1, picture_format="TIFF", compression="group4"), (255, 255, 255), id="fax tiff"),
        pytest.param(plain("1", 1, picture_format="BMP"), (255, 255, 255), id="one-bit bmp"),
        pytest.param(saved(Image.new("RGB", (4, 4), SKIN).quantize(2), "PNG"), SKIN, id="palette png"),
        pytest.param(saved(Image.new("RGB", (4, 4), SKIN).quantize(2), "BMP"), SKIN, id="palette bmp"),
        pytest.param(saved(Image.new("RGB", (4, 4), SKIN).quantize(2), "TIFF"), SKIN, id="palette tiff"),
        pytest.param(plain("CMYK", (0, 255, 255, 0), picture_format="TIFF"), (255, 0, 0), id="cmyk tiff"),
    ],
)
def test_every_kind_of_picture_becomes_rgb(data: bytes, expected: tuple[int, int, int]) -> None:
    assert image_io.decode(data).pixels[2, 2].tolist() == list(expected)


def test_a_one_bit_bmp_mask_without_compression_keeps_black_black() -> None:
    assert image_io.decode(plain("1", 0, picture_format="BMP")).pixels.max() == 0


def test_a_tiff_whose_zero_is_white_is_not_a_negative() -> None:
    data = tiff_of(tiff_tags(4, 1, 8, 0, 1), bytes([0, 50, 100, 255]))

    assert image_io.decode(data).pixels[0, :, 0].tolist() == [255, 205, 155, 0]


# Alpha 128 of 255 over white: c * 128 / 255 + 127.
OVER_WHITE = [227, 187, 172]


@pytest.mark.parametrize("options", [{}, {"picture_format": "WebP", "lossless": True}, {"picture_format": "TIFF"}])
def test_transparency_is_laid_over_white(options: dict[str, object]) -> None:
    assert image_io.decode(plain("RGBA", (*SKIN, 128), **options)).pixels[2, 2].tolist() == OVER_WHITE


def test_what_is_fully_transparent_is_white_whatever_colour_hides_there() -> None:
    assert image_io.decode(plain("RGBA", (0, 0, 0, 0))).pixels.min() == 255


def test_the_transparent_entry_of_a_palette_is_white() -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([10, 20, 30, 200, 120, 90])
    image.putpixel((1, 0), 1)

    pixels = image_io.decode(saved(image, "PNG", transparency=0)).pixels

    assert pixels[0, :2].tolist() == [[255, 255, 255], [200, 120, 90]]


@pytest.mark.parametrize(("kind", "stored"), [(1, [c * 128 // 255 for c in SKIN]), (2, list(SKIN))])
def test_both_kinds_of_16_bit_tiff_alpha_are_laid_over_white(kind: int, stored: list[int]) -> None:
    # ExtraSamples 1: colours are stored multiplied by alpha; 2: they are not.
    tags = [*tiff_tags(2, 1, 16, 2, 4), (338, 3, (kind,))]
    strip = np.array([*stored, 128] * 2, "<u2") * np.uint16(257)

    pixel = image_io.decode(tiff_of(tags, strip.tobytes())).pixels[0, 0].astype(int)

    assert np.abs(pixel - OVER_WHITE).max() <= 1


def test_16_bit_levels_are_scaled_and_rounded() -> None:
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)

    pixels = image_io.decode(image_io.encode_png(levels)).pixels

    assert np.array_equal(pixels[:, :, 0], (levels.astype(np.int64) + 128) // 257)


def test_a_cmyk_jpeg_with_inverted_inks_keeps_its_colours() -> None:
    # Pillow writes what Adobe writes: inks inverted, and an Adobe marker. R = 255 (1 - C) (1 - K).
    inks = (30, 100, 160, 40)

    pixel = image_io.decode(plain("CMYK", inks, picture_format="JPEG", quality=100)).pixels[2, 2]

    expected = [(255 - ink) * (255 - inks[3]) / 255 for ink in inks[:3]]
    assert np.abs(pixel.astype(float) - expected).max() <= 2


def test_a_ycck_jpeg_keeps_its_colours() -> None:
    # The inks are stored inverted (225, 155, 95 and K 215), and the first three as Y, Cb, Cr of 255 - ink, which the
    # Adobe marker tells by transform 2 (libjpeg, jdcolor.c, ycck_cmyk_convert).
    luma = np.asarray(Image.new("RGB", (8, 8), (30, 100, 160)).convert("YCbCr"))
    stored = np.dstack([luma, np.full((8, 8), 215, np.uint8)])
    data = bytearray(saved(Image.fromarray(255 - stored, "CMYK"), "JPEG", quality=100))  # Pillow inverts as it writes
    data[data.index(b"Adobe") + 11] = 2

    pixel = image_io.decode(bytes(data)).pixels[2, 2]

    assert (
        np.abs(pixel.astype(float) - np.array([225, 155, 95]) * 215 / 255).max() <= 3
    )  # one level of luma is three of blue here


def test_a_progressive_jpeg_is_the_same_photo_as_a_baseline_one() -> None:
    image = Image.fromarray(smooth_photo(70, 90))

    baseline, progressive = (image_io.decode(saved(image, "JPEG", progressive=kind)).pixels for kind in (False, True))

    assert np.array_equal(baseline, progressive)


@pytest.mark.parametrize("picture_format", ["PNG", "TIFF"])
def test_of_several_frames_the_first_is_taken(picture_format: str) -> None:
    frames = [Image.new("RGB", (8, 8), SKIN), Image.new("RGB", (8, 8), (0, 200, 0))]

    data = saved(frames[0], picture_format, save_all=True, append_images=frames[1:])

    assert image_io.decode(data).pixels[4, 4].tolist() == list(SKIN)


def test_an_animated_webp_is_refused() -> None:
    frames = [Image.new("RGB", (8, 8), SKIN), Image.new("RGB", (8, 8), (0, 200, 0))]

    data = saved(frames[0], "WebP", save_all=True, append_images=frames[1:])

    with pytest.raises(PictureUnreadable, match="it is an animated WebP; save one frame of it as a still picture"):
        image_io.decode(data)
