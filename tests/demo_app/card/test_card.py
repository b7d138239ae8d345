"""The card that the box prints is read by the runtime, and its millimetres are true, tilted and scaled by a printer."""

import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_demo.card import (
    CARD_NUMBERS,
    PrintScale,
    card_shapes,
    marker_numbers,
    pixels_from_shapes,
    print_scale_from_bank_card,
    print_scale_from_ruler,
    scale_from_printed_card,
)
from skinseg_demo.card.layout import MARKER_MM, SQUARE_MM, card_of_marker, marker_boxes
from skinseg_demo.card.shapes import Rectangle
from skinseg_demo.card.sheet import card_pdf
from skinseg_demo.strings import strings_of
from skinseg_edge.errors import InputError
from skinseg_runtime.measurements import Scale, measure, scale_from_card
from skinseg_runtime.measurements.aruco_card import find_markers
from tests.demo_app.card.photographed_card import PhotographedCard, photograph

_SAY = strings_of("en").__getitem__
_CHECKED = {3: PrintScale(1.0, 0.003, "bank card")}


@pytest.fixture(scope="module")
def card() -> NDArray[np.uint8]:
    """Card 3 as pixels, 12 a millimetre."""
    return pixels_from_shapes(card_shapes(3, _SAY), 12)


def _diameter(shot: PhotographedCard, scale: Scale) -> float | None:
    [lesion] = measure(shot.mask, shot.photo, scale)
    return lesion.equivalent_diameter_mm


@pytest.mark.parametrize("tilt", [0, 10, 20, 30, -30])
def test_millimetres_are_right_within_2_percent_up_to_30_degrees(card: NDArray[np.uint8], tilt: int) -> None:
    shot = photograph(card, tilt)

    by_one = scale_from_card(shot.photo, MARKER_MM)
    by_four = scale_from_printed_card(shot.photo, _CHECKED)

    assert _diameter(shot, by_one) == pytest.approx(12.0, rel=0.02)
    assert _diameter(shot, by_four) == pytest.approx(12.0, rel=0.005)
    assert by_four.source == "card 3, 4 markers, print measured by bank card"


def test_four_markers_leave_less_doubt_about_the_window_than_one(card: NDArray[np.uint8]) -> None:
    shot = photograph(card, 10)
    centre = (shot.photo.shape[1] / 2, shot.photo.shape[0] / 2)

    four, one = scale_from_printed_card(shot.photo, _CHECKED), scale_from_card(shot.photo, MARKER_MM)

    assert four.relative_error_at(centre) < one.relative_error_at(centre) / 2


def test_a_photo_that_shows_one_marker_is_read_by_that_one(card: NDArray[np.uint8]) -> None:
    shot = photograph(card, 0)
    rows, columns = shot.photo.shape[:2]
    part = slice(0, round(rows * 0.62)), slice(0, round(columns * 0.6))

    cut = PhotographedCard(np.ascontiguousarray(shot.photo[part]), np.ascontiguousarray(shot.mask[part]))
    scale = scale_from_printed_card(cut.photo, _CHECKED)

    assert scale.source == "card 3, 1 marker, print measured by bank card"
    assert _diameter(cut, scale) == pytest.approx(12.0, rel=0.02)


def test_a_print_that_came_out_small_is_corrected_by_what_was_measured(card: NDArray[np.uint8]) -> None:
    shot = photograph(card, 15, printed=0.95)
    mark = 85.60 / 0.95  # where the bank card ends on a gauge that came out at 95 %

    corrected = scale_from_printed_card(shot.photo, {3: print_scale_from_bank_card(mark)})
    as_drawn = scale_from_printed_card(shot.photo, {})

    assert _diameter(shot, corrected) == pytest.approx(12.0, rel=0.005)
    assert _diameter(shot, as_drawn) == pytest.approx(12.0 / 0.95, rel=0.005)


def test_the_range_of_a_print_that_nobody_measured_holds_what_a_printer_does_to_it(card: NDArray[np.uint8]) -> None:
    shot = photograph(card, 15, printed=0.95)
    scale = scale_from_printed_card(shot.photo, {4: PrintScale(0.95, 0.003, "ruler")})

    [lesion] = measure(shot.mask, shot.photo, scale)
    low, high = lesion.range_of("equivalent_diameter_mm") or (0, 0)

    assert low < 12.0 < high
    assert scale.source == "card 3, 4 markers, print not measured"


def test_markers_of_no_card_of_ours_are_told_apart() -> None:
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    photo = np.full((400, 400, 3), 255, np.uint8)
    photo[100:300, 100:300] = cv2.aruco.generateImageMarker(dictionary, 49, 200)[:, :, None]

    assert card_of_marker(49) is None
    with pytest.raises(InputError, match="no marker of a card of this box was seen"):
        scale_from_printed_card(photo, {})


