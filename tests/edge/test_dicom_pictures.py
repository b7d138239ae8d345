"""Photographs in DICOM files: every form that they come in gives the same colours; what is none is refused by name."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from skinseg_edge import image_io
from skinseg_edge.errors import PictureTooLarge, PictureUnreadable
from skinseg_edge.picture_header import read_header
from tests.edge.drawn_pictures import smooth_photo
from tests.fresh_interpreter import run_python

pytest.importorskip("pydicom", reason="needs pydicom to write the files (extra dicom)")

# Below the line that skips this file where they are missing.
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.processing import apply_color_lut, convert_color_space
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from tests.edge.drawn_dicom import (
    CAPTURE,
    CT,
    DERMOSCOPIC,
    PHOTOGRAPH,
    dataset_of,
    encapsulated,
    file_of,
    jpeg_of,
)

SIZES = [(48, 66), (37, 51)]  # both sides odd in the second
PHOTO = smooth_photo(48, 66)


def decoded(data: bytes) -> NDArray[np.int32]:
    picture = image_io.decode(data)
    assert picture.format == "DICOM"
    assert picture.full_hw == picture.pixels.shape[:2]
    assert picture.pixels.flags.c_contiguous
    assert picture.pixels.flags.writeable
    return picture.pixels.astype(np.int32)


def apart(these: NDArray[np.int32], photo: NDArray[np.uint8]) -> int:
    assert these.shape == photo.shape
    return int(np.abs(these - photo).max())


def ycbcr(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(convert_color_space(photo, "RGB", "YBR_FULL"), np.uint8)


# Uncompressed


@pytest.mark.parametrize("hw", SIZES)
@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian],
    ids=["implicit", "explicit", "deflated"],
)
@pytest.mark.parametrize("planar", [0, 1])
def test_an_uncompressed_photograph_keeps_every_level(hw: tuple[int, int], syntax: str, planar: int) -> None:
    photo = smooth_photo(*hw)
    dataset = dataset_of(photo, PlanarConfiguration=planar)
    if planar:
        dataset.PixelData = photo.transpose(2, 0, 1).tobytes() + bytes(photo.size % 2)

    assert apart(decoded(file_of(dataset, syntax=syntax)), photo) == 0


@pytest.mark.parametrize("hw", SIZES)
@pytest.mark.parametrize("kind", ["OB", "OW"])
def test_bytes_in_big_endian_words_are_put_in_their_order(hw: tuple[int, int], kind: str) -> None:
    photo = smooth_photo(*hw)
    dataset = dataset_of(photo)
    data = photo.tobytes() + bytes(photo.size % 2)
    dataset["PixelData"].VR = kind
    dataset["PixelData"].value = np.frombuffer(data, "<u2").astype(">u2").tobytes() if kind == "OW" else data

    assert apart(decoded(file_of(dataset, syntax=ExplicitVRBigEndian)), photo) == 0


@pytest.mark.parametrize("kind", [PHOTOGRAPH, DERMOSCOPIC, CAPTURE, f"{CAPTURE}.4"])
def test_every_kind_that_holds_a_photograph_is_read(kind: str) -> None:
    assert apart(decoded(file_of(dataset_of(PHOTO, kind, NumberOfFrames="1"))), PHOTO) == 0


@pytest.mark.parametrize("hw", SIZES)
def test_luma_and_chroma_without_compression_become_the_colours_they_came_from(hw: tuple[int, int]) -> None:
    photo = smooth_photo(*hw)

    assert apart(decoded(file_of(dataset_of(ycbcr(photo), photometric="YBR_FULL"))), photo) <= 2


def test_pairs_of_pixels_that_share_their_chroma_are_spread() -> None:
    full = ycbcr(PHOTO)
    pairs = np.empty((48, 33, 4), np.uint8)
    pairs[:, :, :2], pairs[:, :, 2:] = full[:, :, 0].reshape(48, 33, 2), full[:, ::2, 1:]
    dataset = dataset_of(full, photometric="YBR_FULL_422")
    dataset.PixelData = pairs.tobytes()

    full[:, 1::2, 1:] = full[:, ::2, 1:]
    expected = np.asarray(convert_color_space(full, "YBR_FULL", "RGB"), np.uint8)
    assert apart(decoded(file_of(dataset)), expected) <= 1


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian], ids=["little", "big"])
def test_grey_is_scaled_over_its_whole_range(photometric: str, bits: int, syntax: str) -> None:
    grey = PHOTO[:, :, 0]
    most = 2**bits - 1
    stored = np.rint(grey / 255 * most).astype(np.uint8 if bits == 8 else np.uint16)
    stored = np.asarray(most - stored if photometric == "MONOCHROME1" else stored, stored.dtype)
    dataset = dataset_of(stored, CAPTURE, photometric, BitsStored=bits, HighBit=bits - 1)
    if syntax == ExplicitVRBigEndian and bits > 8:
        dataset.PixelData = stored.astype(">u2").tobytes()

    pixels = decoded(file_of(dataset, syntax=syntax))

    assert apart(pixels, np.repeat(grey[:, :, None], 3, axis=2)) <= 1


@pytest.mark.parametrize("bits", [8, 16])
def test_a_palette_gives_the_colours_that_it_lists(bits: int) -> None:
    drawn = Image.fromarray(PHOTO).quantize(40)
    numbers = np.asarray(drawn, np.uint8) + np.uint8(3)  # the palette begins at 3
    palette = np.array(drawn.getpalette(), np.uint8).reshape(-1, 3)[:40]
    dataset = dataset_of(numbers, CAPTURE, "PALETTE COLOR")
    for channel, colour in enumerate(("Red", "Green", "Blue")):
        table = palette[:, channel].astype(np.uint16) * (257 if bits == 16 else 1)
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [40, 3, bits])
        setattr(
            dataset,
            f"{colour}PaletteColorLookupTableData",
            table.astype("<u2" if bits == 16 else np.uint8).tobytes(),
        )

    pixels = decoded(file_of(dataset))

    assert apart(pixels, np.asarray(drawn.convert("RGB"))) == 0
    theirs = apply_color_lut(numbers, dataset)
    assert apart(pixels, np.asarray(theirs >> 8 if bits == 16 else theirs, np.uint8)) == 0


# Compressed


@pytest.mark.parametrize("hw", SIZES)
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless], ids=["RLE", "JPEG-LS"])
def test_lossless_frames_without_a_transform_keep_what_is_declared(
    hw: tuple[int, int], photometric: str, syntax: str
) -> None:
    photo = smooth_photo(*hw)
    dataset = dataset_of(ycbcr(photo) if photometric == "YBR_FULL" else photo, photometric=photometric)
    dataset.compress(syntax, generate_instance_uid=False)

    assert apart(decoded(file_of(dataset, syntax=syntax)), photo) <= (2 if photometric == "YBR_FULL" else 0)


def test_run_lengths_of_two_bytes_a_level_come_highest_byte_first() -> None:
    deep = np.asarray(PHOTO[:, :, 0].astype(np.uint16) * 257, np.uint16)
    dataset = dataset_of(deep, CAPTURE, "MONOCHROME2")
    dataset.compress(RLELossless, generate_instance_uid=False)

    assert apart(decoded(file_of(dataset, syntax=RLELossless)), np.repeat(PHOTO[:, :, :1], 3, axis=2)) == 0


@pytest.mark.parametrize("hw", SIZES)
@pytest.mark.parametrize(
    ("syntax", "photometric", "options", "tolerance"),
    [
        (JPEG2000Lossless, "YBR_RCT", {"mct": 1, "irreversible": False}, 0),
        (JPEG2000Lossless, "RGB", {"mct": 0, "irreversible": False}, 0),
        (JPEG2000, "YBR_ICT", {"mct": 1, "irreversible": True, "quality_layers": [4]}, 4),
        # A maker that wrote R, G, B through the transform and then called them Y, Cb, Cr.
        (JPEG2000Lossless, "YBR_FULL", {"mct": 1, "irreversible": False}, 0),
    ],
)
def test_jpeg_2000_is_turned_back_once(
    hw: tuple[int, int], syntax: str, photometric: str, options: dict[str, object], tolerance: int
) -> None:
    photo = smooth_photo(*hw)
    out = io.BytesIO()
    Image.fromarray(photo).save(out, "JPEG2000", no_jp2=True, **options)

    data = encapsulated(dataset_of(photo), out.getvalue(), syntax, photometric)

    assert apart(decoded(data), photo) <= tolerance


def without_segments(jpeg: bytes) -> bytes:
    """Take JFIF's and Adobe's segment out, so that nothing tells what the channels are."""
    at = 2
    while jpeg[at + 1] in (0xE0, 0xEE):
        jpeg = jpeg[:at] + jpeg[at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big") :]
    return jpeg


def called_r_g_b(jpeg: bytes) -> bytes:
    """Call the three channels "R", "G", "B" in the header of the frame and of its scan."""
    out = bytearray(without_segments(jpeg))
    frame, scan = out.index(b"\xff\xc0") + 10, out.index(b"\xff\xda") + 5
    for channel, letter in enumerate(b"RGB"):
        out[frame + 3 * channel] = out[scan + 2 * channel] = letter
    return bytes(out)


@pytest.mark.parametrize("hw", SIZES)
@pytest.mark.parametrize(
    ("frame", "photometric"),
    [
        (lambda photo: jpeg_of(photo, subsampling="4:2:2"), "YBR_FULL_422"),
        (lambda photo: jpeg_of(photo, subsampling="4:2:0"), "YBR_FULL_422"),
        (lambda photo: jpeg_of(photo, subsampling="4:4:4"), "YBR_FULL"),
        (lambda photo: without_segments(jpeg_of(photo, subsampling="4:2:2")), "YBR_FULL_422"),
        (lambda photo: jpeg_of(photo, keep_rgb=True), "RGB"),
        (lambda photo: without_segments(jpeg_of(photo, keep_rgb=True)), "RGB"),
        # Makers that declare what is not so: the JPEG knows.
        (lambda photo: jpeg_of(photo, keep_rgb=True), "YBR_FULL_422"),
        (lambda photo: called_r_g_b(jpeg_of(photo, keep_rgb=True)), "YBR_FULL_422"),
        (lambda photo: jpeg_of(photo), "RGB"),
        (lambda photo: without_segments(jpeg_of(photo, subsampling="4:2:0")), "RGB"),
    ],
    ids=[
        "YCbCr 4:2:2",
        "YCbCr 4:2:0",
        "YCbCr 4:4:4",
        "YCbCr that says nothing",
        "RGB by Adobe",
        "RGB that says nothing",
        "RGB by Adobe, declared YBR",
        "channels R G B, declared YBR",
        "YCbCr by JFIF, declared RGB",
        "subsampled, declared RGB",
    ],
)
def test_jpeg_frames_have_the_colours_that_were_photographed(
    hw: tuple[int, int], frame: Callable[[NDArray[np.uint8]], bytes], photometric: str
) -> None:
    photo = smooth_photo(*hw)

    data = encapsulated(dataset_of(photo), frame(photo), JPEGBaseline8Bit, photometric)

    # Pillow decodes what it wrote to the same: with halved chroma the edge of the drawn lesion is up to 25 levels off.
    from_pillow = np.asarray(Image.open(io.BytesIO(jpeg_of(photo, subsampling="4:2:0"))).convert("RGB"), np.int32)
    difference = np.abs(decoded(data) - photo)
    assert difference.mean() <= 1.5
    assert difference.max() <= max(3, np.abs(from_pillow - photo).max())


def test_colours_after_chroma_of_half_the_width_and_jpeg_are_within_three_levels_where_they_are_smooth() -> None:
    y, x = np.mgrid[:64, :96]
    photo = np.stack([200 - x // 2, 120 + y // 2, 90 + x // 4], axis=2).astype(np.uint8)

    data = encapsulated(dataset_of(photo), jpeg_of(photo, subsampling="4:2:2"), JPEGBaseline8Bit, "YBR_FULL_422")

    assert apart(decoded(data), photo) <= 3


def test_a_grey_jpeg_is_grey() -> None:
    out = io.BytesIO()
    Image.fromarray(PHOTO).convert("L").save(out, "JPEG", quality=95)
    grey = np.asarray(Image.fromarray(PHOTO).convert("L"))

    pixels = decoded(encapsulated(dataset_of(grey, CAPTURE), out.getvalue(), JPEGBaseline8Bit, "MONOCHROME2"))

    assert apart(pixels, np.repeat(np.asarray(Image.open(out))[:, :, None], 3, axis=2)) == 0


def test_a_frame_in_several_parts_is_put_together() -> None:
    whole = encapsulated(dataset_of(PHOTO), jpeg_of(PHOTO), JPEGBaseline8Bit, "YBR_FULL_422")
    parts = encapsulated(dataset_of(PHOTO), jpeg_of(PHOTO), JPEGBaseline8Bit, "YBR_FULL_422", parts=3)

    assert parts != whole
    assert np.array_equal(decoded(parts), decoded(whole))


# 8 x 6 px, red and green ramps: by dcmtk 3.6.7, dcmcjpeg +e1, of an uncompressed file of these levels.
LOSSLESS_FRAME = base64.b64decode(
    "/9j/wwARCAAGAAgDABEAAREAAhEA/8QAGAABAQEBAQAAAAAAAAAAAAAAAAQDBgf/2gAMAwAAAQACAAEAAPSJ+ZmJiYmJiYmG6YmJ"
    "iYmJiYbpiYmJiYmJhumJiYmJiYmG6YmJiYmJiYbpiYmJiYmJj//Z"
)


def test_lossless_jpeg_keeps_every_level_or_says_what_to_install() -> None:
    y, x = np.mgrid[:6, :8]
    photo = np.stack([200 - 9 * x, 120 + 7 * y, 90 + 0 * x], axis=2).astype(np.uint8)
    data = encapsulated(dataset_of(photo), LOSSLESS_FRAME, JPEGLosslessSV1, "RGB")

    if cv2.imdecode(np.frombuffer(LOSSLESS_FRAME, np.uint8), cv2.IMREAD_COLOR) is None:  # OpenCV before 4.12
        with pytest.raises(PictureUnreadable, match="compressed as lossless JPEG, for which no decoder is installed"):
            image_io.decode(data)
    else:
        assert apart(decoded(data), photo) == 0


def test_an_exif_orientation_inside_the_frame_turns_nothing() -> None:
    exif = Image.Exif()
    exif[274] = 6

    turned = encapsulated(dataset_of(PHOTO), jpeg_of(PHOTO, exif=exif), JPEGBaseline8Bit, "YBR_FULL_422")

    assert image_io.decode(turned).orientation == 1
    assert np.abs(decoded(turned) - PHOTO).mean() <= 1.5


def test_a_photo_is_decoded_at_full_size_even_where_less_would_do() -> None:
    data = encapsulated(dataset_of(PHOTO), jpeg_of(PHOTO), JPEGBaseline8Bit, "YBR_FULL_422")

    assert image_io.decode(data, at_least_hw=(4, 4)).pixels.shape == PHOTO.shape


def test_a_grey_dicom_file_may_be_a_mask() -> None:
    mask = PHOTO[:, :, 0] < 100

    assert np.array_equal(image_io.decode_mask(file_of(dataset_of(mask * np.uint8(255), CAPTURE, "MONOCHROME2"))), mask)


# Sequences on the way to the pixels


@pytest.mark.parametrize("undefined", [False, True], ids=["with lengths", "without lengths"])
@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian], ids=["implicit", "explicit"])
def test_a_thumbnail_in_a_sequence_is_not_taken_for_the_photograph(undefined: bool, syntax: str) -> None:
    small = dataset_of(smooth_photo(8, 8))
    icon = Dataset()
    for keyword in ("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "PixelData"):
        setattr(icon, keyword, getattr(small, keyword))
    icon["PixelData"].VR = "OB"
    dataset = dataset_of(PHOTO, IconImageSequence=[icon])
    dataset["IconImageSequence"].is_undefined_length = undefined
    dataset.IconImageSequence[0].is_undefined_length_sequence_item = undefined

    data = file_of(dataset, syntax=syntax)

    assert read_header(data).upright_hw == (48, 66)
    assert apart(decoded(data), PHOTO) == 0


# What is refused


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (CT, "holds a CT image"),
        ("1.2.840.10008.5.1.4.1.1.77.1.4.1", "holds a video"),
        ("1.2.840.10008.5.1.4.1.1.66.4", "holds a segmentation"),
        ("1.2.840.10008.5.1.4.1.1.88.33", "holds a structured report"),
        ("1.2.3", "holds an object of the kind '1.2.3'"),
    ],
)
def test_what_is_no_photograph_is_refused_by_name(kind: str, what: str) -> None:
    with pytest.raises(PictureUnreadable, match=f"it is a DICOM file that {what}, expected VL Photographic, Dermosc"):
        image_io.decode(file_of(dataset_of(PHOTO, kind)))


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"NumberOfFrames": "12"}, "it is a DICOM file of '12' frames, expected a photograph of one"),
        ({"PhotometricInterpretation": "YBR_PARTIAL_420"}, "3 numbers a pixel are 'YBR_PARTIAL_420', expected RGB"),
        ({"PhotometricInterpretation": "MONOCHROME2"}, "3 numbers a pixel are 'MONOCHROME2', expected RGB"),
        ({"SamplesPerPixel": 4}, "4 numbers a pixel with 8 bits each, expected 1 or 3 with 8 or 16"),
        ({"BitsAllocated": 32}, "3 numbers a pixel with 32 bits each"),
        ({"PixelRepresentation": 1}, "whose pixels may be less than 0"),
        ({"BitsStored": 9}, "its header says 9 of 8 bits with 7 as the highest"),
        ({"Rows": 0}, "its header says 66 x 0 pixels"),
        ({"Rows": 49}, "its pixels take 9,504 bytes, its header says 9,702"),
    ],
)
def test_a_picture_that_is_told_in_another_way_is_refused_in_a_sentence(elements: dict[str, Any], words: str) -> None:
    with pytest.raises(PictureUnreadable, match=words):
        image_io.decode(file_of(dataset_of(PHOTO, **elements)))


def test_a_palette_in_segments_is_refused_for_it_may_unfold_without_end() -> None:
    dataset = dataset_of(PHOTO[:, :, 0], CAPTURE, "PALETTE COLOR")
    dataset.RedPaletteColorLookupTableDescriptor = [256, 0, 16]
    dataset.SegmentedRedPaletteColorLookupTableData = bytes(12)

    with pytest.raises(PictureUnreadable, match="whose palette is told in segments, which is not read here"):
        image_io.decode(file_of(dataset))


def test_a_compression_that_nothing_here_decodes_is_named_with_what_to_install() -> None:
    data = encapsulated(dataset_of(PHOTO), b"\xff\x4f\xff\x51" + bytes(60), "1.2.840.10008.1.2.4.201", "YBR_RCT")

    with pytest.raises(
        PictureUnreadable,
        match=r"High-Throughput JPEG 2000, for which no decoder .* pip install 'skinseg-edge\[dicom\]'",
    ):
        image_io.decode(data)


def test_a_file_that_was_cut_off_anywhere_is_refused() -> None:
    for data in (
        file_of(dataset_of(PHOTO)),
        encapsulated(dataset_of(PHOTO), jpeg_of(PHOTO), JPEGBaseline8Bit, "YBR_FULL_422"),
    ):
        for end in (132, 140, 200, 400, len(data) // 2, len(data) - 20):
            with pytest.raises(PictureUnreadable, match=r"ends early|DICOM file that holds|damaged"):
                image_io.decode(data[:end])


# What is meant to hurt


def test_the_limit_on_pixels_holds_before_anything_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encapsulated(
        dataset_of(PHOTO, Rows=20_000, Columns=20_000), jpeg_of(PHOTO), JPEGBaseline8Bit, "YBR_FULL_422"
    )
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))

    with pytest.raises(PictureTooLarge, match="20000 x 20000 = 400,000,000 pixels, the limit is 60,000,000"):
        image_io.decode(data)


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEG2000, JPEGLSLossless, RLELossless])
def test_a_frame_larger_than_the_header_says_is_refused_before_it_is_decoded(
    syntax: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = smooth_photo(64, 96)
    if syntax in (JPEGLSLossless, RLELossless):
        other = dataset_of(large)
        other.compress(syntax, generate_instance_uid=False)
        frame = next(generate_frames(other.PixelData, number_of_frames=1))
    else:
        out = io.BytesIO()
        Image.fromarray(large).save(out, *(["JPEG2000"] if syntax == JPEG2000 else ["JPEG"]), no_jp2=True)
        frame = out.getvalue()
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))

    if syntax == RLELossless:  # tells no size: what is too much is left out
        assert decoded(encapsulated(dataset_of(PHOTO), frame, syntax, "RGB")).shape == PHOTO.shape
    else:
        with pytest.raises(PictureUnreadable, match=r"its frame has \(64, 96\) pixels, its header says \(48, 66\)"):
            decoded(encapsulated(dataset_of(PHOTO), frame, syntax, "RGB"))


@pytest.mark.parametrize(
    ("levels", "allocated", "stored"),
    [
        (PHOTO, 16, 16),
        (PHOTO, 16, 12),
        (PHOTO.astype(np.uint16) * 257, 8, 8),
        (PHOTO.astype(np.uint16) * 257, 16, 12),
    ],
    ids=["8 as 16", "8 as 12", "16 as 8", "16 as 12"],
)
def test_a_frame_of_other_numbers_than_the_header_says_gives_no_wrong_picture(
    levels: NDArray[np.uint8 | np.uint16], allocated: int, stored: int
) -> None:
    frame = cv2.imencode(".jp2", levels[:, :, ::-1])[1].tobytes()
    told = dataset_of(PHOTO, BitsAllocated=allocated, BitsStored=stored, HighBit=stored - 1)

    with pytest.raises(PictureUnreadable, match=f"its frame has other numbers than the {stored} bits"):
        decoded(encapsulated(told, frame[frame.index(b"\xff\x4f\xff\x51") :], JPEG2000, "RGB"))


def test_a_deflated_file_unfolds_no_further_than_its_pixels() -> None:
    import tracemalloc

    dataset = dataset_of(PHOTO)
    dataset.PixelData = bytes(60_000_000)  # deflates to 60 kB
    data = file_of(dataset, syntax=DeflatedExplicitVRLittleEndian)
    del dataset
    assert len(data) < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(PictureUnreadable, match="its pixels take 60,000,000 bytes, its header says 9,504"):
            image_io.decode(data)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert most < 40_000_000  # 16 MiB for what comes before the pixels, and a copy


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        (b"\x08\x00\x06\x00SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff", "lie more than 32 deep"),
        (b"\x09\x00\x01\x10LO\x00\x00", "it is made of more than 100,000 parts"),
        (b"\xfe\xff\x0d\xe0\x00\x00\x00\x00", "a sequence ends at byte .* that never began"),
    ],
    ids=["sequences in sequences", "a million empty elements", "ends without a beginning"],
)
def test_a_structure_that_only_costs_is_given_up(inside: bytes, words: str) -> None:
    head = file_of(dataset_of(PHOTO))
    start = head.index(b"\x08\x00\x08\x00CS")  # where the data set begins

    with pytest.raises(PictureUnreadable, match=words):
        image_io.decode(head[:start] + inside * 1_000_000)


def fuzzed(seed: int) -> bytes:
    """Change one of the forms above at some places, cut it, or write extreme numbers where lengths may be."""
    rng = np.random.default_rng(seed)
    data = bytearray(FORMS[seed % len(FORMS)])
    way = seed // len(FORMS) % 4
    if way == 0:
        for place in rng.integers(128, len(data), int(rng.integers(1, 9))):
            data[place] ^= 1 << int(rng.integers(8))
    elif way == 1:
        for place in rng.integers(128, min(len(data), 1400), int(rng.integers(1, 5))):
            data[place] = int(rng.integers(256))
    elif way == 2:
        del data[int(rng.integers(132, len(data))) :]
    else:
        place = int(rng.integers(132, min(len(data), 1600)))
        data[place : place + 4] = [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\xfe\xff\0\xe0"][seed % 3]
    return bytes(data)


def _forms() -> list[bytes]:
    forms = [
        file_of(dataset_of(PHOTO), syntax=ImplicitVRLittleEndian),
        file_of(dataset_of(PHOTO, IconImageSequence=[Dataset()])),
        file_of(dataset_of(PHOTO), syntax=DeflatedExplicitVRLittleEndian),
        encapsulated(dataset_of(PHOTO), jpeg_of(PHOTO), JPEGBaseline8Bit, "YBR_FULL_422", parts=2),
    ]
    for syntax in (RLELossless, JPEGLSLossless):
        dataset = dataset_of(PHOTO)
        dataset.compress(syntax, generate_instance_uid=False)
        forms.append(file_of(dataset, syntax=syntax))
    return forms


FORMS = _forms()


def test_six_hundred_damaged_files_give_a_picture_or_our_own_error() -> None:
    ends = {"picture": 0, "error": 0}
    for seed in range(600):
        words = ""
        try:
            image_io.decode(fuzzed(seed), max_pixels=1_000_000)
        except (PictureUnreadable, PictureTooLarge) as error:
            words = str(error)
        assert not words or (words.startswith("cannot read the picture: ") and words.isprintable())
        ends["error" if words else "picture"] += 1

    assert min(ends.values()) > 100  # the changes neither miss everything nor hit the mark alone


# Without the extra


_DECODE_WITHOUT = """
import json
from pathlib import Path
from skinseg_edge import image_io
from skinseg_edge.errors import PictureUnreadable
told = {}
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        told[path.name] = int(image_io.decode(path).pixels.shape[1])
    except PictureUnreadable as error:
        told[path.name] = str(error)
print(json.dumps(told))
"""


def test_common_forms_need_no_extra_and_the_others_name_it(tmp_path: Path) -> None:
    for name, data in zip(("implicit", "explicit", "deflated", "jpeg", "rle", "ls"), FORMS, strict=True):
        (tmp_path / name).write_bytes(data)

    finished = run_python(_DECODE_WITHOUT, str(tmp_path), barred=["pydicom", "highdicom"], cwd=tmp_path)

    assert finished.returncode == 0, finished.stderr
    told = json.loads(finished.stdout)
    assert "compressed as JPEG-LS, for which no decoder is installed here; run pip install" in told.pop("ls")
    assert set(told.values()) == {66}
