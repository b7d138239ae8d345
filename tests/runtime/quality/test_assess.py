"""The quality gate: what it says of photos that are spoilt in one way, and that it lets good ones pass."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_edge.image_io import decode
from skinseg_edge.preprocessing import place
from skinseg_runtime.postprocessing import default_rules
from skinseg_runtime.quality import Finding, Quality, assess, hw_for_close_up
from skinseg_runtime.quality.limits import CHECKS, NAMES
from skinseg_runtime.segmentation import Segmentation

SKIN, LESION = (214, 176, 158), (96, 58, 46)  # RGB
HW = (480, 640)


def segmented(mask: NDArray[np.bool_], contract: ModelContract | None = None) -> Segmentation:
    """Make the segmentation of a network that found *mask*, as its input shows it."""
    used = contract or ModelContract(input_hw=(256, 256))
    rows, columns = used.input_hw
    lesion = cv2.resize(mask.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    planes = [lesion] if used.is_binary else [1 - lesion, *[lesion * 0] * (len(used.classes) - 2), lesion]
    return Segmentation(
        contract=used,
        network_probability=np.stack(planes).astype(np.float32),
        placement=place((mask.shape[0], mask.shape[1]), used),
        rules=default_rules(used),
        steps_ms={},
        engine="drawn",
    )


def discs(*places: tuple[int, int, int], hw: tuple[int, int] = HW) -> NDArray[np.bool_]:
    """Draw discs of (x, y, radius), px."""
    mask = np.zeros(hw, np.uint8)
    for x, y, radius in places:
        cv2.circle(mask, (x, y), radius, 1, -1)
    return mask.view(np.bool_)


def photo_of(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Paint a dark lesion on skin, with the noise that gives real skin its detail."""
    noise = np.random.default_rng(7).normal(0, 12, (*mask.shape, 1))
    return np.clip(np.where(mask[:, :, None], LESION, SKIN) + noise, 0, 240).astype(np.uint8)


ONE = discs((320, 240, 110))


def names(quality: Quality) -> list[str]:
    return [finding.name for finding in quality.findings]


def test_a_good_photo_has_no_finding_and_all_figures() -> None:
    quality = assess(photo_of(ONE), segmented(ONE))

    assert (quality.findings, quality.verdict) == ((), "good")
    assert set(quality.figures) == {"lesions", *(check.figure for check in CHECKS)}
    assert quality.figures["lesions"] == 1
    assert quality.figures["area_share"] == pytest.approx(np.pi * 110**2 / (480 * 640), rel=0.01)
    assert quality.figures["cut_share"] == 0


def spots(photo: NDArray[np.uint8], reach: int) -> NDArray[np.uint8]:
    lit = photo.copy()
    cv2.circle(lit, (320, 240), reach, (255, 255, 255), -1)
    return lit


SPOILT: dict[str, tuple[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]], bool]] = {
    "blur": ("blurred", lambda photo: np.asarray(cv2.GaussianBlur(photo, (0, 0), 20), np.uint8), True),
    "hardly any light": ("too dark", lambda photo: (photo * 0.2).astype(np.uint8), True),
    "little light": ("too dark", lambda photo: (photo * 0.38).astype(np.uint8), False),
    "too much light": ("overexposed", lambda photo: np.clip(photo * 1.25, 0, 255).astype(np.uint8), True),
    "a large mirror": ("glare", lambda photo: spots(photo, 60), True),
    "a small mirror": ("glare", lambda photo: spots(photo, 8), False),
    "a green cloth": ("not skin", lambda photo: photo[:, :, [1, 0, 2]], False),
    "a blue cloth": ("not skin", lambda photo: photo[:, :, [2, 1, 0]], False),
}


@pytest.mark.parametrize("way", SPOILT)
def test_a_photo_spoilt_in_one_way_is_told_in_that_way(way: str) -> None:
    name, spoil, is_blocking = SPOILT[way]
    quality = assess(spoil(photo_of(ONE)), segmented(ONE))

    assert names(quality) == [name]
    (finding,) = quality.findings
    check = next(check for check in CHECKS if check.name == name)
    assert finding.is_blocking == is_blocking
    assert finding.limit == (check.retake if is_blocking else check.usable)
    assert finding.value == quality.figures[check.figure]
    assert (finding.value < finding.limit) == check.is_low_bad
    assert quality.verdict == ("retake" if is_blocking else "usable")


