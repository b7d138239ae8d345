"""A second look at small lesions and in tiles: what it gains on drawn photos, and when the first look stays."""

import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract, ResizeRule
from skinseg_edge.errors import FileMissing, UnknownName
from skinseg_edge.image_io import encode_png
from skinseg_edge.metrics import iou
from skinseg_runtime import Segmentation, Segmenter
from skinseg_runtime.large_pictures import ONCE
from tests.runtime.large_pictures.body_shots import BODY_HW, body_shot, jpeg
from tests.runtime.tiny_bundle import SKIN, photo_and_mask, three_class_model, write_bundle

HW = (64, 96)  # of the tiny network's input


class Scripted:
    """An engine that gives what *answer* says to each look, told the look's number and its pixels."""

    name = "scripted"
    input_hw = HW
    classes = 1

    def __init__(self, answer: Callable[[int, NDArray[np.uint8]], NDArray[np.float32]]) -> None:
        self.answer = answer
        self.looks = 0

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.looks += 1
        return self.answer(self.looks, images[0])[None, None]

    def close(self) -> None:
        """Do nothing."""


def blob(share_y: tuple[float, float], share_x: tuple[float, float]) -> NDArray[np.float32]:
    """Return a map that is lesion in a rectangle, given by its shares of the rows and columns."""
    probability = np.full(HW, 0.01, np.float32)
    y0, y1, x0, x1 = *(round(HW[0] * y) for y in share_y), *(round(HW[1] * x) for x in share_x)
    probability[y0:y1, x0:x1] = 0.99
    return probability


def assert_nothing_changed(looked: Segmentation, once: Segmentation) -> None:
    assert np.array_equal(looked.network_probability, once.network_probability)
    assert looked.placement == once.placement
    assert (looked.look.used, looked.look.boxes) == ("once", ())


def test_nothing_but_one_look_is_taken_unless_asked_for(bundle: Path) -> None:
    photo, _ = body_shot()
    with Segmenter.open(bundle) as segmenter:
        result = segmenter.segment(photo)
    assert result.look == ONCE
    assert result.network_probability.shape == (1, *HW)
    assert result.look.to_json() == {"asked": "once", "used": "once", "boxes": [], "reason": None}


@pytest.mark.parametrize("resize", ["stretch", "letterbox", "crop"])
@pytest.mark.parametrize("hw", [BODY_HW, (900, 901), (1301, 700)])
@pytest.mark.parametrize("look", ["closer", "tiles"])
def test_a_second_look_shows_what_the_first_was_too_coarse_for(
    tmp_path: Path, resize: ResizeRule, hw: tuple[int, int], look: str
) -> None:
    photo, mask = body_shot(hw, at=(hw[1] // 2 + 23, hw[0] // 2 - 47))
    contract = ModelContract(input_hw=HW, resize=resize)
    with Segmenter.open(write_bundle(tmp_path / "b.skinseg", contract=contract)) as segmenter:
        once, again = segmenter.segment(photo), segmenter.segment(photo, look=look)

    assert (again.look.asked, again.look.used, again.look.reason) == (look, look, None)
    assert again.photo_hw == once.photo_hw == hw
    assert iou(again.mask, mask) > iou(once.mask, mask) + 0.03
    seen = np.zeros(hw, np.bool_)
    for x0, y0, x1, y1 in again.look.boxes:
        seen[y0:y1, x0:x1] = True
    assert not (again.mask & ~seen).any()
    assert seen.mean() < 0.6


def test_a_closer_look_lays_the_outline_within_two_pixels_of_the_drawn_one(bundle: Path) -> None:
    photo, mask = body_shot()
    with Segmenter.open(bundle) as segmenter:
        result = segmenter.segment(photo, look="closer")
    (box,) = result.look.boxes
    assert (box[2] - box[0]) / (box[3] - box[1]) == pytest.approx(HW[1] / HW[0], rel=0.1)  # undistorted
    away = cv2.distanceTransform(1 - cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3))), 2, 5)
    assert float(np.asarray(away)[result.mask != mask].max(initial=0)) <= 2
    assert result.probability[mask].mean() > 0.9
    assert [lesion.area_px for lesion in result.lesions] == [int(result.mask.sum())]


@pytest.mark.parametrize("look", ["closer", "tiles"])
def test_a_file_its_bytes_and_its_pixels_are_looked_at_alike(bundle: Path, tmp_path: Path, look: str) -> None:
    photo, _ = body_shot()
    path = tmp_path / "body.png"
    path.write_bytes(encode_png(photo))
    with Segmenter.open(bundle) as segmenter:
        results = [segmenter.segment(source, look=look) for source in (path, str(path), path.read_bytes(), photo)]
        reduced = segmenter.segment(jpeg(photo), look=look)  # decoded at 1/8 for the first look, at more for the second
        with pytest.raises(FileMissing, match=r"no\.png"):
            segmenter.segment(tmp_path / "no.png", look=look)

    assert all(np.array_equal(result.mask, results[0].mask) for result in results)
    assert all(result.look == results[0].look for result in results)
    assert iou(reduced.mask, results[0].mask) > 0.93


