"""The gate with a real engine: what agrees passes, what strays fails, one picture at a time."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.acceptance_limits import AcceptanceLimits, PrecisionLimits
from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.errors import InputError, PictureUnreadable, UnknownName
from skinseg_edge.image_io import decode, decode_mask, encode_png
from skinseg_runtime import Segmenter
from skinseg_runtime.acceptance import Subject, groups_of, judge
from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine
from tests.runtime.tiny_bundle import binary_model, photo_and_mask

LOOSE = PrecisionLimits(int8=AcceptanceLimits(mean_dice=0, expert_dice_drop=1, subgroup_dice_drop=1))


@pytest.fixture(scope="module")
def segmenter() -> Iterator[Segmenter]:
    contract = ModelContract(input_hw=(64, 96))
    with Segmenter(contract, OnnxRuntimeEngine(binary_model(), contract)) as opened:
        yield opened


def stricter(segmenter: Segmenter, threshold: float) -> Segmenter:
    """The same network, which calls fewer pixels lesion."""
    return Segmenter(dataclasses.replace(segmenter.contract, threshold=threshold), segmenter.engine)


def drawn(segmenter: Segmenter, count: int) -> Iterator[Subject]:
    for seed in range(count):
        lesion = draw(seed, (120, 160))
        trained = segmenter.segment(lesion.photo).mask
        groups = groups_of(lesion.photo, lesion.mask)
        yield Subject(f"{seed:02d}.png", encode_png(lesion.photo), trained, lesion.mask, groups)


def ellipse(trained: NDArray[np.bool_]) -> Subject:
    return Subject("mole.png", encode_png(photo_and_mask()[0]), trained)


def test_the_trained_network_s_own_masks_pass_the_strictest_gate(segmenter: Segmenter) -> None:
    strictest = AcceptanceLimits(mean_dice=1, expert_dice_drop=0, subgroup_dice_drop=0)

    acceptance = judge(segmenter, drawn(segmenter, 12), precision="fp16", limits=PrecisionLimits(fp16=strictest))

    acceptance.check("model.fp16.onnx")
    assert acceptance.limits == strictest
    assert [picture.name for picture in acceptance.pictures] == [f"{seed:02d}.png" for seed in range(12)]
    assert {picture.hd95_px for picture in acceptance.pictures} == {0}
    assert {picture.diameter_drift for picture in acceptance.pictures} == {0}


def test_figures_are_those_of_masks_at_photo_size(segmenter: Segmenter) -> None:
    mask = segmenter.segment(photo_and_mask()[0]).mask
    longer = mask | np.roll(mask, 8, axis=1)  # 8 of 240 x 320 px to the right
    shifted_expert = np.roll(mask, 8, axis=1)
    subject = dataclasses.replace(ellipse(longer), expert=shifted_expert, groups={"skin tone": "tan"})

    [figures] = judge(segmenter, [subject], precision="int8", limits=LOOSE).pictures

    a, b = int(mask.sum()), int(longer.sum())  # the mask lies within the longer one
    assert figures.dice == pytest.approx(2 * a / (a + b))
    assert figures.iou == pytest.approx(a / b)
    assert figures.area_drift == pytest.approx((b - a) / b)
    assert 0.02 < figures.diameter_drift < 0.08  # 8 px of about 130, and the ellipse does not lie quite level
    assert 6 < figures.hd95_px <= 8
    assert 0 < figures.nsd < 1
    assert figures.expert_dice == pytest.approx(2 * int((mask & shifted_expert).sum()) / (2 * a))
    assert figures.trained_expert_dice == pytest.approx(2 * a / (a + b))
    assert figures.groups == {"skin tone": "tan"}


def test_a_network_that_finds_less_fails_with_the_limits_of_its_precision(segmenter: Segmenter) -> None:
    acceptance = judge(stricter(segmenter, 0.999), drawn(segmenter, 12), precision="int8")

    assert acceptance.limits == PrecisionLimits().int8
    assert "its mean Dice to the trained network's masks is 0." in acceptance.faults()[0]
    assert acceptance.worst.dice == min(picture.dice for picture in acceptance.pictures)
    assert acceptance.lower_bound < acceptance.mean_dice < 0.985


def test_the_limits_are_those_of_the_contract_unless_others_are_given(segmenter: Segmenter) -> None:
    other = Segmenter(dataclasses.replace(segmenter.contract, limits=LOOSE), segmenter.engine)
    nothing = ellipse(np.zeros((240, 320), np.bool_))

    assert judge(other, [nothing], precision="auto").passed
    assert not judge(other, [nothing], precision="auto", limits=PrecisionLimits()).passed


def test_a_lesion_that_is_lost_has_figures_without_end_and_fails(segmenter: Segmenter) -> None:
    mask = segmenter.segment(photo_and_mask()[0]).mask
    blank = Subject("blank.png", encode_png(np.full((240, 320, 3), 200, np.uint8)), mask)

    [lost] = judge(segmenter, [blank], precision="int8").pictures
    [invented] = judge(segmenter, [ellipse(np.zeros_like(mask))], precision="int8").pictures
    [agreed] = judge(segmenter, [dataclasses.replace(blank, trained=np.zeros_like(mask))], precision="int8").pictures

    assert (lost.dice, lost.nsd, lost.area_drift, lost.diameter_drift, lost.hd95_px) == (0, 0, 1, 1, np.inf)
    assert (invented.dice, invented.area_drift, invented.diameter_drift) == (0, np.inf, np.inf)
    assert (agreed.dice, agreed.nsd, agreed.area_drift, agreed.diameter_drift, agreed.hd95_px) == (1, 1, 0, 0, 0)


def test_subjects_are_taken_one_at_a_time(segmenter: Segmenter) -> None:
    asked: list[int] = []
    done: list[int] = []

    def subjects() -> Iterator[Subject]:
        for subject in drawn(segmenter, 3):
            asked.append(len(done))
            yield subject

    judge(segmenter, subjects(), precision="int8", limits=LOOSE, advance=lambda: done.append(1))

    assert asked == [0, 1, 2]
    assert len(done) == 3


def test_no_subject_is_no_verdict(segmenter: Segmenter) -> None:
    with pytest.raises(InputError, match="there is no picture"):
        judge(segmenter, iter(()), precision="int8")


def test_an_unknown_precision_is_refused_before_any_picture_is_run(segmenter: Segmenter) -> None:
    unreadable = Subject("x", b"no picture", np.zeros((1, 1), np.bool_))

    with pytest.raises(UnknownName, match="int4"):
        judge(segmenter, [unreadable], precision="int4")
    with pytest.raises(PictureUnreadable):
        judge(segmenter, [unreadable], precision="int8")


@pytest.mark.parametrize("whose", ["trained network's", "expert's"])
def test_a_mask_of_another_size_is_refused_with_both_sizes(segmenter: Segmenter, whose: str) -> None:
    upright, turned = np.zeros((240, 320), np.bool_), np.zeros((320, 240), np.bool_)
    wrong = ellipse(turned) if whose.startswith("trained") else dataclasses.replace(ellipse(upright), expert=turned)

    with pytest.raises(InputError) as caught:
        judge(segmenter, [wrong], precision="int8")
    assert f"cannot judge by mole.png: the {whose} mask is (320, 240), the upright photo (240, 320)" in str(
        caught.value
    )


@pytest.mark.parametrize(("side", "size"), [(22, "small"), (23, "medium"), (54, "medium"), (55, "large")])
def test_a_lesion_is_small_below_5_percent_of_the_photo_and_large_from_30(side: int, size: str) -> None:
    photo, lesion = np.full((100, 100, 3), (176, 128, 100), np.uint8), np.zeros((100, 100), np.bool_)
    lesion[:side, :side] = True  # 484, 529, 2916 and 3025 of 10000 pixels

    assert groups_of(photo, lesion) == {"skin tone": "tan", "lesion size": size}


def test_where_no_skin_is_seen_there_is_no_group_of_skin_tone() -> None:
    assert groups_of(np.zeros((50, 50, 3), np.uint8), np.ones((50, 50), np.bool_)) == {"lesion size": "large"}


def test_real_photos_are_judged_by_group_against_experts(segmenter: Segmenter, real_data: Path) -> None:
    folder = real_data / "isic2018"
    names = (folder / "validation.txt").read_text().split()[:24]
    truth = {name: decode_mask(folder / "masks" / f"{name}.png") for name in names}
    photos = {name: folder / "images" / f"{name}.jpg" for name in names}
    subjects = [
        Subject(
            name,
            photos[name],
            segmenter.segment(photos[name]).mask,
            truth[name],
            groups_of(decode(photos[name]).pixels, truth[name]),
        )
        for name in names
    ]

    same = judge(segmenter, subjects, precision="int8")
    less = judge(stricter(segmenter, 0.99), subjects, precision="int8")

    assert same.passed
    assert sum(group.count for group in same.groups() if group.kind == "lesion size") == len(names)
    assert not less.passed
    assert less.mean_dice < same.mean_dice == 1
    assert less.worst_group is not None