def test_sentences_carry_the_number_the_limit_and_what_to_do() -> None:
    quality = assess((photo_of(ONE) * 0.2).astype(np.uint8), segmented(ONE))
    brightest = quality.figures["brightest"]
    limit = quality.findings[0].limit
    assert quality.findings[0].sentence == (
        f"the photo is too dark (its brightest parts reach level {brightest:.0f} of 255, at least {limit:.0f} is "
        "expected): add light"
    )


def test_no_lesion_blocks_and_says_nothing_of_a_lesion() -> None:
    nothing = np.zeros(HW, np.bool_)
    quality = assess(photo_of(nothing), segmented(nothing))

    assert names(quality) == ["no lesion"]
    assert quality.verdict == "retake"
    assert {"area_share", "cut_share", "sharpness"}.isdisjoint(quality.figures)


def test_several_lesions_are_counted_and_do_not_block() -> None:
    two = discs((180, 240, 90), (460, 240, 80))
    quality = assess(photo_of(two), segmented(two))

    assert [(finding.name, finding.value) for finding in quality.findings] == [("several lesions", 2)]
    assert quality.findings[0].sentence.startswith("2 lesions were found, one is expected: ")
    assert quality.verdict == "usable"


def test_a_lesion_that_is_too_small_is_told_with_its_share_of_the_photo() -> None:
    small = discs((320, 240, 18))
    (finding,) = assess(photo_of(small), segmented(small)).findings

    assert (finding.name, finding.is_blocking) == ("lesion too small", True)
    assert finding.value == pytest.approx(np.pi * 18**2 / (480 * 640), rel=0.1)


@pytest.mark.parametrize("centre", [(0, 240), (639, 240), (320, 0), (320, 479)], ids=["left", "right", "top", "bottom"])
def test_a_lesion_cut_by_any_border_is_told_by_how_much_of_its_frame(centre: tuple[int, int]) -> None:
    half = discs((*centre, 110))
    (finding,) = assess(photo_of(half), segmented(half)).findings

    assert finding.name == "cut by the border"
    assert finding.is_blocking
    # Half a disc: its diameter over the frame's perimeter, 2 r / (2 (2 r + r)).
    assert finding.value == pytest.approx(1 / 3, abs=0.01)


def test_dark_skin_in_good_light_is_not_called_dark_or_foreign() -> None:
    dark_skin, dark_lesion = np.array((92, 58, 44)), np.array((38, 24, 22))  # RGB; ITA below -30 degrees
    noise = np.random.default_rng(7).normal(0, 12, (*HW, 1))
    photo = np.clip(np.where(ONE[:, :, None], dark_lesion, dark_skin) + noise, 0, 255).astype(np.uint8)

    quality = assess(photo, segmented(ONE))

    assert "not skin" not in names(quality)
    assert quality.verdict != "retake"


def test_findings_come_in_the_order_of_their_names() -> None:
    two = discs((0, 240, 90), (460, 240, 40))
    spoilt = np.asarray(cv2.GaussianBlur((photo_of(two) * 0.2).astype(np.uint8), (0, 0), 20), np.uint8)
    found = names(assess(spoilt, segmented(two)))
    assert found == ["several lesions", "cut by the border", "blurred", "too dark"]
    assert found == [name for name in NAMES if name in found]


def test_scattered_patches_are_not_held_against_one_whole_lesion() -> None:
    patches = ModelContract(input_hw=(256, 256), classes=("background", "cheek", "patch"), lesion_classes=("patch",))
    scattered = discs((100, 100, 12), (300, 200, 12), (0, 300, 12))
    segmentation = segmented(scattered, patches)
    assert len(segmentation.lesions) == 3
    assert {"several lesions", "lesion too small", "cut by the border"}.isdisjoint(
        names(assess(photo_of(scattered), segmentation))
    )
    nothing = np.zeros(HW, np.bool_)
    assert names(assess(photo_of(nothing), segmented(nothing, patches))) == []


