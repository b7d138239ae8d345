"""The angle of skin whose colour is known, and of skin behind hair, glare and the dark corners of a dermoscope."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.image_io import decode, decode_mask
from skinseg_edge.skin_tone import SKIN_TONES, ita_degrees, skin_tone

LIGHT, TAN, DARK = (224, 188, 170), (176, 128, 100), (72, 48, 38)


def picture(
    skin: tuple[int, int, int], hw: tuple[int, int] = (192, 256)
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Skin of one colour with a little noise, and a blue-black ellipse on it, which is the lesion."""
    mask = np.zeros(hw, np.uint8)
    cv2.ellipse(mask, (hw[1] // 2, hw[0] // 2), (hw[1] // 8, hw[0] // 6), 20, 0, 360, 1, -1)
    noise = np.random.default_rng(0).integers(-3, 4, (*hw, 1))
    photo = np.clip(np.where(mask[:, :, None] == 1, (30, 30, 70), skin) + noise, 0, 255).astype(np.uint8)
    return photo, mask == 1


def angle_of(colour: tuple[int, int, int]) -> float:
    """The definition: sRGB (IEC 61966-2-1) to CIE L*a*b* at D65, then atan((L* - 50) / b*)."""
    encoded = np.array(colour) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    y = float(linear @ (0.2126729, 0.7151522, 0.0721750))
    z = float(linear @ (0.0193339, 0.1191920, 0.9503041)) / 1.08883
    lightness = 116 * y ** (1 / 3) - 16  # no colour here is so dark that the straight part would apply
    yellow = 200 * (y ** (1 / 3) - z ** (1 / 3))
    return math.degrees(math.atan((lightness - 50) / yellow))


def measured(photo: NDArray[np.uint8], lesion: NDArray[np.bool_]) -> float:
    angle = ita_degrees(photo, lesion)
    assert angle is not None
    return angle


@pytest.mark.parametrize("colour", [LIGHT, TAN, DARK])
def test_the_angle_is_that_of_the_skin_s_colour(colour: tuple[int, int, int]) -> None:
    assert measured(*picture(colour)) == pytest.approx(angle_of(colour), abs=1.0)


@pytest.mark.parametrize(
    ("ita", "tone"),
    [
        (90.0, "very light"),
        (55.1, "very light"),
        (55.0, "light"),
        (41.0, "intermediate"),
        (28.0, "tan"),
        (10.0, "brown"),
        (-29.9, "brown"),
        (-30.0, "dark"),
        (-120.0, "dark"),
    ],
)
def test_tones_are_cut_where_the_literature_cuts_them(ita: float, tone: str) -> None:
    assert skin_tone(ita) == tone


def test_an_angle_that_is_none_has_no_tone() -> None:
    with pytest.raises(ValueError, match="the angle is NaN"):
        skin_tone(math.nan)


def test_the_lesion_s_own_colour_does_not_count() -> None:
    photo, lesion = picture(TAN)
    pale = np.where(lesion[:, :, None], (250, 240, 235), photo).astype(np.uint8)

    assert measured(pale, lesion) == measured(photo, lesion)


def test_the_blurred_border_of_a_lesion_does_not_count() -> None:
    photo, lesion = picture(TAN)
    blurred = np.where(lesion[:, :, None], photo, cv2.GaussianBlur(photo, (0, 0), 3)).astype(np.uint8)

    assert measured(blurred, lesion) == pytest.approx(measured(photo, lesion), abs=0.5)


def test_dark_corners_do_not_count_even_where_they_cover_most_of_the_ring() -> None:
    photo, lesion = picture(LIGHT, (256, 256))
    seen = np.zeros(lesion.shape, np.uint8)
    cv2.circle(seen, (128, 128), 62, 1, -1)
    through_dermoscope = np.where(seen[:, :, None] == 1, photo, 6).astype(np.uint8)

    assert measured(through_dermoscope, lesion) == pytest.approx(measured(photo, lesion), abs=1.0)


def test_dark_skin_is_no_dark_corner() -> None:
    assert skin_tone(measured(*picture(DARK))) == "dark"


@pytest.mark.parametrize(
    ("colour", "spacing"), [((30, 22, 20), 12), ((250, 250, 245), 18)], ids=["dark hair, 67 %", "white hair, 44 %"]
)
def test_dense_hair_does_not_count(colour: tuple[int, int, int], spacing: int) -> None:
    photo, lesion = picture(TAN)
    hairy = photo.copy()
    for x in range(-190, 256, spacing):
        cv2.line(hairy, (x, 0), (x + 190, 191), colour, 3, cv2.LINE_AA)

    assert measured(hairy, lesion) == pytest.approx(measured(photo, lesion), abs=0.5)


def test_glare_does_not_count_even_where_it_covers_most_of_the_ring() -> None:
    photo, lesion = picture(TAN)
    shining = photo.copy()
    shining[:, 140:] = 255
    shining[130:] = 255

    assert measured(shining, lesion) == pytest.approx(measured(photo, lesion), abs=1.0)


def test_a_coloured_sticker_beside_the_lesion_does_not_count() -> None:
    photo, lesion = picture(LIGHT)
    stuck = photo.copy()
    cv2.circle(stuck, (190, 60), 40, (40, 150, 160), -1)

    assert measured(stuck, lesion) == pytest.approx(measured(photo, lesion), abs=0.5)


def test_the_angle_does_not_depend_on_the_photo_s_size_or_on_how_it_lies() -> None:
    small, large = picture(TAN), picture(TAN, (1536, 2048))

    assert measured(*large) == pytest.approx(measured(*small), abs=1.0)
    assert measured(small[0][:, ::-1], small[1][:, ::-1]) == pytest.approx(measured(*small), abs=0.3)


def test_a_photo_without_a_lesion_is_skin_everywhere() -> None:
    photo = np.full((120, 160, 3), TAN, np.uint8)

    assert measured(photo, np.zeros((120, 160), np.bool_)) == pytest.approx(angle_of(TAN), abs=1.0)


def test_where_no_skin_is_left_there_is_no_angle() -> None:
    photo, lesion = picture(LIGHT)

    assert ita_degrees(photo, np.ones_like(lesion)) is None
    assert ita_degrees(np.zeros_like(photo), lesion) is None
    assert ita_degrees(np.full_like(photo, 255), lesion) is None


@pytest.mark.parametrize(
    ("photo", "lesion"),
    [
        (np.zeros((20, 30, 3), np.uint8), np.zeros((30, 20), np.bool_)),
        (np.zeros((20, 30, 4), np.uint8), np.zeros((20, 30), np.bool_)),
        (np.zeros((20, 30, 3), np.float32), np.zeros((20, 30), np.bool_)),
        (np.zeros((20, 30, 3), np.uint8), np.zeros((20, 30), np.uint8)),
        (np.zeros((0, 0, 3), np.uint8), np.zeros((0, 0), np.bool_)),
    ],
)
def test_what_is_no_photo_with_its_mask_is_refused_with_both_shapes(
    photo: NDArray[np.uint8], lesion: NDArray[np.bool_]
) -> None:
    with pytest.raises(ValueError, match=r"got a photo \(\d+, \d+, \d\) \w+ and a mask \(\d+, \d+\) \w+, expected"):
        ita_degrees(photo, lesion)


def test_real_photos_have_an_angle_and_the_same_photo_taken_darker_a_lower_one(real_data: Path) -> None:
    folder = real_data / "isic2018"
    names = (folder / "validation.txt").read_text().split()[::20]
    angles = []
    for name in names:
        photo = decode(folder / "images" / f"{name}.jpg").pixels
        lesion = decode_mask(folder / "masks" / f"{name}.png")
        angle, darker = ita_degrees(photo, lesion), ita_degrees((photo * 0.6).astype(np.uint8), lesion)
        if angle is not None and darker is not None and angle < 90:  # beyond, the white balance made the skin blue
            assert darker < angle, name
            angles.append(angle)

    assert len(angles) >= 0.8 * len(names)
    assert len({skin_tone(angle) for angle in angles} & set(SKIN_TONES)) >= 3
