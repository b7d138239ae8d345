"""The one decoder: limits, refusals, reduced decoding, masks; `test_pixel_decoding` has colours and turns."""

import io
import os
import struct
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from skinseg_edge import image_io
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import FileMissing, OutputRefused, PictureTooLarge, PictureUnreadable
from skinseg_edge.preprocessing import to_network_input
from tests.edge.drawn_pictures import SKIN, plain, saved, smooth_photo


def exif_of(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[274] = orientation
    return exif


def test_the_format_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(plain("RGB", SKIN))

    assert image_io.decode(path).format == "PNG"
    assert image_io.decode(str(path)).pixels[0, 0].tolist() == list(SKIN)


# Limits


def png_chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def test_a_small_file_that_holds_182_megapixels_is_refused_from_its_header() -> None:
    # One bit a pixel, all black: 13,500 x 13,500 compress to some 22 kB.
    side = 13_500
    rows = zlib.compress(bytes((side // 8 + 2) * side), 9)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")
    assert len(data) < 25_000

    with pytest.raises(PictureTooLarge) as caught:
        image_io.decode(data)

    assert str(caught.value) == (
        "cannot read the picture: its header says 13500 x 13500 = 182,250,000 pixels, the limit is 60,000,000; "
        "scale the picture down"
    )


def test_the_limit_is_looked_at_before_anything_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode_anyway(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(cv2, "imdecode", decode_anyway)

    with pytest.raises(PictureTooLarge, match="12 x 8 = 96 pixels, the limit is 95"):
        image_io.decode(plain("RGB", SKIN), max_pixels=95)


def test_a_picture_of_exactly_the_limit_is_decoded() -> None:
    assert image_io.decode(plain("RGB", SKIN), max_pixels=96).full_hw == (8, 12)


def test_a_file_longer_than_its_pixels_could_ever_need_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "endless.png"
    with path.open("wb") as file:
        file.truncate(700_000_000)  # sparse: takes no room on disk

    with pytest.raises(PictureTooLarge, match=r"has 700,000,000 bytes, more than .* 60,000,000 pixels can need"):
        image_io.decode(path)


# Refusals


def test_a_truncated_jpeg_is_refused() -> None:
    photo = saved(Image.fromarray(smooth_photo(200, 300)), "JPEG")

    for kept in (0.3, 0.6, 0.9):
        with pytest.raises(PictureUnreadable, match="this JPEG file ends early: .*; copy or upload the picture again"):  # noqa: RUF043
            image_io.decode(photo[: int(kept * len(photo))])


@pytest.mark.parametrize(
    ("picture_format", "options"),
    [("PNG", {}), ("WebP", {}), ("BMP", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"})],
)
def test_every_other_truncated_format_is_refused(picture_format: str, options: dict[str, object]) -> None:
    whole = saved(Image.fromarray(smooth_photo(100, 150)), picture_format, **options)

    for kept in (40, len(whole) // 2, len(whole) - 20):
        with pytest.raises(PictureUnreadable, match=f"this {picture_format} file"):
            image_io.decode(whole[:kept])


@pytest.mark.parametrize("place", [0.02, 0.4, 0.9])
def test_a_deflated_tiff_with_a_changed_byte_is_refused(place: float) -> None:
    # OpenCV returns pixels for these, all black ones for the first.
    data = bytearray(saved(Image.fromarray(smooth_photo(100, 150)), "TIFF", compression="tiff_deflate"))
    data[int(place * len(data))] ^= 0x55

    with pytest.raises(PictureUnreadable, match=r"its pixels at byte 8 (do not inflate|break off)"):
        image_io.decode(bytes(data))


def test_bytes_behind_the_end_do_no_harm() -> None:
    photo = saved(Image.fromarray(smooth_photo(64, 64)), "JPEG")

    assert np.array_equal(image_io.decode(photo + b"motion video" * 99).pixels, image_io.decode(photo).pixels)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match=r"cannot read .*nothing\.jpg: there is no such file; check the path"):
        image_io.decode(tmp_path / "nothing.jpg")


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(PictureUnreadable, match="it is a folder, expected a picture file; name the file itself"):
        image_io.decode(tmp_path)


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)

    with pytest.raises(PictureUnreadable, match="it is no regular file"):
        image_io.decode(pipe)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.png"
    path.touch()

    with pytest.raises(PictureUnreadable, match=r"empty\.png: it is empty \(0 bytes\)"):
        image_io.decode(path)


def test_a_text_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.jpg"
    path.write_text("not a picture at all")

    with pytest.raises(
        PictureUnreadable, match="which is no picture; expected JPEG, PNG, WebP, BMP or TIFF, so save it as one of them"
    ):
        image_io.decode(path)


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The superuser may read everything, so the refusal of the system is played.
    path = tmp_path / "secret.jpg"
    path.write_bytes(plain("RGB", SKIN))

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)

    with pytest.raises(PictureUnreadable, match="Permission denied; check the path and its permissions"):
        image_io.decode(path)


def test_a_file_that_shrinks_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "growing.png"
    path.write_bytes(plain("RGB", SKIN))
    monkeypatch.setattr(Path, "read_bytes", lambda _: b"\x89PNG")

    with pytest.raises(PictureUnreadable, match=r"it shrank from \d+ to 4 bytes while it was read"):
        image_io.decode(path)


def test_a_path_with_a_zero_byte_is_refused() -> None:
    with pytest.raises(PictureUnreadable, match="null byte"):
        image_io.decode("photo\0.jpg")


def test_damaged_pictures_print_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    photo = Image.fromarray(smooth_photo(64, 64))
    in_tiff = bytearray(saved(photo, "TIFF", compression="jpeg"))
    in_tiff[30:60] = bytes(30)  # Pillow puts the pixels first and the tags last; OpenCV logs four lines for these
    profile = saved(photo, "PNG", icc_profile=b"no profile" * 30)  # libpng prints a warning for one like this

    image_io.decode(profile)
    for damaged in (bytes(in_tiff), *(whole[: len(whole) // 2] for whole in (profile, saved(photo, "JPEG")))):
        with pytest.raises(PictureUnreadable):
            image_io.decode(damaged)

    assert capfd.readouterr() == ("", "")


def test_the_log_level_of_opencv_is_left_as_it_was_by_several_threads() -> None:
    place = cv2 if hasattr(cv2, "setLogLevel") else cv2.utils.logging  # before and since OpenCV 5
    get_log_level: Callable[[], int] = vars(place)["getLogLevel"]
    before = get_log_level()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(image_io.decode, [plain("RGB", SKIN)] * 40))

    assert get_log_level() == before != 0


# Reduced decoding


@pytest.mark.parametrize(
    ("hw", "at_least_hw", "reduction"),
    [
        ((2000, 3000), None, 1),
        ((2000, 3000), (256, 256), 4),  # 250 rows at 1/8 are too few
        ((2048, 3000), (256, 256), 8),
        ((2041, 3000), (256, 256), 8),  # 255.1 rounds up to 256
        ((2040, 3000), (256, 256), 4),
        ((511, 3000), (256, 256), 2),
        ((510, 3000), (256, 256), 1),
        ((100, 100), (256, 256), 1),
    ],
)
def test_a_jpeg_is_reduced_only_while_it_still_covers_what_is_needed(
    hw: tuple[int, int], at_least_hw: tuple[int, int] | None, reduction: int
) -> None:
    data = saved(Image.new("L", (hw[1], hw[0]), 99), "JPEG")

    picture = image_io.decode(data, at_least_hw=at_least_hw)

    assert (picture.reduction, picture.full_hw) == (reduction, hw)
    assert picture.pixels.shape == (-(-hw[0] // reduction), -(-hw[1] // reduction), 3)


def test_what_is_needed_is_meant_upright() -> None:
    data = saved(Image.new("L", (400, 100), 99), "JPEG", exif=exif_of(6))  # upright: 400 rows, 100 columns

    assert image_io.decode(data, at_least_hw=(200, 50)).reduction == 2
    assert image_io.decode(data, at_least_hw=(50, 200)).reduction == 1


def test_other_formats_are_never_reduced() -> None:
    assert image_io.decode(saved(Image.new("L", (400, 400)), "PNG"), at_least_hw=(50, 50)).reduction == 1


@pytest.mark.parametrize("rule", ["stretch", "letterbox", "crop"])
def test_a_network_sees_nearly_the_same_from_a_reduced_decoding(rule: str) -> None:
    # Fine texture is the worst case: the DCT's reduction and the area average weigh it differently.
    contract = ModelContract(input_hw=(256, 256), resize=rule)  # type: ignore[arg-type]
    texture = np.random.default_rng(5).normal(0, 6, (1203, 1601, 1))
    photo = np.clip(smooth_photo(1203, 1601) + texture, 0, 255).astype(np.uint8)
    data = saved(Image.fromarray(photo), "JPEG", quality=90)

    full, reduced = image_io.decode(data), image_io.decode(data, at_least_hw=contract.input_hw)

    assert reduced.reduction == 4
    ours = to_network_input(reduced.pixels, contract, photo_hw=reduced.full_hw)
    theirs = to_network_input(full.pixels, contract)
    assert ours.placement == theirs.placement
    difference = np.abs(ours.pixels.astype(int) - theirs.pixels)
    assert difference.mean() < 1.0
    assert np.percentile(difference, 99.9) < 8


def test_real_photos_give_nearly_the_same_network_input_when_reduced(real_data: Path) -> None:
    contract = ModelContract(input_hw=(256, 256))
    photos = sorted((real_data / "full_size").glob("*.jpg"))[:3]
    assert photos

    for path in photos:
        full, reduced = image_io.decode(path), image_io.decode(path, at_least_hw=contract.input_hw)
        ours = to_network_input(reduced.pixels, contract, photo_hw=reduced.full_hw).pixels
        assert np.abs(ours.astype(int) - to_network_input(full.pixels, contract).pixels).mean() < 1.5


# Masks and writing


def test_a_mask_survives_writing_and_reading(tmp_path: Path) -> None:
    mask = np.random.default_rng(0).random((31, 45)) > 0.5
    path = tmp_path / "lesion.mask.png"

    image_io.write_png(path, mask)

    assert np.array_equal(image_io.decode_mask(path), mask)
    assert image_io.decode_mask(path).dtype == np.bool_


def test_a_mask_is_true_from_half_the_range_on() -> None:
    levels = np.array([[0, 127, 128, 255]], np.uint8)

    assert image_io.decode_mask(image_io.encode_png(levels)).tolist() == [[False, False, True, True]]


@pytest.mark.parametrize("level_type", [np.uint8, np.uint16])
def test_a_mask_of_zeros_and_ones_is_read_as_such(level_type: type[np.uint8 | np.uint16]) -> None:
    levels: NDArray[np.uint8 | np.uint16] = np.array([[0, 1], [1, 0]]).astype(level_type)

    assert image_io.decode_mask(image_io.encode_png(levels)).tolist() == [[False, True], [True, False]]


def test_a_mask_is_turned_as_its_photo_is() -> None:
    mask = np.zeros((4, 6), np.uint8)
    mask[0, 5] = 255

    turned = image_io.decode_mask(saved(Image.fromarray(mask), "PNG", exif=exif_of(6)))

    assert turned.shape == (6, 4)
    assert np.argwhere(turned).tolist() == [[5, 3]]  # 90 degrees clockwise: top right becomes bottom right


def test_what_is_transparent_in_a_mask_is_background() -> None:
    assert not image_io.decode_mask(plain("RGBA", (255, 255, 255, 0))).any()


def test_a_mask_saved_as_jpeg_is_read() -> None:
    mask = np.zeros((64, 64), np.uint8)
    mask[16:48, 16:48] = 255

    assert np.array_equal(image_io.decode_mask(saved(Image.fromarray(mask).convert("RGB"), "JPEG")), mask > 0)


def test_an_all_black_mask_is_a_photo_without_lesion() -> None:
    assert not image_io.decode_mask(plain("L", 0)).any()


def test_class_numbers_are_not_taken_for_a_mask() -> None:
    with pytest.raises(
        PictureUnreadable, match=r"as a mask: its brightest level is 5, expected 255 \(or 1\) for lesion"
    ):
        image_io.decode_mask(plain("L", 5))


def test_a_coloured_picture_is_no_mask() -> None:
    with pytest.raises(PictureUnreadable, match="as a mask: its channels are up to 110 levels apart"):
        image_io.decode_mask(plain("RGB", SKIN))


@pytest.mark.parametrize(
    "pixels",
    [
        np.random.default_rng(1).integers(0, 256, (7, 9), np.uint8),
        np.random.default_rng(2).integers(0, 65536, (7, 9), np.uint16),
        np.random.default_rng(3).integers(0, 256, (7, 9, 3), np.uint8),
    ],
)
def test_a_png_is_lossless_and_in_rgb_order(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    read_by_pillow = np.asarray(Image.open(io.BytesIO(image_io.encode_png(pixels))))

    assert np.array_equal(read_by_pillow, pixels)


def test_what_is_no_picture_cannot_become_a_png() -> None:
    with pytest.raises(ValueError, match=r"got \(4, 4\) float64"):
        image_io.encode_png(np.zeros((4, 4)))  # type: ignore[arg-type]


def test_a_png_is_not_written_where_it_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(OutputRefused, match="cannot write"):
        image_io.write_png(tmp_path / "file" / "mask.png", np.zeros((2, 2), np.bool_))


def test_a_file_that_was_read_once_decodes_the_same_and_errors_still_name_it(tmp_path: Path) -> None:
    path = tmp_path / "mole.png"
    image_io.write_png(path, np.full((4, 6, 3), 77, np.uint8))
    data = image_io.read_picture(path)
    assert bytes(data) == path.read_bytes()
    assert np.array_equal(image_io.decode(data).pixels, image_io.decode(path).pixels)
    path.write_bytes(data[:-20])
    with pytest.raises(PictureUnreadable, match=r"cannot read .*mole\.png: "):
        image_io.decode(image_io.read_picture(path))
