"""The band of an outline and the agreement of flipped copies."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_edge.image_io import encode_png
from skinseg_edge.preprocessing import place
from skinseg_runtime import Segmenter
from skinseg_runtime.postprocessing import PostProcessing, default_rules
from skinseg_runtime.segmentation import Segmentation
from skinseg_runtime.uncertainty import flip_consistency, outline_band
from tests.runtime.tiny_bundle import photo_and_mask

HW = (64, 128)


def segmentation_of(
    planes: NDArray[np.float32], contract: ModelContract, rules: PostProcessing | None = None
) -> Segmentation:
    return Segmentation(
        contract=contract,
        network_probability=planes,
        placement=place(HW, contract),
        rules=rules or default_rules(contract),
        steps_ms={},
        engine="drawn",
    )


def ramp() -> NDArray[np.float32]:
    """Return (64, 128) probabilities that rise from 0 at the left to 1 at the right."""
    return np.tile(np.linspace(0, 1, HW[1], dtype=np.float32), (HW[0], 1))


def test_the_band_lies_where_the_probability_is_within_the_margin() -> None:
    segmentation = segmentation_of(ramp()[None], ModelContract(input_hw=HW, threshold=0.5))
    inner, outer = outline_band(segmentation, 0.2)
    assert np.array_equal(inner, ramp() >= np.float32(0.7))
    assert np.array_equal(outer, ramp() >= np.float32(0.3))


def test_the_band_follows_the_contracts_threshold() -> None:
    segmentation = segmentation_of(ramp()[None], ModelContract(input_hw=HW, threshold=0.3))
    inner, outer = outline_band(segmentation, 0.1)
    assert (float(ramp()[inner].min()), float(ramp()[outer].min())) == pytest.approx((0.4, 0.2), abs=0.01)


def test_two_classes_of_a_softmax_give_the_band_of_one_probability() -> None:
    one = segmentation_of(ramp()[None], ModelContract(input_hw=HW))
    two = segmentation_of(
        np.stack([1 - ramp(), ramp() * 0.9999, ramp() * 0]).astype(np.float32),
        ModelContract(input_hw=HW, classes=("background", "lesion", "other"), lesion_classes=("lesion",)),
    )
    for ours, theirs in zip(outline_band(one, 0.2), outline_band(two, 0.2), strict=True):
        assert np.count_nonzero(ours != theirs) <= 2 * HW[0]


def test_the_mask_lies_between_inner_and_outer_and_parts_apart_from_it_are_left_out() -> None:
    probability = np.full(HW, 0.05, np.float32)
    probability[10:50, 10:50] = 0.9  # the lesion
    probability[25:30, 25:30] = 0.2  # a hole, which is filled
    probability[10:50, 50:56] = 0.4  # its doubtful side
    probability[20:40, 80:100] = 0.45  # doubtful, but apart from any lesion
    segmentation = segmentation_of(probability[None], ModelContract(input_hw=HW))

    inner, outer = outline_band(segmentation, 0.3)

    assert segmentation.mask[27, 27]
    assert not (inner & ~segmentation.mask).any()
    assert not (segmentation.mask & ~outer).any()
    assert outer[30, 52]
    assert not segmentation.mask[30, 52]
    assert not outer[:, 60:].any()


def test_a_photo_without_lesion_has_no_band() -> None:
    segmentation = segmentation_of(np.full((1, *HW), 0.4, np.float32), ModelContract(input_hw=HW))
    inner, outer = outline_band(segmentation, 0.2)
    assert not inner.any()
    assert not outer.any()


@pytest.mark.parametrize("margin", [0.0, -0.1, 0.3, float("nan")])
def test_a_margin_that_leaves_no_probability_is_refused(margin: float) -> None:
    segmentation = segmentation_of(ramp()[None], ModelContract(input_hw=HW, threshold=0.3))
    with pytest.raises(ValueError, match=r"the margin is .*, expected a probability between 0 and 0\.3, "):
        outline_band(segmentation, margin)


@pytest.mark.parametrize("kind", ["array", "bytes", "file"])
def test_a_network_that_sees_only_colour_agrees_with_its_flips(bundle: Path, tmp_path: Path, kind: str) -> None:
    pixels, mask = photo_and_mask()
    (tmp_path / "mole.png").write_bytes(encode_png(pixels))
    sources: dict[str, NDArray[np.uint8] | bytes | Path] = {
        "array": pixels,
        "bytes": encode_png(pixels),
        "file": tmp_path / "mole.png",
    }
    with Segmenter.open(bundle) as segmenter:
        consistency = flip_consistency(segmenter, sources[kind])

    assert consistency.lowest_dice > 0.99
    assert consistency.area_range == pytest.approx((mask.mean(), mask.mean()), rel=0.03)
    assert consistency.votes.shape == mask.shape
    assert (consistency.votes[96, 198], consistency.votes[0, 0]) == (4, 0)  # the ellipse's middle, the skin


class _LeftHalf:
    """An engine that finds a lesion on the left whatever it is shown, so every flip left to right disagrees."""

    name = "left"
    input_hw = (64, 96)
    classes = 1

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return (N, 1, 64, 96)."""
        probability = np.zeros((len(images), 1, 64, 96), np.float32)
        probability[..., :48] = 1
        return probability

    def close(self) -> None:
        """Hold nothing."""


def test_flips_that_disagree_are_told_with_their_votes() -> None:
    contract = ModelContract(input_hw=(64, 96))
    with Segmenter(contract, _LeftHalf()) as segmenter:
        consistency = flip_consistency(segmenter, np.zeros((64, 96, 3), np.uint8))

    assert consistency.lowest_dice == 0
    assert consistency.area_range == (0.5, 0.5)
    assert (consistency.votes == 2).all()  # two masks hold each half
