"""The verdict over figures that are given: each worked out by hand, each limit broken once."""

import dataclasses
import json
import math

import pytest

from skinseg_edge.acceptance_limits import AcceptanceLimits
from skinseg_edge.errors import InputError, ParityFailed
from skinseg_edge.manifest import Artefact
from skinseg_runtime.acceptance import Acceptance, PictureFigures

LIMITS = AcceptanceLimits(mean_dice=0.95, expert_dice_drop=0.01, subgroup_dice_drop=0.02)
PERFECT = PictureFigures(name="00.jpg", dice=1.0, iou=1.0, hd95_px=0.0, nsd=1.0, area_drift=0.0, diameter_drift=0.0)


def picture(number: int, dice: float = 1.0, drop: float | None = None, **groups: str) -> PictureFigures:
    """A picture of which only Dice, what it loses in Dice to the expert (of 0.9), and groups matter."""
    lost = {} if drop is None else {"expert_dice": 0.9 - drop, "trained_expert_dice": 0.9}
    return dataclasses.replace(PERFECT, name=f"{number:02d}.jpg", dice=dice, groups=groups, **lost)


def verdict(*pictures: PictureFigures) -> Acceptance:
    return Acceptance("int8", LIMITS, pictures)


def test_what_agrees_fully_passes() -> None:
    acceptance = verdict(*(picture(number, drop=0.0, tone="tan") for number in range(12)))

    assert acceptance.passed
    acceptance.check("model.int8.onnx")
    assert (acceptance.mean_dice, acceptance.mean_iou, acceptance.mean_nsd, acceptance.lower_bound) == (1, 1, 1, 1)
    assert (acceptance.median_hd95_px, acceptance.area_drifts, acceptance.diameter_drifts) == (0, (0, 0), (0, 0))
    assert acceptance.expert_dice_drop == 0


def test_no_picture_is_no_verdict() -> None:
    with pytest.raises(InputError, match=r"cannot judge the int8 artefact: there is no picture, expected one or more"):
        verdict()


def test_percentiles_are_figures_of_pictures_and_lean_to_the_worse() -> None:
    # Dice 0.80, 0.81 ... 0.99: the 5th percentile of 20 lies between the lowest two (index 0.95), the lowest is taken.
    twenty = verdict(*(picture(number, 0.8 + number / 100) for number in range(20)))
    # 21 pictures: index 1 exactly.
    twenty_one = verdict(*(picture(number, 0.8 + number / 100) for number in range(21)))

    assert (twenty.fifth_percentile, twenty_one.fifth_percentile) == (0.8, 0.81)


def test_drifts_are_told_as_median_and_95th_percentile() -> None:
    pictures = [
        dataclasses.replace(PERFECT, area_drift=number / 100, diameter_drift=number / 200) for number in range(21)
    ]

    acceptance = verdict(*pictures)

    assert acceptance.area_drifts == (0.1, 0.19)
    assert acceptance.diameter_drifts == (0.05, 0.095)


def test_the_worst_pictures_come_first_and_a_nan_is_the_worst_of_all() -> None:
    acceptance = verdict(picture(1, 0.97), picture(2, 0.2), picture(3, math.nan), picture(4, 0.99))

    assert acceptance.worst.name == "03.jpg"
    assert [each.name for each in acceptance.worst_pictures(3)] == ["03.jpg", "02.jpg", "01.jpg"]
    assert len(acceptance.worst_pictures(10)) == 4


def test_the_lower_bound_is_that_of_a_normal_mean_where_there_are_many_pictures() -> None:
    # 200 pictures of 0.9 and 200 of 1.0: mean 0.95, standard error 0.05 / sqrt(400) = 0.0025; 1.96 of them below.
    acceptance = verdict(*(picture(number, 0.9 if number % 2 else 1.0) for number in range(400)))

    assert acceptance.lower_bound == pytest.approx(0.95 - 1.96 * 0.0025, abs=0.0005)
    assert acceptance.lower_bound == verdict(*acceptance.pictures).lower_bound


def test_too_low_a_mean_dice_is_told_with_the_limit_and_the_worst_picture() -> None:
    acceptance = verdict(picture(1, 0.99), picture(2, 0.7), picture(3, 0.98))

    assert acceptance.faults() == ("its mean Dice to the trained network's masks is 0.89000, expected at least 0.95",)
    with pytest.raises(ParityFailed) as caught:
        acceptance.check("model.int8.onnx")
    assert str(caught.value) == (
        "cannot accept model.int8.onnx: its mean Dice to the trained network's masks is 0.89000, expected at least "
        "0.95; the worst of 3 pictures is 02.jpg with a Dice of 0.7000; look at the worst pictures, or use a higher "
        "precision"
    )
    assert caught.value.exit_code == 1


def test_a_single_bad_picture_among_many_good_ones_shows_and_does_not_break_the_mean() -> None:
    acceptance = verdict(picture(0, 0.3), *(picture(number) for number in range(1, 40)))

    assert acceptance.passed
    assert acceptance.worst.dice == 0.3


def test_a_drop_against_the_experts_is_a_fault_even_where_the_masks_hardly_changed() -> None:
    acceptance = verdict(picture(1, drop=0.03), picture(2, drop=-0.002), picture(3))

    assert acceptance.expert_dice_drop == pytest.approx(0.014)  # of the two that have an expert's mask
    assert acceptance.faults() == (
        "its mean Dice to the experts' masks is 0.01400 lower than the trained network's, expected at most 0.01",
    )


