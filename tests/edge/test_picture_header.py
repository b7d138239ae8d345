"""What is read before pixels: format, size and orientation of files made here, byte by byte or by Pillow."""

import io
import struct
import zlib

import pytest
from PIL import Image

from skinseg_edge.errors import PictureUnreadable
from skinseg_edge.picture_header import PictureHeader, check_whole, read_header

FORMATS = ["JPEG", "PNG", "WebP", "TIFF"]


def encoded(picture_format: str, width: int = 37, height: int = 23, **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (200, 120, 90)).save(out, picture_format, **options)
    return out.getvalue()


def exif_block(orientation: int, byte_order: str = "<", kind: int = 3) -> bytes:
    """Return an EXIF block (TIFF header and one directory) that holds tag 274 alone; *kind*: 3 SHORT, 4 LONG."""
    mark = b"II*\x00" if byte_order == "<" else b"MM\x00*"
    value = struct.pack(byte_order + ("H" if kind == 3 else "I"), orientation).ljust(4, b"\x00")
    return mark + struct.pack(byte_order + "IHHHI", 8, 1, 274, kind, 1) + value + bytes(4)


def jpeg_with(exif: bytes) -> bytes:
    payload = b"Exif\x00\x00" + exif
    jpeg = encoded("JPEG")
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + jpeg[2:]


def png_chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


@pytest.mark.parametrize("picture_format", [*FORMATS, "BMP"])
def test_size_and_format_are_told_by_content(picture_format: str) -> None:
    assert read_header(encoded(picture_format)) == PictureHeader(picture_format, 37, 23, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("picture_format", FORMATS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_read_from_every_format_that_tells_one(picture_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation

    assert read_header(encoded(picture_format, exif=exif)).orientation == orientation


@pytest.mark.parametrize("byte_order", ["<", ">"])
@pytest.mark.parametrize("kind", [3, 4])
def test_both_byte_orders_and_both_number_types_are_read(byte_order: str, kind: int) -> None:
    assert read_header(jpeg_with(exif_block(6, byte_order, kind))).orientation == 6


def test_a_big_endian_tiff_is_read() -> None:
    entries = [
        (256, 3, 5),
        (257, 3, 4),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 200),
        (274, 3, 8),
        (279, 4, 20),
    ]
    table = b"".join(
        struct.pack(">HHI", tag, kind, 1) + struct.pack(">H" if kind == 3 else ">I", value).ljust(4, b"\x00")
        for tag, kind, value in entries
    )
    data = (b"MM\x00*" + struct.pack(">IH", 8, len(entries)) + table).ljust(200, b"\x00") + bytes(20)

    assert read_header(data) == PictureHeader("TIFF", 5, 4, 8)
    check_whole(data)


@pytest.mark.parametrize("nonsense", [0, 9, 65535])
def test_an_orientation_outside_1_to_8_counts_as_upright(nonsense: int) -> None:
    assert read_header(jpeg_with(exif_block(nonsense))).orientation == 1


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"II",
        b"II*\x00\xff\xff\xff\x7f",
        exif_block(6)[:14],
        b"garbage that is no table",
        exif_block(6, kind=4)[:9],
    ],
)
def test_a_broken_exif_block_does_not_make_a_photo_unreadable(exif: bytes) -> None:
    assert read_header(jpeg_with(exif)).orientation == 1


def test_upright_size_swaps_rows_and_columns_from_orientation_5_on() -> None:
    sizes = [PictureHeader("JPEG", 40, 30, orientation).upright_hw for orientation in range(1, 9)]

    assert sizes == [(30, 40)] * 4 + [(40, 30)] * 4


def test_the_orientation_of_the_thumbnail_is_not_taken_for_that_of_the_photo() -> None:
    # The second directory of an EXIF block describes the thumbnail.
    photo = exif_block(3)
    with_next = (
        photo[:-4] + struct.pack("<I", len(photo)) + struct.pack("<HHHI", 1, 274, 3, 1) + b"\x06\0\0\0" + bytes(4)
    )

    assert read_header(jpeg_with(with_next)).orientation == 3


@pytest.mark.parametrize("options", [{"lossless": True}, {"lossless": False}, {"icc_profile": b"x" * 40}])
def test_all_three_kinds_of_webp_tell_their_size(options: dict[str, object]) -> None:
    assert read_header(encoded("WebP", 300, 17, **options)).upright_hw == (17, 300)


def test_a_webp_whose_canvas_and_image_disagree_is_refused() -> None:
    data = bytearray(encoded("WebP", icc_profile=b"x" * 40))
    data[data.index(b"VP8X") + 12] += 1  # canvas width

    with pytest.raises(PictureUnreadable, match="it says to have 37 x 23 and 38 x 23 pixels"):
        read_header(bytes(data))


def test_a_bmp_with_its_top_row_first_has_a_positive_height() -> None:
    data = bytearray(encoded("BMP"))
    data[22:26] = struct.pack("<i", -23)

    assert read_header(bytes(data)).upright_hw == (23, 37)


def test_an_old_bmp_header_is_read() -> None:
    header = b"BM" + struct.pack("<IHHI", 26 + 8, 0, 0, 26) + struct.pack("<IHHHH", 12, 2, 1, 1, 24)

    assert read_header(header + bytes(8)) == PictureHeader("BMP", 2, 1, 1)


