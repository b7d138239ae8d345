"""The sheet of the pictures that a candidate does worst on."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.errors import ToolMissing
from skinseg_edge.image_io import encode_png, write_png
from skinseg_export.acceptance import AcceptanceBench, subjects_of_golden
from skinseg_export.figures.palette import FOUND, TRUTH, Rgb
from skinseg_export.figures.side_by_side import GAINED, LOST, TRAINED, side_by_side_png, write_worst
from skinseg_export.gate_pictures import gate_pictures
from skinseg_export.golden import Golden
from skinseg_export.torch_engine import TorchEngine
from skinseg_runtime import Segmenter
from skinseg_runtime.acceptance import Acceptance, Subject, judge
from tests.export.darkness import CONTRACT
from tests.export.figures.scored import picture_of
from tests.export.shifted import Shifted


@pytest.fixture
def shifted(reference: TorchEngine) -> Segmenter:
    return Segmenter(CONTRACT, Shifted(reference, 6))


@pytest.fixture
def bench(reference: TorchEngine, tmp_path: Path) -> AcceptanceBench:
    """Three drawn lesions with experts."""
    for seed in range(3):
        lesion = draw(seed, (240, 360))
        write_png(tmp_path / "images" / f"{seed}.png", lesion.photo)
        write_png(tmp_path / "masks" / f"{seed}.png", lesion.mask)
    return AcceptanceBench(Segmenter(CONTRACT, reference), gate_pictures(tmp_path))


def _judged(candidate: Segmenter, bench: AcceptanceBench) -> Acceptance:
    return judge(candidate, bench.subjects(), precision="int8")


def test_a_row_a_picture_shows_outlines_and_what_each_has_alone(shifted: Segmenter, bench: AcceptanceBench) -> None:
    acceptance = _judged(shifted, bench)

    page = picture_of(side_by_side_png(acceptance, bench, shifted, count=2))
    shorter = picture_of(side_by_side_png(acceptance, bench, shifted, count=1))

    assert page.shape[0] > shorter.shape[0] + 100  # a row more
    assert page.shape[1] == shorter.shape[1] > 4 * 260
    for colour in (TRAINED, FOUND, TRUTH, LOST, GAINED):
        assert _pixels_of(page, colour) > _pixels_of(shorter, colour) > 12 * 12  # more than its mark in the legend


def test_a_perfect_candidate_has_nothing_alone(reference: TorchEngine, bench: AcceptanceBench) -> None:
    same = Segmenter(CONTRACT, reference)

    page = picture_of(side_by_side_png(_judged(same, bench), bench, same))

    assert _pixels_of(page, LOST) == _pixels_of(page, GAINED) == 12 * 12  # the marks in the legend


def test_without_experts_no_expert_is_in_the_legend(shifted: Segmenter, golden: tuple[Golden, ...]) -> None:
    subjects = subjects_of_golden(golden)
    acceptance = judge(shifted, subjects, precision="int8")

    page = picture_of(side_by_side_png(acceptance, {each.name: each for each in subjects}, shifted, count=1))

    assert _pixels_of(page, TRUTH) == 0
    assert _pixels_of(page, LOST) > 12 * 12


def test_the_worst_picture_stands_first_and_no_other_is_asked_for(shifted: Segmenter, bench: AcceptanceBench) -> None:
    acceptance = _judged(shifted, bench)
    worst = min(acceptance.pictures, key=lambda figures: figures.dice).name

    alone = side_by_side_png(acceptance, {worst: bench[worst]}, shifted, count=1)

    assert alone == side_by_side_png(acceptance, bench, shifted, count=1)


def test_a_rim_of_one_photo_pixel_is_still_seen(reference: TorchEngine) -> None:
    candidate = Segmenter(CONTRACT, reference)
    photo = encode_png(draw(1, (900, 1200)).photo)
    found = candidate.segment(photo).mask
    eroded = cv2.erode(found.view(np.uint8), np.ones((3, 3), np.uint8)).view(np.bool_)
    subject = Subject(name="a", image=photo, trained=eroded)

    page = picture_of(side_by_side_png(judge(candidate, [subject], precision="int8"), {"a": subject}, candidate))

    difference = page[120:-40, -276:-16].astype(int)  # the last column
    assert (difference[..., 2] - difference[..., 0] > 60).sum() > 200  # blue, on grey


def test_a_small_lesion_is_shown_close_up_even_in_a_corner() -> None:
    nothing = Segmenter(CONTRACT, _Nothing())
    photo = encode_png(np.full((800, 800, 3), 180, np.uint8))
    trained = np.zeros((800, 800), np.bool_)
    trained[:40, -40:] = True
    subject = Subject(name="a", image=photo, trained=trained)

    page = picture_of(side_by_side_png(judge(nothing, [subject], precision="int8"), {"a": subject}, nothing))

    # 40 of the 54 px of the window, which is 1.35 times the lesion; of the whole photo it would be 13 px.
    assert _pixels_of(page, LOST) == pytest.approx((260 * 40 / 54) ** 2, rel=0.03)


def test_a_photo_on_which_nobody_finds_anything_is_shown_whole() -> None:
    nothing = Segmenter(CONTRACT, _Nothing())
    photo = encode_png(np.full((200, 260, 3), 180, np.uint8))
    subject = Subject(name="a", image=photo, trained=np.zeros((200, 260), np.bool_))

    page = picture_of(side_by_side_png(judge(nothing, [subject], precision="int8"), {"a": subject}, nothing))

    assert _pixels_of(page, (180, 180, 180)) == 3 * 200 * 260  # three tiles without a frame or an outline
    assert _pixels_of(page, LOST) == _pixels_of(page, GAINED) == 12 * 12


def test_the_sheet_is_written_whole(shifted: Segmenter, bench: AcceptanceBench, tmp_path: Path) -> None:
    acceptance = _judged(shifted, bench)

    write_worst(tmp_path / "worst.png", acceptance, bench, shifted, count=2)

    assert (tmp_path / "worst.png").read_bytes() == side_by_side_png(acceptance, bench, shifted, count=2)


def test_a_missing_matplotlib_is_told(
    shifted: Segmenter, bench: AcceptanceBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    acceptance = _judged(shifted, bench)
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(ToolMissing, match="matplotlib is missing"):
        side_by_side_png(acceptance, bench, shifted)


def _pixels_of(page: NDArray[np.uint8], colour: Rgb) -> int:
    return int((page == colour).all(2).sum())


class _Nothing:
    """Finds nothing on any photo."""

    name = "nothing"
    input_hw, classes = CONTRACT.input_hw, 1

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.zeros((len(images), 1, *self.input_hw), np.float32)

    def close(self) -> None:
        pass