def test_time_of_both_looks_is_told(bundle: Path) -> None:
    photo, _ = body_shot()
    with Segmenter.open(bundle) as segmenter:
        timings = segmenter.segment(jpeg(photo), look="closer").timings_ms
    assert list(timings) == ["decode", "preprocess", "inference", "postprocess"]


def test_a_lesion_that_is_not_small_is_looked_at_once_and_the_reason_told(bundle: Path) -> None:
    photo, _ = photo_and_mask()  # pi * 0.2 * 0.15 of the photo's area
    with Segmenter.open(bundle) as segmenter:
        once, closer = segmenter.segment(photo), segmenter.segment(photo, look="closer")
    assert_nothing_changed(closer, once)
    assert re.fullmatch(
        r"the lesion fills 9\.\d% of the photo; a closer look is taken below 3%", str(closer.look.reason)
    )


def test_a_photo_of_plain_skin_is_looked_at_once(bundle: Path) -> None:
    skin = np.full((*BODY_HW, 3), SKIN, np.uint8)
    with Segmenter.open(bundle) as segmenter:
        once = segmenter.segment(skin)
        closer, tiled = segmenter.segment(skin, look="closer"), segmenter.segment(skin, look="tiles")
    assert_nothing_changed(closer, once)
    assert_nothing_changed(tiled, once)
    assert closer.look.reason == "the first look found no lesion to look at"
    assert tiled.look.reason == "the first look found no outline to look at"


def test_the_first_outline_stays_where_the_closer_look_finds_nothing() -> None:
    engine = Scripted(lambda number, _: blob((0.4, 0.5), (0.4, 0.5)) if number == 1 else blob((0, 0), (0, 0)))
    segmenter = Segmenter(ModelContract(input_hw=HW), engine)
    result = segmenter.segment(np.zeros((*BODY_HW, 3), np.uint8), look="closer")
    assert engine.looks == 2
    assert result.look.reason == "the closer look found no lesion, so the first look's outline stays"
    assert result.mask[round(0.45 * BODY_HW[0]), round(0.45 * BODY_HW[1])]


def test_tiles_that_see_lesion_everywhere_add_none_away_from_the_first_outline() -> None:
    engine = Scripted(lambda number, _: blob((0.2, 0.5), (0.3, 0.6)) if number == 1 else np.ones(HW, np.float32))
    segmenter = Segmenter(ModelContract(input_hw=HW), engine)
    result = segmenter.segment(np.zeros((*BODY_HW, 3), np.uint8), look="tiles")

    assert result.look.used == "tiles"
    once = blob((0.2, 0.5), (0.3, 0.6)) > 0.5
    near = cv2.dilate(once.view(np.uint8), np.ones((11, 11), np.uint8))  # 4 px of the network, and 1 of the resize
    allowed = cv2.resize(near, BODY_HW[::-1], interpolation=cv2.INTER_NEAREST).astype(np.bool_)
    assert not (result.mask & ~allowed).any()


def test_tiles_that_see_no_lesion_take_none_from_its_middle() -> None:
    engine = Scripted(lambda number, _: blob((0.2, 0.7), (0.2, 0.7)) if number == 1 else np.zeros(HW, np.float32))
    segmenter = Segmenter(ModelContract(input_hw=HW), engine)
    result = segmenter.segment(np.zeros((*BODY_HW, 3), np.uint8), look="tiles")
    y, x = (slice(round(0.3 * side), round(0.6 * side)) for side in BODY_HW)
    assert result.mask[y, x].all()


def test_a_photo_of_few_pixels_is_not_tiled(bundle: Path) -> None:
    photo, _ = photo_and_mask((120, 180))
    with Segmenter.open(bundle) as segmenter:
        once, tiled = segmenter.segment(photo), segmenter.segment(photo, look="tiles")
    assert_nothing_changed(tiled, once)
    assert tiled.look.reason is not None
    assert "shows 120 x 180 px to a network of 64 x 96; tiles need twice as many" in tiled.look.reason


@pytest.mark.parametrize("look", ["closer", "tiles"])
def test_of_several_classes_a_second_look_keeps_each(tmp_path: Path, look: str) -> None:
    _, star = body_shot()
    photo = np.where(star[:, :, None], (20, 20, 200), (20, 20, 20)).astype(np.uint8)
    contract = ModelContract(input_hw=HW, classes=("background", "red", "blue"))
    bundle = write_bundle(tmp_path / "b.skinseg", contract=contract, model=three_class_model(HW))
    with Segmenter.open(bundle) as segmenter:
        result = segmenter.segment(photo, look=look)
    assert result.look.used == look
    assert np.allclose(result.network_probability.sum(axis=0), 1, atol=1e-3)
    assert set(np.unique(result.class_map)) == {0, 2}
    assert iou(result.class_map == 2, star) > 0.8


def test_an_unknown_look_is_refused_with_the_known_ones(bundle: Path) -> None:
    with Segmenter.open(bundle) as segmenter, pytest.raises(UnknownName, match="known are closer, once, tiles"):
        segmenter.segment(np.zeros((64, 64, 3), np.uint8), look="twice")
