"""From probabilities to masks: threshold, holes, specks, and several classes."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract, ResizeRule
from skinseg_edge.preprocessing import Placement, place
from skinseg_runtime.postprocessing import (
    PostProcessing,
    class_map_from_probability,
    default_rules,
    lesion_map,
    lesion_probability,
    mask_from_probability,
)

HW = (40, 60)
CONTRACT = ModelContract(input_hw=HW)
RAW = PostProcessing(fill_holes=False, smallest_of_photo=0, smallest_of_largest=0)


FACE = ModelContract(input_hw=HW, classes=("BACKGROUND", "ET", "HHB", "XB", "LF", "RF"), lesion_classes=("HHB",))


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
    with pytest.raises(ValueError, match=r"\(2, 40, 60\), contract and placement ask for \(1, 40, 60\)"):
        mask_from_probability(np.zeros((2, *HW), np.float32), place(HW, CONTRACT), CONTRACT)


def test_a_map_of_several_looks_may_be_larger_than_the_network_s_input() -> None:
    map_hw, photo_hw = (3 * HW[0], 2 * HW[1]), (200, 90)
    placement = Placement(photo_hw, map_hw, (0, 0, *photo_hw), (0, 0, *map_hw))
    everything = np.ones((1, *map_hw), np.float32)

    assert mask_from_probability(everything, placement, CONTRACT).all()
    assert (lesion_probability(everything, placement, CONTRACT) == 1).all()
    with pytest.raises(ValueError, match=r"\(1, 120, 120\), contract and placement ask for \(1, 40, 60\)"):
        lesion_map(everything, CONTRACT)


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
    class_map = class_map_from_probability(probability, placement, contract, mask)

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


def random_probability(classes: int, seed: int = 3) -> NDArray[np.float32]:
    """Draw (classes, *HW) probabilities of blobs some pixels wide."""
    noise = np.random.default_rng(seed).normal(size=(classes, *HW)).astype(np.float32)
    logits = np.stack([cv2.GaussianBlur(plane, (0, 0), 3) * 20 for plane in noise])
    exponent = np.exp(logits - logits.max(axis=0))
    return np.asarray(exponent / exponent.sum(axis=0), np.float32)


@pytest.mark.parametrize("lesions", [(), ("HHB",), ("RF", "HHB"), ("ET", "HHB", "XB", "LF")])
def test_lesion_is_where_the_most_probable_class_counts_as_lesion(lesions: tuple[str, ...]) -> None:
    contract = replace(FACE, lesion_classes=lesions)
    probability = random_probability(6)
    placement = place(HW, contract)  # the photo has the network's size, so nothing is interpolated

    mask = mask_from_probability(probability, placement, contract, RAW)
    class_map = class_map_from_probability(probability, placement, contract, mask)

    strongest = probability.argmax(axis=0)
    assert len(np.unique(strongest)) == 6
    assert np.array_equal(mask, np.isin(strongest, contract.lesion_indices))
    assert np.array_equal(class_map, strongest)


def test_without_named_lesions_the_mask_is_still_what_beats_the_background() -> None:
    contract = replace(FACE, lesion_classes=())
    probability = random_probability(6)
    assert np.array_equal(
        mask_from_probability(probability, place(HW, contract), contract, RAW),
        probability[1:].max(axis=0) > probability[0],
    )


def test_at_another_size_too_the_mask_holds_lesion_classes_and_its_outside_the_others() -> None:
    placement = place((171, 233), FACE)
    probability = random_probability(6)

    mask = mask_from_probability(probability, placement, FACE)
    class_map = class_map_from_probability(probability, placement, FACE, mask)

    upsampled = np.stack([placement.to_photo(plane) for plane in probability])
    assert mask.any()
    assert np.array_equal(class_map == 2, mask)
    assert np.array_equal(class_map, upsampled.argmax(axis=0))


def test_what_is_cleaned_away_takes_the_class_that_was_next() -> None:
    probability = np.zeros((6, *HW), np.float32)
    probability[4] = 1.0
    probability[:, 5:25, 5:25] = np.array([0, 0, 0.9, 0.1, 0, 0], np.float32)[:, None, None]
    probability[:, 12:15, 12:15] = np.array([0, 0.9, 0.1, 0, 0, 0], np.float32)[:, None, None]  # a hole
    probability[:, 33:35, 50:52] = np.array([0, 0, 0.6, 0, 0, 0.4], np.float32)[:, None, None]  # a speck
    placement = place(HW, FACE)

    mask = mask_from_probability(probability, placement, FACE, PostProcessing())
    class_map = class_map_from_probability(probability, placement, FACE, mask)

    expected = np.full(HW, 4, np.uint8)
    expected[5:25, 5:25] = 2
    expected[33:35, 50:52] = 5
    assert np.array_equal(class_map, expected)
    assert np.array_equal(mask, expected == 2)


def test_a_network_of_face_parts_keeps_small_patches_and_does_not_fill_a_ring_around_the_mouth() -> None:
    assert default_rules(FACE) == RAW
    assert default_rules(replace(FACE, lesion_classes=())) == PostProcessing()
    assert default_rules(CONTRACT) == default_rules(replace(CONTRACT, lesion_classes=("lesion",))) == PostProcessing()
    probability = random_probability(6)
    placement = place(HW, FACE)
    assert np.array_equal(
        mask_from_probability(probability, placement, FACE), mask_from_probability(probability, placement, FACE, RAW)
    )


def test_where_lesion_and_another_class_are_equally_probable_there_is_no_lesion() -> None:
    probability = np.zeros((6, *HW), np.float32)
    probability[[2, 3]] = 0.5  # the lesion has the lower number
    placement = place(HW, FACE)

    mask = mask_from_probability(probability, placement, FACE)

    assert not mask.any()
    assert (class_map_from_probability(probability, placement, FACE, mask) == 3).all()


def test_where_face_parts_are_not_seen_there_is_background() -> None:
    contract = replace(FACE, resize="crop")
    placement = place((40, 200), contract)
    probability = np.zeros((6, *HW), np.float32)
    probability[3] = 1

    mask = mask_from_probability(probability, placement, contract)
    class_map = class_map_from_probability(probability, placement, contract, mask)

    assert (class_map == 3).sum() == 40 * 60
    assert set(np.unique(class_map)) == {0, 3}


@pytest.mark.parametrize(
    ("lesions", "expected"), [((), 0.75), (("HHB",), 0.25), (("ET", "HHB", "RF"), 0.125 + 0.25 + 0.0625)]
)
def test_the_probability_of_lesion_is_the_sum_over_its_classes(lesions: tuple[str, ...], expected: float) -> None:
    probability = np.zeros((6, *HW), np.float32)
    probability[:] = np.array([0.25, 0.125, 0.25, 0.25, 0.0625, 0.0625], np.float32)[:, None, None]
    contract = replace(FACE, lesion_classes=lesions)
    assert (lesion_map(probability, contract) == np.float32(expected)).all()
    assert lesion_map(probability, contract).dtype == np.float32


def test_a_sum_of_probabilities_never_exceeds_one() -> None:
    probability = np.full((6, *HW), np.float32(0.33333337))
    assert lesion_map(probability, replace(FACE, lesion_classes=("ET", "HHB", "XB"))).max() == 1


def test_of_256_classes_each_is_found() -> None:
    contract = ModelContract(input_hw=(16, 16), classes=tuple(f"class {k}" for k in range(256)))
    probability = np.eye(256, dtype=np.float32).reshape(256, 16, 16)
    placement = place((16, 16), contract)
    mask = mask_from_probability(probability, placement, contract, RAW)
    assert np.array_equal(
        class_map_from_probability(probability, placement, contract, mask), np.arange(256).reshape(16, 16)
    )
