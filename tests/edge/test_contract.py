"""A contract that exists is valid, and travels through JSON unchanged."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import pytest

from skinseg_edge.acceptance_limits import AcceptanceLimits, PrecisionLimits
from skinseg_edge.contract import CONTRACT_SCHEMA, ModelContract
from skinseg_edge.errors import ContractInvalid, SchemaUnknown, SkinsegError

BINARY = ModelContract(input_hw=(256, 256))
FIVE_CLASSES = ModelContract(
    input_hw=(192, 320),
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    resize="letterbox",
    pad_value=0,
    classes=("background", "pigment network", "globule", "milia", "streak"),
    threshold=0.35,
)

MELASMA = ModelContract(
    input_hw=(512, 512), classes=("BACKGROUND", "ET", "HHB", "XB", "LF", "RF"), lesion_classes=("HHB",)
)

STRICT = dataclasses.replace(
    BINARY, limits=PrecisionLimits(int8=AcceptanceLimits(mean_dice=1, expert_dice_drop=0, subgroup_dice_drop=0.02))
)


def _document(**changes: object) -> dict[str, object]:
    return BINARY.to_json() | changes


@pytest.mark.parametrize("contract", [BINARY, FIVE_CLASSES, MELASMA, STRICT])
def test_a_contract_comes_back_from_json_text_unchanged(contract: ModelContract) -> None:
    assert ModelContract.from_json(json.loads(json.dumps(contract.to_json()))) == contract


def test_the_json_of_a_contract_is_what_other_programs_read() -> None:
    assert BINARY.to_json() == {
        "schema": "skinseg.contract/1",
        "input_hw": [256, 256],
        "colour_order": "RGB",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "resize": "stretch",
        "pad_value": 128,
        "classes": ["lesion"],
        "output": "sigmoid",
        "threshold": 0.5,
    }


def test_one_class_is_a_sigmoid_and_several_are_a_softmax() -> None:
    assert (BINARY.is_binary, BINARY.output) == (True, "sigmoid")
    assert (FIVE_CLASSES.is_binary, FIVE_CLASSES.output) == (False, "softmax")


@pytest.mark.parametrize(
    ("contract", "indices"),
    [
        (BINARY, (0,)),
        (ModelContract(input_hw=(256, 256), lesion_classes=("lesion",)), (0,)),
        (FIVE_CLASSES, (1, 2, 3, 4)),
        (MELASMA, (2,)),
        (dataclasses.replace(FIVE_CLASSES, lesion_classes=("streak", "globule")), (2, 4)),
    ],
)
def test_lesion_is_every_class_but_the_background_unless_named(
    contract: ModelContract, indices: tuple[int, ...]
) -> None:
    assert contract.lesion_indices == indices
    assert contract.lesion_labels == ((1,) if contract.is_binary else indices)


def test_the_json_names_lesion_classes_only_where_a_contract_does() -> None:
    # Contracts of before, and their fingerprints, stay what they were.
    assert "lesion_classes" not in FIVE_CLASSES.to_json()
    assert MELASMA.to_json()["lesion_classes"] == ["HHB"]


def test_the_json_names_limits_only_where_they_are_not_the_usual_ones() -> None:
    assert "limits" not in MELASMA.to_json()
    assert STRICT.to_json()["limits"] == {
        "fp16": {"mean_dice": 0.998, "expert_dice_drop": 0.002, "subgroup_dice_drop": 0.01},
        "int8": {"mean_dice": 1, "expert_dice_drop": 0, "subgroup_dice_drop": 0.02},
    }


def test_limits_of_another_type_are_refused() -> None:
    with pytest.raises(ContractInvalid, match=r"limits are \{\}, expected PrecisionLimits"):
        ModelContract(input_hw=(256, 256), limits={})  # type: ignore[arg-type]  # the point of the test


def test_a_contract_cannot_be_changed_but_serves_as_a_key() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        BINARY.threshold = 0.9  # type: ignore[misc]  # the point of the test
    assert {BINARY: "found"}[ModelContract(input_hw=(256, 256))] == "found"


@pytest.mark.parametrize("side", [16, 4096])
def test_the_outermost_sides_are_accepted(side: int) -> None:
    assert ModelContract(input_hw=(side, side)).input_hw == (side, side)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("input_hw", (15, 256), "input_hw is (15, 256), expected two whole numbers from 16 to 4096"),
        ("input_hw", (256, 4097), "input_hw is (256, 4097)"),
        ("input_hw", (256,), "input_hw is (256,)"),
        ("input_hw", (256, 256, 3), "input_hw is (256, 256, 3)"),
        ("input_hw", [256, 256], "input_hw is [256, 256]"),
        ("input_hw", (256.0, 256), "input_hw is (256.0, 256)"),
        ("input_hw", (True, 256), "input_hw is (True, 256)"),
        ("input_hw", None, "input_hw is None"),
        ("mean", (0.5, 0.5), "mean is (0.5, 0.5), expected three finite numbers"),
        ("mean", (0.5, 0.5, float("nan")), "mean is (0.5, 0.5, nan)"),
        ("mean", (0.5, 0.5, float("-inf")), "mean is (0.5, 0.5, -inf)"),
        ("mean", (0.5, 0.5, "0.5"), "mean is (0.5, 0.5, '0.5')"),
        ("mean", (0.5, 0.5, True), "mean is (0.5, 0.5, True)"),
        ("mean", (0, 0, 10**400), "mean is (0, 0, 1000"),
        ("std", (0.5, 0.0, 0.5), "std is (0.5, 0.0, 0.5), expected numbers above 0"),
        ("std", (0.5, 0.5, -0.1), "std is (0.5, 0.5, -0.1)"),
        ("std", (), "std is (), expected three finite numbers"),
        ("resize", "pad", "resize is 'pad', expected 'stretch', 'letterbox', 'crop'"),
        ("resize", None, "resize is None"),
        ("resize", ["crop"], "resize is ['crop']"),
        ("pad_value", -1, "pad_value is -1, expected a whole number from 0 to 255"),
        ("pad_value", 256, "pad_value is 256"),
        ("pad_value", 127.5, "pad_value is 127.5"),
        ("pad_value", False, "pad_value is False"),
        ("classes", (), "classes are (), expected distinct printable names"),
        ("classes", ("lesion", "lesion"), "classes are ('lesion', 'lesion')"),
        ("classes", ("background", " "), "classes are ('background', ' ')"),
        ("classes", ("background", 1), "classes are ('background', 1)"),
        ("classes", ("\x1b[2J",), "classes are ('\\x1b[2J',)"),
        ("classes", ("\ud800",), "classes are ('\\ud800',)"),
        ("classes", ["lesion"], "classes are ['lesion']"),
        ("classes", "lesion", "classes are 'lesion'"),
        ("classes", None, "classes are None"),
        ("classes", tuple(f"class {k}" for k in range(257)), "there are 257 classes, expected at most 256"),
        ("threshold", 0.0, "threshold is 0.0, expected a number between 0 and 1"),
        ("threshold", 1, "threshold is 1"),
        ("threshold", float("nan"), "threshold is nan"),
        ("threshold", "0.5", "threshold is '0.5'"),
        ("threshold", True, "threshold is True"),
        ("lesion_classes", ("mole",), "lesion_classes are ('mole',), expected a tuple of names from ['lesion']"),
        ("lesion_classes", ("lesion", "lesion"), "lesion_classes are ('lesion', 'lesion')"),
        ("lesion_classes", ["lesion"], "lesion_classes are ['lesion']"),
        ("lesion_classes", "lesion", "lesion_classes are 'lesion'"),
        ("lesion_classes", (["lesion"],), "lesion_classes are (['lesion'],)"),
        ("lesion_classes", None, "lesion_classes are None"),
    ],
)
def test_a_value_that_breaks_its_rule_is_refused_with_value_and_rule(field: str, value: Any, words: str) -> None:
    arguments: dict[str, Any] = {"input_hw": (256, 256), field: value}
    with pytest.raises(ContractInvalid) as caught:
        ModelContract(**arguments)
    assert str(caught.value).startswith("cannot accept the contract: ")
    assert words in str(caught.value)
    assert len(str(caught.value)) < 300


def test_the_background_is_no_lesion() -> None:
    with pytest.raises(ContractInvalid) as caught:
        dataclasses.replace(MELASMA, lesion_classes=("BACKGROUND", "HHB"))
    assert "lesion_classes are ('BACKGROUND', 'HHB'), expected a tuple of names from ['ET', 'HHB'" in str(caught.value)


@pytest.mark.parametrize("schema", ["skinseg.contract/2", None, 1, ["skinseg.contract/1"]])
def test_an_unknown_schema_is_refused_by_name(schema: object) -> None:
    with pytest.raises(SchemaUnknown) as caught:
        ModelContract.from_json(_document(schema=schema))
    assert f"its schema is {schema!r}, this version reads '{CONTRACT_SCHEMA}'" in str(caught.value)
    assert "update skinseg-edge" in str(caught.value)


def test_an_unknown_schema_is_named_before_its_fields_are_judged() -> None:
    with pytest.raises(SchemaUnknown, match=r"skinseg\.contract/9"):
        ModelContract.from_json({"schema": "skinseg.contract/9", "input_size": 256})


@pytest.mark.parametrize("field", [field for field in BINARY.to_json() if field != "schema"])
def test_a_missing_field_is_named(field: str) -> None:
    document = {name: value for name, value in BINARY.to_json().items() if name != field}
    with pytest.raises(ContractInvalid, match=f"field '{field}' is missing"):
        ModelContract.from_json(document)


def test_a_foreign_field_is_named() -> None:
    with pytest.raises(ContractInvalid, match="field 'gamma' is unknown"):
        ModelContract.from_json(_document(gamma=2.2))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("colour_order", "BGR", "colour_order is 'BGR', expected 'RGB'"),
        ("output", "softmax", "output is 'softmax', expected 'sigmoid'"),
        ("output", None, "output is None, expected 'sigmoid'"),
        ("input_hw", 256, "input_hw is 256, expected a list"),
        ("input_hw", "256", "input_hw is '256', expected a list"),
        ("input_hw", [256], "input_hw is (256,), expected two"),
        ("mean", {"r": 0.5}, "mean is {'r': 0.5}, expected a list"),
        ("std", None, "std is None, expected a list"),
        ("std", [[1], [1], [1]], "std is ([1], [1], [1]), expected three finite numbers"),
        ("classes", "lesion", "classes is 'lesion', expected a list"),
        ("classes", [["lesion"]], "classes are (['lesion'],)"),
        ("lesion_classes", "lesion", "lesion_classes is 'lesion', expected a list"),
        ("lesion_classes", {"lesion": 1}, "lesion_classes is {'lesion': 1}, expected a list"),
        ("lesion_classes", [["lesion"]], "lesion_classes are (['lesion'],)"),
        ("lesion_classes", ["x" * 100_000], "lesion_classes are ('xxx"),
        ("lesion_classes", ["mole"] * 100_000, "lesion_classes are ('mole', 'mole'"),
        ("limits", None, "limits is None, expected a JSON object"),
        ("limits", {"fp16": {}}, "field 'int8' of limits is missing"),
        ("limits", {"x" * 100_000: 1}, "field 'fp16' of limits is missing"),
        ("threshold", {}, "threshold is {}, expected a number"),
        ("threshold", "x" * 100_000, "threshold is 'xxx"),
    ],
)
def test_a_field_of_another_kind_is_refused_in_a_short_sentence(field: str, value: object, words: str) -> None:
    with pytest.raises(ContractInvalid) as caught:
        ModelContract.from_json(_document(**{field: value}))
    assert words in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("document", [None, [], "skinseg.contract/1", 3])
def test_what_is_no_object_is_refused(document: object) -> None:
    with pytest.raises(ContractInvalid, match="expected a JSON object"):
        ModelContract.from_json(document)


def test_whatever_json_brings_gives_a_contract_or_one_of_our_errors() -> None:
    odd_values: list[object] = [None, True, -1, 0.5, 1e308, 10**400, "", "RGB", [], [[]], [256, 256], {}, {"a": None}]
    for field in (*MELASMA.to_json(), "limits"):
        for value in odd_values:
            document: Mapping[str, object] = _document(**{field: value})
            try:
                contract = ModelContract.from_json(document)
            except SkinsegError:
                continue
            assert ModelContract.from_json(contract.to_json()) == contract
