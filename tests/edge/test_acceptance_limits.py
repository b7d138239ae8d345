"""Limits are numbers from 0 to 1, known for every precision, and read strictly."""

import json
import math
from typing import Any

import pytest

from skinseg_edge.acceptance_limits import AcceptanceLimits, PrecisionLimits
from skinseg_edge.errors import ContractInvalid, UnknownName

LIMITS = PrecisionLimits(fp16=AcceptanceLimits(mean_dice=0.9, expert_dice_drop=0.1, subgroup_dice_drop=0.2))


def test_the_limits_that_hold_where_nobody_says_otherwise() -> None:
    usual = PrecisionLimits()

    assert usual.fp16 == AcceptanceLimits(mean_dice=0.998, expert_dice_drop=0.002, subgroup_dice_drop=0.01)
    assert usual.int8 == AcceptanceLimits(mean_dice=0.985, expert_dice_drop=0.005, subgroup_dice_drop=0.01)


def test_single_precision_is_held_to_the_limits_of_half_and_a_mix_to_those_of_eight_bits() -> None:
    assert LIMITS.of("fp32") is LIMITS.of("fp16") is LIMITS.fp16
    assert LIMITS.of("auto") is LIMITS.of("int8") is LIMITS.int8


def test_a_precision_that_nobody_knows_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownName, match=r"precision 'int4': known are auto, fp16, fp32, int8"):
        LIMITS.of("int4")


def test_limits_come_back_from_json_text_unchanged() -> None:
    assert PrecisionLimits.from_json(json.loads(json.dumps(LIMITS.to_json()))) == LIMITS


@pytest.mark.parametrize("value", [-0.1, 1.001, math.nan, math.inf, True, None, "0.9", 10**400])
@pytest.mark.parametrize("name", ["mean_dice", "expert_dice_drop", "subgroup_dice_drop"])
def test_a_limit_that_is_no_share_is_refused_by_name(name: str, value: Any) -> None:
    values = {"mean_dice": 0.9, "expert_dice_drop": 0.1, "subgroup_dice_drop": 0.1, name: value}

    with pytest.raises(ContractInvalid, match=rf"{name} of the limits is .*, expected a number from 0 to 1"):
        AcceptanceLimits(**values)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"int8": None}, "limits.int8 is None, expected a JSON object"),
        ({"int8": {"mean_dice": 0.9}}, "field 'expert_dice_drop' of limits.int8 is missing"),
        ({"int4": {}}, "field 'int4' of limits is unknown"),
        (
            {"fp16": {"mean_dice": 0.9, "expert_dice_drop": 0, "subgroup_dice_drop": 2}},
            "subgroup_dice_drop of limits.fp16 is 2",
        ),
    ],
)
def test_limits_of_another_form_are_refused_in_words(change: dict[str, object], words: str) -> None:
    with pytest.raises(ContractInvalid) as caught:
        PrecisionLimits.from_json(LIMITS.to_json() | change)
    assert words in str(caught.value)


def test_what_are_no_limits_cannot_stand_for_them() -> None:
    with pytest.raises(ContractInvalid, match=r"int8 is 0.985, expected AcceptanceLimits"):
        PrecisionLimits(int8=0.985)  # type: ignore[arg-type]  # the point of the test
