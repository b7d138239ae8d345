"""The kinds of pictures are counted, and a kind that is hardly there is named."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.image_io import decode_mask, write_png
from skinseg_export.quantization.calibration_pictures import CalibrationPictures, calibration_pictures
from skinseg_export.quantization.coverage import STRATA, Coverage, brightness, coverage_of, sharpness
from skinseg_export.tables import text_of


def _written(folder: Path, photos: list[NDArray[np.uint8]]) -> CalibrationPictures:
    paths = tuple(folder / f"{number:02d}.png" for number in range(len(photos)))
    for path, photo in zip(paths, photos, strict=True):
        write_png(path, photo)
    return CalibrationPictures(paths, "a test")


def _skin(colour: tuple[int, int, int], hw: tuple[int, int] = (100, 100)) -> NDArray[np.uint8]:
    return np.full((*hw, 3), colour, np.uint8)


def _disc(share: float) -> NDArray[np.bool_]:
    y, x = np.mgrid[:100, :100]
    return np.asarray((y - 49.5) ** 2 + (x - 49.5) ** 2 < share * 100 * 100 / np.pi)


def test_every_stratum_is_counted(tmp_path: Path) -> None:
    # L*, b*, ITA by hand (CIE 1976, D65): 93, 4, 85 degrees; 75, 14, 61; 41, 22, -23; 24, 11, -67.
    light, fair, brown, dark = (240, 235, 228), (200, 182, 160), (120, 90, 60), (70, 55, 40)
    pictures = _written(tmp_path, [_skin(colour) for colour in (light, fair, brown, dark)])
    sizes = dict(zip(pictures.paths, (0.02, 0.1, 0.2, 0.4), strict=True))
    steps: list[None] = []
    coverage = coverage_of(pictures, lambda path, photo: _disc(sizes[path]), lambda: steps.append(None))
    assert coverage.pictures == len(steps) == 4
    assert {kind: dict(values) for kind, values in coverage.counts.items()} == {
        "skin tone": {"very light": 2, "light": 0, "intermediate": 0, "tan": 0, "brown": 1, "dark": 1},
        "lesion size": {"small": 1, "medium": 2, "large": 1},
        "brightness": {"dark": 2, "medium": 0, "bright": 2},
        "sharpness": {"blurred": 4, "medium": 0, "sharp": 0},
    }


def test_a_photo_with_no_skin_in_view_counts_in_no_skin_tone(tmp_path: Path) -> None:
    pictures = _written(tmp_path, [_skin((200, 150, 120))])
    coverage = coverage_of(pictures, lambda path, photo: np.ones(photo.shape[:2], np.bool_))
    assert sum(coverage.counts["skin tone"].values()) == 0
    assert coverage.counts["lesion size"]["large"] == 1


def test_a_lesion_of_another_size_than_its_photo_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\(100, 100, 3\).*\(50, 100\)"):
        coverage_of(_written(tmp_path, [_skin((200, 150, 120))]), lambda path, photo: np.zeros((50, 100), np.bool_))


def _coverage(pictures: int, dark: int) -> Coverage:
    counts = {kind: dict.fromkeys(values, pictures) for kind, values in STRATA.items()}
    counts["skin tone"]["dark"] = dark
    return Coverage(pictures, counts)


@pytest.mark.parametrize(
    ("pictures", "dark", "thin"),
    [
        (128, 0, ("skin tone: dark (0 of 128)",)),
        (128, 3, ("skin tone: dark (3 of 128)",)),
        (128, 4, ()),  # 3 % of 128 are 3.8
        (400, 11, ("skin tone: dark (11 of 400)",)),
        (400, 12, ()),
        (16, 3, ("skin tone: dark (3 of 16)",)),
        (16, 4, ()),
    ],
)
def test_fewer_than_four_or_three_per_cent_are_thin(pictures: int, dark: int, thin: tuple[str, ...]) -> None:
    assert _coverage(pictures, dark).thin == thin


def test_the_table_and_the_document_name_what_is_thin() -> None:
    page = text_of([_coverage(128, 2).table()])
    assert "What the 128 calibration pictures show" in page
    assert "thin, so the ranges may not fit such pictures: skin tone: dark (2 of 128)" in page
    document = _coverage(128, 2).to_json()
    assert document["thin"] == ["skin tone: dark (2 of 128)"]
    assert document["schema"] == "skinseg.coverage/1"


def test_brightness_is_lightness() -> None:
    # CIE 1976: black 0, white 100, and sRGB 119 is mid-grey of L* 50.
    measured = [brightness(_skin((level, level, level))) for level in (0, 119, 255)]
    assert measured == pytest.approx([0, 50, 100], abs=0.2)


def test_sharpness_falls_with_blur_and_is_measured_at_one_size() -> None:
    photo = draw(5, (512, 512)).photo
    twice = np.repeat(np.repeat(photo, 2, axis=0), 2, axis=1)
    assert sharpness(twice) == pytest.approx(sharpness(photo), rel=0.05)
    blocks = np.repeat(np.repeat(photo[::16, ::16], 16, axis=0), 16, axis=1)
    assert sharpness(_skin((200, 150, 120))) == 0
    checks = np.zeros((256, 256, 3), np.uint8)
    checks[::2, 1::2] = checks[1::2, ::2] = 255
    assert sharpness(checks) > sharpness(blocks) > 0


def test_dermoscopic_training_pictures_fill_brightness_and_sharpness_and_hardly_show_dark_skin(real_data: Path) -> None:
    pictures = calibration_pictures(real_data / "isic2018", {}, count=48)
    coverage = coverage_of(pictures, lambda path, photo: decode_mask(pictures.labels[path]))
    for kind in ("brightness", "sharpness"):
        assert min(coverage.counts[kind].values()) >= 4, kind
    assert any(name.startswith("skin tone: dark (") for name in coverage.thin)
