"""Uploads that are refused before a pixel is decoded, each by name and with what to do."""

import io
import struct
import zipfile
import zlib

import pytest

from skinseg_demo.pictures.receiving import Limits, ReceivedPicture
from skinseg_demo.pictures.stripping import strip
from skinseg_edge.errors import InputError, PictureTooLarge, PictureUnreadable
from tests.demo_app.pictures.uploads import disc_photo, encoded
from tests.dicom_by_hand import dicom_photograph

_JPEG = encoded(disc_photo((60, 80))[0])
_PNG = encoded(disc_photo((60, 80))[0], "PNG")
_WEBP = encoded(disc_photo((60, 80))[0], "WEBP")
_HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(200)
_SVG = b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'
_DICOM = dicom_photograph(1, 2, bytes(6), patient=b"Anna^Drawn")


def _archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "hidden")
    return out.getvalue()


def _read(data: bytes, limits: Limits | None = None) -> ReceivedPicture:
    return ReceivedPicture.read(io.BytesIO(data), limits or Limits())


@pytest.mark.parametrize(
    ("data", "what", "advice"),
    [
        (_HEIC, "a HEIC picture, as iPhones take them", "choose the camera format 'Most Compatible'"),
        (b"GIF89a" + bytes(30), "a GIF", "save it as JPEG or PNG"),
        (_SVG, "an SVG drawing", "take a photo"),
        (b"<!doctype html><html></html>", "a web page or drawing", "save the picture itself"),
        (b"%PDF-1.7\n", "a PDF document", "save the picture in it"),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(40), "a video", "save a frame of it"),
        (_archive(), "a ZIP archive", "unpack it"),
        (b"", "it is empty (0 bytes)", "upload the picture again"),
        (b"hello", "no picture", "save it as one of them"),
        (_DICOM, "a DICOM file, which names the patient", "export the picture in it"),
        (_JPEG[:-400], "ends early", "upload the picture again"),
        (_PNG[:-30], "ends early", "upload the picture again"),
        (_WEBP[:-30], "ends early", "upload the picture again"),
    ],
    ids=[
        *("HEIC", "GIF", "SVG", "HTML", "PDF", "video", "ZIP", "0 bytes", "text", "DICOM"),
        *("cut JPEG", "cut PNG", "cut WebP"),
    ],
)
def test_what_is_no_whole_picture_is_refused_by_name_and_with_what_to_do(data: bytes, what: str, advice: str) -> None:
    with pytest.raises(PictureUnreadable) as refused:
        _read(data)

    assert what in str(refused.value)
    assert advice in str(refused.value)


@pytest.mark.parametrize("picture", [_JPEG, _PNG, _WEBP], ids=["JPEG", "PNG", "WebP"])
@pytest.mark.parametrize(
    ("tail", "what"),
    [
        (_archive(), "a ZIP archive"),
        (b"\n<HTML><script>alert(1)</script>", "a web page"),
        (b"%PDF-1.4\n1 0 obj", "a PDF document"),
        (b"<?php system($_GET['c']); ?>", "a program"),
        (b"Rar!\x1a\x07\x00", "a RAR archive"),
    ],
    ids=["ZIP", "HTML", "PDF", "PHP", "RAR"],
)
def test_a_picture_that_is_something_else_too_is_refused_by_name(picture: bytes, tail: bytes, what: str) -> None:
    with pytest.raises(PictureUnreadable, match=f"in the same file as the .* picture {what} is hidden; take the"):
        _read(picture + tail)


def test_a_document_that_begins_in_a_comment_is_refused() -> None:
    comment = b"%PDF-1.4 1 0 obj"
    data = _JPEG[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + _JPEG[2:]

    with pytest.raises(PictureUnreadable, match="a PDF document is hidden"):
        _read(data)


def test_the_video_of_a_moving_picture_is_cut_off_and_no_reason_to_refuse() -> None:
    video = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42" + bytes(range(256)) * 40

    received = _read(_JPEG + video)

    assert strip(received).data == _JPEG


def test_as_many_bytes_as_the_limit_are_taken_and_one_more_is_not() -> None:
    assert _read(_JPEG, Limits(upload_bytes=len(_JPEG))).data == _JPEG
    with pytest.raises(PictureTooLarge, match=r"it has more than .* MB, which is the limit; choose a smaller size"):
        _read(_JPEG, Limits(upload_bytes=len(_JPEG) - 1))


def test_the_pixels_of_a_header_are_counted_before_any_is_decoded() -> None:
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    bomb = _PNG[:16] + header + struct.pack(">I", zlib.crc32(b"IHDR" + header)) + _PNG[33:]

    with pytest.raises(PictureTooLarge, match="20000 x 20000 = 400,000,000 pixels, the limit is 60,000,000"):
        _read(bomb)


def test_name_and_type_are_told_by_content_alone() -> None:
    assert [_read(data).header.format for data in (_JPEG, _PNG, _WEBP)] == ["JPEG", "PNG", "WebP"]


def test_no_change_of_a_byte_brings_anything_but_a_picture_or_a_sentence() -> None:
    sentences = {
        _sentence(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        for data in (_JPEG, _PNG, _WEBP)
        for at in range(min(len(data), 700))
    }

    assert None in sentences
    assert all(sentence.startswith("cannot ") for sentence in sentences - {None} if sentence)


def _sentence(data: bytes) -> str | None:
    try:
        strip(_read(data))
    except InputError as error:
        return str(error)
    return None
