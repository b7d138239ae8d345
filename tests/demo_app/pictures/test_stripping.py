"""What is kept of a picture's bytes: the same pixels, which way is up, when; nothing else."""

import io
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from skinseg_demo.pictures.capture_facts import CaptureFacts, exif_from_facts, facts_from_exif
from skinseg_demo.pictures.receiving import Limits, ReceivedPicture
from skinseg_demo.pictures.stripping import strip
from skinseg_edge.errors import PictureUnreadable
from skinseg_edge.image_io import decode
from tests.demo_app.pictures.uploads import SECRETS, disc_photo, encoded, exif_with_secrets

_XMP = b'<x:xmpmeta xmlns:x="http://ns.adobe.com/"><exif:GPSLatitude>52,31.1234N</exif:GPSLatitude></x:xmpmeta>'
_PHOTO = disc_photo((120, 160))[0]


def _received(data: bytes) -> ReceivedPicture:
    return ReceivedPicture.read(io.BytesIO(data), Limits())


def _jpeg_segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload


def _phone_jpeg(**options: Any) -> bytes:
    """A JPEG with EXIF, a thumbnail in it, XMP, IPTC, a comment, and a second picture and a video behind it."""
    plain = encoded(_PHOTO, exif=exif_with_secrets(6), **options)
    more = (
        _jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00" + _XMP),
        _jpeg_segment(0xED, b"Photoshop 3.0\x008BIM Nurse Njeri"),
        _jpeg_segment(0xE0, b"JFXX\x00\x10" + encoded(_PHOTO[:16, :16])),
        _jpeg_segment(0xFE, b"CameraMaker-Q SerialNo-4711"),
    )
    behind = encoded(_PHOTO[:32, :32], comment=b"SerialNo-4711") + b"\x00\x00\x00\x18ftypmp42 SerialNo-4711"
    return plain[:2] + b"".join(more) + plain[2:] + behind


def _png() -> bytes:
    words = PngImagePlugin.PngInfo()
    words.add_text("Author", "Nurse Njeri")
    words.add_itxt("XML:com.adobe.xmp", _XMP.decode())
    words.add_text("Serial", "SerialNo-4711", zip=True)
    return encoded(_PHOTO, "PNG", pnginfo=words, exif=exif_with_secrets(6))


def _webp() -> bytes:
    return encoded(_PHOTO, "WEBP", exif=exif_with_secrets(6), xmp=_XMP, lossless=True)


@pytest.mark.parametrize(
    "data",
    [_phone_jpeg(), _phone_jpeg(progressive=True), _phone_jpeg(restart_marker_blocks=2), _png(), _webp()],
    ids=["JPEG", "progressive JPEG", "JPEG with restarts", "PNG", "WebP"],
)
def test_place_serials_and_names_are_gone_and_every_pixel_stays(data: bytes) -> None:
    stripped = strip(_received(data))

    assert b"SerialNo-4711" in data
    assert SECRETS[3] in data
    assert [secret for secret in SECRETS if secret in stripped.data] == []
    assert b"SerialNo" not in b"".join(_inflated(stripped.data))
    np.testing.assert_array_equal(decode(stripped.data).pixels, decode(data).pixels)


def _inflated(data: bytes) -> list[bytes]:
    """Inflate what a PNG may hold deflated."""
    found = []
    for at in range(len(data)):
        if data[at : at + 1] == b"\x78":
            try:
                found.append(zlib.decompressobj().decompress(data[at:], 10_000))
            except zlib.error:
                continue
    return found


@pytest.mark.parametrize("data", [_phone_jpeg(), _png(), _webp()], ids=["JPEG", "PNG", "WebP"])
def test_the_time_and_which_way_is_up_stay_and_are_all_that_the_exif_block_tells(data: bytes) -> None:
    with Image.open(io.BytesIO(strip(_received(data)).data)) as opened:
        exif = opened.getexif()

    assert set(exif) == {0x0112, 0x8769}
    assert exif[0x0112] == 6
    assert exif.get_ifd(0x8769) == {0x9003: "2026:11:20 08:30:00"}