def test_a_png_that_tells_its_orientation_after_the_pixels_is_read() -> None:
    data = encoded("PNG")
    end = data.index(b"IEND") - 4

    assert read_header(data[:end] + png_chunk(b"eXIf", exif_block(8)) + data[end:]).orientation == 8


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", r"it is empty \(0 bytes\)"),
        (
            b"hello, this is text",
            r"it begins with b'hello, t', which is no picture; expected JPEG, PNG, WebP, BMP or TIFF",
        ),
        (b"GIF89a" + bytes(20), "it is a GIF, expected JPEG, PNG, WebP, BMP or TIFF; save it as JPEG or PNG"),
        (
            b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(9),
            "a HEIC picture, as iPhones take them.*Most Comp",
        ),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1avif" + bytes(9), "it is an AVIF picture"),
        (b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  " + bytes(9), "it is a video"),
        (bytes(128) + b"DICM", "DICOM file ends early: how it is written"),
        (b"<!DOCTYPE html>", "it is a web page"),
        (b"BM, he said, and left", "which is no picture"),
        (b"\xff\xd8\xff", "JPEG file ends early: its size is not told"),
        (b"\x89PNG\r\n\x1a\n", "PNG file ends early: it has 8 bytes"),
        (b"RIFF\x10\x00\x00\x00WEBP", "WebP file ends early"),
        (b"II*\x00\x08\x00", "TIFF file ends early: its table of tags"),
        (b"II+\x00\x08\x00\x00\x00" + bytes(8), "BigTIFF"),
    ],
)
def test_what_is_no_picture_is_refused_with_the_reason(data: bytes, words: str) -> None:
    with pytest.raises(PictureUnreadable, match=words):
        read_header(data, "photo.jpg")


def test_errors_name_the_file() -> None:
    with pytest.raises(PictureUnreadable, match=r"^cannot read lesion\.jpg: it is empty"):
        read_header(b"", "lesion.jpg")


def test_four_inks_without_an_adobe_marker_are_refused() -> None:
    out = io.BytesIO()
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(out, "JPEG")
    plain = out.getvalue().replace(b"Adobe", b"Other", 1)

    with pytest.raises(PictureUnreadable, match=r"CMYK JPEG without an Adobe marker.*save it as an RGB picture"):
        read_header(plain)


@pytest.mark.parametrize("picture_format", [*FORMATS, "BMP"])
def test_a_whole_file_passes_and_so_do_bytes_behind_its_end(picture_format: str) -> None:
    check_whole(encoded(picture_format))
    check_whole(encoded(picture_format) + b"appended by a phone" * 9)


@pytest.mark.parametrize("picture_format", [*FORMATS, "BMP"])
@pytest.mark.parametrize("kept", [0.5, 0.8, 0.97])
def test_a_file_that_was_cut_off_is_refused(picture_format: str, kept: float) -> None:
    whole = encoded(picture_format, 120, 90)

    with pytest.raises(PictureUnreadable, match=r"ends early|damaged"):
        check_whole(whole[: int(len(whole) * kept)])


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_photo() -> None:
    thumbnail = encoded("JPEG", 8, 8)
    photo = jpeg_with(exif_block(1) + thumbnail)

    check_whole(photo)
    with pytest.raises(PictureUnreadable, match="its end marker is missing"):
        check_whole(photo[:-2])


def test_a_progressive_jpeg_cut_between_two_scans_is_refused() -> None:
    photo = encoded("JPEG", 64, 64, progressive=True)
    last_scan = photo.rindex(b"\xff\xda")

    with pytest.raises(PictureUnreadable, match="copy or upload the picture again"):
        check_whole(photo[:last_scan])


def test_a_png_chunk_that_does_not_match_its_checksum_is_refused() -> None:
    data = bytearray(encoded("PNG"))
    data[data.index(b"IDAT") + 8] ^= 1

    with pytest.raises(PictureUnreadable, match=r"its IDAT chunk at byte \d+ does not match its checksum"):
        check_whole(bytes(data))


def test_a_palette_png_without_its_palette_is_refused() -> None:
    out = io.BytesIO()
    Image.new("P", (8, 8)).save(out, "PNG")
    data = out.getvalue()
    start = data.index(b"PLTE") - 4
    end = data.index(b"IDAT") - 4

    with pytest.raises(PictureUnreadable, match="its palette is missing"):
        check_whole(data[:start] + data[end:])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xd8" + b"\xff\xe0\x00\x02" * 200_000, "JPEG file is damaged: it is made of more than 100,000 parts"),
        (b"\xff\xd8" * 200_000, "JPEG file is damaged: it is made of more than 100,000 parts"),
        (encoded("PNG")[:33] + png_chunk(b"teXt", b"") * 200_000, "PNG file is damaged: it is made of more than"),
        (b"RIFF\xff\xff\xff\x0fWEBP" + b"NONE\0\0\0\0" * 200_000, "WebP file is damaged: it is made of more than"),
    ],
    ids=["jpeg segments", "jpeg beginnings", "png chunks", "webp chunks"],
)
def test_a_file_of_endless_empty_parts_is_given_up(data: bytes, words: str) -> None:
    with pytest.raises(PictureUnreadable, match=words):
        read_header(data)


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    photo = encoded("JPEG", 8, 8)
    scan = photo[photo.index(b"\xff\xda") : -2]

    with pytest.raises(PictureUnreadable, match="its pixels come in more than 100 scans"):
        check_whole(photo[:-2] + scan * 100 + photo[-2:])


def test_a_tiff_of_floating_point_is_refused_with_what_is_expected() -> None:
    out = io.BytesIO()
    Image.new("F", (8, 8), 0.5).save(out, "TIFF")

    with pytest.raises(PictureUnreadable, match="sample format 3, expected grey, palette, RGB"):
        check_whole(out.getvalue())
