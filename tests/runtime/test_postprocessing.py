"""From probabilities to masks: threshold, holes, specks, and several classes."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract, ResizeRule
from skinseg_edge.preprocessing import place
from skinseg_runtime.postprocessing import (
    PostProcessing,
    class_map_from_probability,
    lesion_probability,
    mask_from_probability,
)

HW = (40, 60)
CONTRACT = ModelContract(input_hw=HW)
RAW = PostProcessing(fill_holes=False, smallest_of_photo=0, smallest_of_largest=0)


def mask_of(drawn: NDArray[np.bool_], rules: PostProcessing | None = None) -> NDArray[np.bool_]:
    probability = np.where(drawn, np.float32(0.9), np.float32(0.1))[None]
    return mask_from_probability(probability, place(drawn.shape, CONTRACT), CONTRACT, rules)


def square(top: int, left: int, side: int) -> NDArray[np.bool_]:
    drawn = np.zeros(HW, np.bool_)
    drawn[top : top + side, left : left + side] = True
    return drawn


def test_a_pixel_at_the_threshold_is_lesion_and_one_below_is_not() -> None:
    contract = ModelContract(input_hw=HW, threshold=0.25)
    probability = np.full((1, *HW), 0.25, np.float32)
    probability[0, :, 30:] = np.nextafter(np.float32(0.25), np.float32(0))

    mask = mask_from_probability(probability, place(HW, contract), contract, RAW)

    assert mask[:, :30].all()
    assert not mask[:, 30:].any()


def test_an_empty_map_gives_an_empty_mask() -> None:
    assert not mask_of(np.zeros(HW, np.bool_)).any()


def test_a_hole_is_filled_with_the_island_in_it() -> None:
    ring = square(5, 5, 30) & ~square(10, 10, 20) | square(18, 18, 4)
    assert np.array_equal(mask_of(ring), square(5, 5, 30))
    assert np.array_equal(mask_of(ring, RAW), ring)


def test_a_hole_closed_by_a_corner_only_is_a_hole() -> None:
    # Foreground touches itself over corners (8-connected), so background does not pass between them.
    diamond = np.zeros(HW, np.bool_)
    for row, columns in enumerate([(20,), (19, 21), (18, 22), (19, 21), (20,)]):
        diamond[10 + row, list(columns)] = True
    assert mask_of(diamond, PostProcessing(smallest_of_photo=0))[12, 18:23].all()


def test_a_gap_open_to_the_border_of_the_photo_stays_open() -> None:
    bay = square(0, 10, 30) & ~square(0, 18, 10)
    assert np.array_equal(mask_of(bay), bay)


@pytest.mark.parametrize(
    ("side", "stays"),
    # Of 2400 px and a largest part of 900: up to 16 px are below 1 % of the photo and below 10 % of the largest;
    # 25 px are below the second alone.
    [(1, False), (4, False), (5, True), (7, True)],
)
def test_a_speck_is_dropped_only_if_small_in_the_photo_and_beside_the_largest(side: int, stays: bool) -> None:
    drawn = square(5, 2, 30) | square(20, 45, side)
    assert mask_of(drawn)[20, 45] == stays
    assert np.array_equal(mask_of(drawn, RAW), drawn)


def test_any_pattern_is_filled_as_a_flood_from_outside_would_leave_it() -> None:
    drawn = np.random.default_rng(7).random((120, 150)) < 0.62  # near the density where holes and parts abound
    background = np.pad(~drawn, 1, constant_values=True).view(np.uint8)
    _, regions = cv2.connectedComponents(background, connectivity=4)
    flooded = (regions != regions[0, 0])[1:-1, 1:-1]
    contract = ModelContract(input_hw=(120, 150))
    probability = drawn.astype(np.float32)[None]

    filled = mask_from_probability(
        probability, place((120, 150), contract), contract, PostProcessing(smallest_of_photo=0)
    )

    assert np.array_equal(filled, flooded)


def test_the_largest_part_stays_however_small_it_is() -> None:
    assert mask_of(square(3, 3, 1)).sum() == 1


@pytest.mark.parametrize("resize", ["stretch", "letterbox", "crop"])
@pytest.mark.parametrize("photo_hw", [(200, 90), (33, 501), (40, 60)])
def test_the_mask_has_the_size_of_the_photo_and_crop_leaves_the_unseen_empty(
    resize: ResizeRule, photo_hw: tuple[int, int]
) -> None:
    contract = ModelContract(input_hw=HW, resize=resize)
    placement = place(photo_hw, contract)
    seen = np.zeros(photo_hw, np.bool_)
    top, left, bottom, right = placement.photo_box
    seen[top:bottom, left:right] = True
    everything = np.ones((1, *HW), np.float32)

    assert np.array_equal(mask_from_probability(everything, placement, contract), seen)
    assert np.array_equal(lesion_probability(everything, placement, contract), seen.astype(np.float32))


def test_probabilities_of_another_shape_are_refused_with_both_shapes() -> None:
    with pytest.raises(ValueError, match=r"\(2, 40, 60\), the contract asks for \(1, 40, 60\)"):
        mask_from_probability(np.zeros((2, *HW), np.float32), place(HW, CONTRACT), CONTRACT)


def test_of_several_classes_the_mask_is_what_is_not_background() -> None:
    contract = ModelContract(input_hw=HW, classes=("background", "naevus", "melanoma", "hair"))
    probability = np.zeros((4, *HW), np.float32)
    probability[0] = 0.7
    probability[1:] = 0.1
    # Left: class 2 leads with 0.4. In it: background leads, a hole. Right: all lesions together lead, none alone.
    probability[:, 5:35, 5:25] = np.array([0.3, 0.2, 0.4, 0.1], np.float32)[:, None, None]
    probability[:, 15:20, 10:15] = np.array([0.5, 0.1, 0.1, 0.3], np.float32)[:, None, None]
    probability[:, 5:35, 40:55] = np.array([0.4, 0.2, 0.2, 0.2], np.float32)[:, None, None]
    placement = place(HW, contract)

    mask = mask_from_probability(probability, placement, contract)
    class_map = class_map_from_probability(probability, placement, mask)

    expected = np.zeros(HW, np.uint8)
    expected[5:35, 5:25] = 2
    expected[15:20, 10:15] = 3  # the filled hole takes its most probable class that is not background
    assert np.array_equal(mask, expected > 0)
    assert np.array_equal(class_map, expected)
    assert np.allclose(lesion_probability(probability, placement, contract)[0, 0], 0.3)


def test_where_several_classes_see_nothing_there_is_background() -> None:
    contract = ModelContract(input_hw=HW, resize="crop", classes=("background", "naevus"))
    placement = place((40, 200), contract)
    probability = np.stack([np.zeros(HW, np.float32), np.ones(HW, np.float32)])

    mask = mask_from_probability(probability, placement, contract)

    assert mask.sum() == 40 * 60
    assert lesion_probability(probability, placement, contract)[0, 0] == 0