def test_a_thumbnail_inside_the_exif_block_is_gone() -> None:
    plain = encoded(_PHOTO)
    thumbnail = encoded(_PHOTO[:24, :24])
    second = b"\x02\x00" + b"\x01\x02\x04\x00\x01\x00\x00\x00\x2c\x00\x00\x00"  # JPEGInterchangeFormat at byte 44
    second += b"\x02\x02\x04\x00\x01\x00\x00\x00" + len(thumbnail).to_bytes(4, "little") + b"\x00\x00\x00\x00"
    block = b"II*\x00\x08\x00\x00\x00\x00\x00\x0e\x00\x00\x00" + second + thumbnail
    data = plain[:2] + _jpeg_segment(0xE1, b"Exif\x00\x00" + block) + plain[2:]

    stripped = strip(_received(data)).data

    assert thumbnail in data
    assert stripped.count(b"\xff\xd8\xff") == 1
    assert len(stripped) <= len(plain)


def test_a_colour_profile_of_a_jpeg_stays() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    stripped = strip(_received(encoded(_PHOTO, icc_profile=profile, exif=exif_with_secrets()))).data

    with Image.open(io.BytesIO(stripped)) as opened:
        assert opened.info["icc_profile"] == profile


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_four_ink_jpegs_keep_their_pixels(mode: str) -> None:
    out = io.BytesIO()
    Image.fromarray(_PHOTO).convert(mode).save(out, "JPEG", exif=exif_with_secrets(3))
    data = out.getvalue()

    stripped = strip(_received(data)).data

    np.testing.assert_array_equal(decode(stripped).pixels, decode(data).pixels)


def test_only_a_picture_without_a_way_to_strip_it_is_kept_anew() -> None:
    kept = {name: strip(_received(encoded(_PHOTO, name))) for name in ("JPEG", "PNG", "WEBP", "TIFF", "BMP")}

    assert {name: (made.extension, made.is_kept) for name, made in kept.items()} == {
        "JPEG": ("jpg", True),
        "PNG": ("png", True),
        "WEBP": ("webp", True),
        "TIFF": ("png", False),
        "BMP": ("png", False),
    }


@pytest.mark.parametrize("data", [_phone_jpeg(), _png(), _webp()], ids=["JPEG", "PNG", "WebP"])
def test_stripping_twice_changes_nothing_more(data: bytes) -> None:
    once = strip(_received(data)).data

    assert strip(_received(once)).data == once


def test_random_changes_in_the_head_never_lose_a_pixel_unnoticed() -> None:
    data = bytearray(_phone_jpeg())
    random = np.random.default_rng(3)
    outcomes = set()
    for _ in range(300):
        changed = bytearray(data)
        changed[int(random.integers(2, 900))] = int(random.integers(256))
        outcomes.add(_outcome(bytes(changed)))

    assert outcomes <= {"same pixels", "refused"}
    assert "same pixels" in outcomes


def _outcome(data: bytes) -> str:
    try:
        before = decode(data).pixels
        after = decode(strip(_received(data)).data).pixels
    except PictureUnreadable:
        return "refused"
    return "same pixels" if np.array_equal(before, after) else "other pixels"


@pytest.mark.parametrize("facts", [CaptureFacts(), CaptureFacts(8), CaptureFacts(3, "2026:11:20 08:30:00")])
def test_facts_come_back_from_their_exif_block(facts: CaptureFacts) -> None:
    assert facts_from_exif(exif_from_facts(facts)) == facts


@pytest.mark.parametrize("time", [b"2026:11:20 08:30:0x", b"SerialNo-4711      ", b"2026-11-20 08:30:00"])
def test_a_time_that_is_none_is_not_kept(time: bytes) -> None:
    block = exif_from_facts(CaptureFacts(1, "2026:11:20 08:30:00")).replace(b"2026:11:20 08:30:00", time)

    assert facts_from_exif(block) == CaptureFacts()


def test_a_block_whose_directories_point_at_each_other_tells_nothing_and_ends() -> None:
    assert facts_from_exif(b"II*\x00\x08\x00\x00\x00\x01\x00\x69\x87\x04\x00\x01\x00\x00\x00\x08\x00\x00\x00") == (
        CaptureFacts()
    )


def test_opencv_reads_what_is_left_alike() -> None:
    data = _phone_jpeg(progressive=True)
    stripped = strip(_received(data)).data

    first, second = (cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR) for one in (data, stripped))

    np.testing.assert_array_equal(first, second)  # upright both: the orientation stayed