def test_to_be_nearer_to_the_experts_than_the_trained_network_is_no_fault() -> None:
    acceptance = verdict(picture(1, drop=-0.2))

    assert acceptance.passed
    assert acceptance.expert_dice_drop == pytest.approx(-0.2)


def test_without_experts_nothing_is_said_about_them() -> None:
    acceptance = verdict(picture(1))

    assert acceptance.expert_dice_drop is None
    assert "expert_dice_drop" not in acceptance.checks()


def test_a_group_that_loses_more_than_the_others_is_named_although_the_mean_holds() -> None:
    dark = [picture(number, 0.96, drop=0.025, tone="dark") for number in range(10)]
    light = [picture(10 + number, 1.0, drop=0.0, tone="light") for number in range(30)]

    acceptance = verdict(*dark, *light)

    assert acceptance.expert_dice_drop is not None
    assert acceptance.expert_dice_drop < LIMITS.expert_dice_drop
    assert acceptance.faults() == (
        "its Dice drops by 0.02500 in the group tone: dark (10 pictures), expected at most 0.02",
    )
    assert acceptance.worst_group is not None
    assert (acceptance.worst_group.name, acceptance.worst_group.count) == ("tone: dark", 10)


def test_without_experts_a_group_is_held_against_all_pictures() -> None:
    # Mean of all: (10 x 0.96 + 30 x 1.0) / 40 = 0.99.
    groups = verdict(
        *(picture(number, 0.96, tone="dark") for number in range(10)),
        *(picture(number, 1.0, tone="light") for number in range(30)),
    ).groups()

    assert [(group.value, group.count) for group in groups] == [("dark", 10), ("light", 30)]
    assert [group.mean_dice for group in groups] == pytest.approx([0.96, 1.0])
    assert [group.drop for group in groups] == pytest.approx([0.03, -0.01])


def test_a_few_experts_masks_do_not_speak_for_a_large_group() -> None:
    # 3 of 12 have an expert's mask, which says there is no loss; the Dice of all 12 says there is.
    few = [picture(number, 0.9, drop=0.0 if number < 3 else None, tone="dark") for number in range(12)]

    dark = verdict(*few, *(picture(number, tone="light") for number in range(36))).groups()[0]

    assert dark.drop == pytest.approx(0.975 - 0.9)


def test_a_small_group_is_shown_and_not_judged() -> None:
    acceptance = verdict(
        *(picture(number, 0.8, tone="dark") for number in range(9)), *(picture(number) for number in range(90))
    )

    dark = acceptance.groups()[0]

    assert (dark.name, dark.count, dark.is_judged) == ("tone: dark", 9, False)
    assert dark.drop > LIMITS.subgroup_dice_drop
    assert acceptance.worst_group is None
    assert acceptance.passed


def test_every_broken_limit_is_a_fault_of_its_own() -> None:
    pictures = [picture(number, 0.5, drop=0.3, tone="dark", size="small") for number in range(10)]

    assert len(verdict(*pictures).faults()) == 4  # the mean, the experts, and both groups


@pytest.mark.parametrize(
    "broken",
    [
        [picture(1, math.nan), *(picture(number) for number in range(40))],
        [picture(1, drop=math.nan), *(picture(number, drop=0.0) for number in range(40))],
        [picture(number, drop=math.nan if number == 1 else 0.0, tone="dark") for number in range(40)],
    ],
    ids=["of all", "of experts", "of a group"],
)
def test_a_figure_that_is_none_breaks_its_limit(broken: list[PictureFigures]) -> None:
    acceptance = verdict(*broken)

    assert not acceptance.passed
    assert "nan" in acceptance.faults()[-1]


def test_the_manifest_takes_the_short_form_and_never_gets_an_infinity() -> None:
    lost = dataclasses.replace(PERFECT, dice=0.0, hd95_px=math.inf, area_drift=math.inf, groups={"tone": "tan"})

    checks = verdict(*[lost] * 10, picture(1)).checks()

    Artefact(name="onnx-int8", path="model.int8.onnx", precision="int8", status="failed", checks=checks)
    assert checks["gate_pictures"] == 11
    assert checks["worst_group"] == "tone: tan"
    assert checks["worst_dice"] == 0
    assert {"median_hd95_px", "area_drift_median", "area_drift_p95"}.isdisjoint(checks)
    assert {"mean_dice", "fifth_percentile_dice", "lower_bound_dice", "diameter_drift_p95"} <= set(checks)


def test_the_whole_report_is_strict_json() -> None:
    lost = dataclasses.replace(PERFECT, dice=0.0, hd95_px=math.inf, area_drift=math.inf, groups={"tone": "tan"})

    report = json.loads(json.dumps(verdict(lost, picture(1, drop=0.1)).to_json(), allow_nan=False))

    assert (report["schema"], report["precision"], report["passed"]) == ("skinseg.acceptance/1", "int8", False)
    assert report["limits"] == {"mean_dice": 0.95, "expert_dice_drop": 0.01, "subgroup_dice_drop": 0.02}
    assert len(report["faults"]) == 2
    assert report["pictures"][0]["hd95_px"] is None
    assert report["pictures"][0]["groups"] == {"tone": "tan"}
    assert report["pictures"][1]["trained_expert_dice"] == 0.9
    assert (report["groups"][0]["kind"], report["groups"][0]["is_judged"]) == ("tone", False)
    assert report["figures"]["mean_dice"] == 0.5