def test_figures_hardly_depend_on_the_size_of_the_photo() -> None:
    large = cv2.resize(photo_of(ONE), (2560, 1920), interpolation=cv2.INTER_CUBIC)
    large_mask = cv2.resize(ONE.view(np.uint8), (2560, 1920), interpolation=cv2.INTER_NEAREST) == 1
    whole = assess(np.asarray(large, np.uint8), segmented(large_mask)).figures
    reduced = assess(photo_of(ONE), segmented(large_mask)).figures

    # The variance of a Laplacian taken at each photo's own size would differ about hundredfold.
    assert whole["sharpness"] == pytest.approx(reduced["sharpness"], rel=0.25)
    for figure in ("area_share", "brightest", "green_or_blue"):
        assert whole[figure] == pytest.approx(reduced[figure], rel=0.05, abs=0.5)


def test_a_lesion_of_few_pixels_lacks_detail() -> None:
    reduced = np.asarray(cv2.resize(photo_of(ONE), (64, 48), interpolation=cv2.INTER_AREA), np.uint8)
    segmentation = segmented(ONE)
    assert (
        assess(reduced, segmentation).figures["sharpness"]
        < assess(photo_of(ONE), segmentation).figures["sharpness"] / 4
    )


def test_a_close_up_of_a_small_lesion_asks_for_more_of_the_photo() -> None:
    hw = (3000, 4000)
    small, large = (segmented(discs((2000, 1500, radius), hw=hw)).lesions[0] for radius in (200, 1400))
    # 400 px and a quarter of that on either side make 600 px, which should be twice 256: 512 of 600.
    assert hw_for_close_up(hw, small) == pytest.approx((3000 * 512 / 600, 4000 * 512 / 600), rel=0.05)
    assert hw_for_close_up(hw, large) == pytest.approx((3000 * 512 / 4000, 4000 * 512 / 4000), rel=0.1)
    assert hw_for_close_up(hw, None) == (384, 512)
    assert hw_for_close_up((100, 80), None) == (100, 80)


def test_a_photo_of_another_shape_or_type_is_refused() -> None:
    segmentation = segmented(ONE)
    with pytest.raises(ValueError, match=r"it is 640 x 480, .* of 480 x 640; give the photo that was segmented"):
        assess(np.zeros((640, 480, 3), np.uint8), segmentation)
    with pytest.raises(ValueError, match=r"got \(480, 640\) uint8, expected \(H, W, 3\) uint8 RGB"):
        assess(np.zeros(HW, np.uint8), segmentation)


def test_an_odd_reduced_decoding_is_of_the_same_photo() -> None:
    mask = discs((320, 240, 110), hw=(477, 643))
    reduced = np.asarray(
        cv2.resize(photo_of(mask), (81, 60), interpolation=cv2.INTER_AREA), np.uint8
    )  # 1/8, rounded up
    assert assess(reduced, segmented(mask)).figures["lesions"] == 1


def test_json_has_plain_values() -> None:
    document = assess((photo_of(ONE) * 0.2).astype(np.uint8), segmented(ONE)).to_json()
    assert json.loads(json.dumps(document)) == document
    assert document["verdict"] == "retake"
    assert list(document) == ["verdict", "findings", "figures"]


def test_one_blocking_finding_is_enough_for_another_photo() -> None:
    mild = Finding(name="glare", value=0.01, limit=0.002, sentence="light is mirrored", is_blocking=False)
    assert Quality(findings=(mild,), figures={}).verdict == "usable"
    assert Quality(findings=(mild, replace(mild, is_blocking=True)), figures={}).verdict == "retake"


def real_photos(real_data: Path) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
    for path in sorted((real_data / "full_size").glob("*.jpg")):
        mask = decode(path.with_name(f"{path.stem}_mask.png")).pixels[:, :, 0] >= 128
        yield decode(path).pixels, mask


def test_no_real_photo_of_the_eight_has_to_be_taken_again_and_every_dark_copy_has(real_data: Path) -> None:
    for photo, mask in real_photos(real_data):
        segmentation = segmented(mask)
        assert not [
            f.sentence for f in assess(photo, segmentation).findings if f.is_blocking and f.name != "cut by the border"
        ]
        assert "too dark" in names(assess((photo * 0.2).astype(np.uint8), segmentation))