def test_every_card_has_four_markers_of_its_own() -> None:
    numbers = [number for card in CARD_NUMBERS for number in marker_numbers(card)]

    assert len(set(numbers)) == 4 * len(CARD_NUMBERS)
    assert [card_of_marker(number) for number in numbers] == [card for card in CARD_NUMBERS for _ in range(4)]


@pytest.mark.parametrize("wrong", [0, 13])
def test_a_card_of_another_number_is_refused(wrong: int) -> None:
    with pytest.raises(InputError, match=rf"cannot draw card {wrong}: cards are numbered 1 to 12"):
        card_pdf(wrong, _SAY)


def test_the_pdf_is_one_page_of_a6_and_the_same_each_time() -> None:
    data = card_pdf(3, _SAY)

    assert data == card_pdf(3, _SAY)
    assert data.count(b"/Type /Page\n") == 1
    # 105 x 148 mm in points
    assert b"/MediaBox [ 0 0 297.6378 419.5276 ]" in data
    assert b"/FontFile" not in data


@pytest.mark.parametrize(("paper", "start_mm"), [("a6", (0.0, 0.0)), ("a4", (52.5, 25.0))])
def test_the_pdf_as_printed_has_its_markers_where_they_were_drawn(
    tmp_path: Path, paper: str, start_mm: tuple[float, float]
) -> None:
    page = _printed(card_pdf(3, _SAY, "a6" if paper == "a6" else "a4"), tmp_path)
    per_mm = 300 / 25.4

    corners, numbers = find_markers(page)
    seen = dict(zip(numbers, corners, strict=True))

    for number, box in zip(marker_numbers(3), marker_boxes(), strict=True):
        middle = (box.x + MARKER_MM / 2 + start_mm[0], box.y + MARKER_MM / 2 + start_mm[1])
        assert (seen[number].mean(axis=0) + 0.5) / per_mm == pytest.approx(middle, abs=0.1)
    assert np.linalg.norm(seen[9][1] - seen[8][0]) / per_mm == pytest.approx(SQUARE_MM, rel=0.002)


def _printed(pdf: bytes, folder: Path) -> NDArray[np.uint8]:
    """Render a PDF at 300 dpi with poppler."""
    tool = shutil.which("pdftoppm")
    if tool is None:
        pytest.skip("needs poppler's pdftoppm to look at a PDF: it is not on the PATH")
    (folder / "card.pdf").write_bytes(pdf)
    subprocess.run([tool, "-r", "300", "-png", "-singlefile", folder / "card.pdf", folder / "card"], check=True)
    page = cv2.imread(str(folder / "card.png"))
    assert page is not None
    return np.asarray(cv2.cvtColor(page, cv2.COLOR_BGR2RGB), np.uint8)


def test_nothing_but_white_stands_within_a_cell_of_a_marker() -> None:
    cell = MARKER_MM / 6
    filled = [shape for shape in card_shapes(1, _SAY) if isinstance(shape, Rectangle)]
    outside = [shape for shape in filled if not any(_lies_in(shape, box, 0.1) for box in marker_boxes())]

    assert len(outside) == 12
    assert not any(_touches(shape, box, cell) for shape in outside for box in marker_boxes())


def _lies_in(shape: Rectangle, box: tuple[float, float, float, float], slack: float) -> bool:
    x, y, width, height = box
    return (
        x - slack <= shape.x
        and y - slack <= shape.y
        and shape.x + shape.width <= x + width + slack
        and shape.y + shape.height <= y + height + slack
    )


def _touches(shape: Rectangle, box: tuple[float, float, float, float], margin: float) -> bool:
    x, y, width, height = box
    return (
        shape.x < x + width + margin
        and x - margin < shape.x + shape.width
        and shape.y < y + height + margin
        and y - margin < shape.y + shape.height
    )


@pytest.mark.parametrize(
    ("found", "factor"),
    [
        (print_scale_from_bank_card(85.6), 1.0),
        (print_scale_from_bank_card(90.1), 0.95),
        (print_scale_from_ruler(48.5), 0.97),
        (print_scale_from_ruler(100), 2.0),
    ],
)
def test_what_is_read_off_a_print_gives_its_factor(found: PrintScale, factor: float) -> None:
    assert found.factor == pytest.approx(factor, abs=0.001)
    assert found.relative_error < 0.006


@pytest.mark.parametrize("wrong", [0.0, -5.0, 20.0, 400.0, float("nan"), float("inf")])
def test_a_reading_that_cannot_be_is_refused(wrong: float) -> None:
    for way in (print_scale_from_bank_card, print_scale_from_ruler):
        with pytest.raises(InputError, match=r"cannot take the size of the print: .* read the number again"):
            way(wrong)
