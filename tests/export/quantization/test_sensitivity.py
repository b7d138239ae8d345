"""Sensitivity against damage that is known: both figures, the ranking, the table, the numbers for a program."""

import json

import pytest

from skinseg_edge.errors import InputError
from skinseg_export.quantization.sensitivity import (
    LayerSensitivity,
    Sensitivity,
    Trial,
    measure_sensitivity,
    sensitivity_table,
)
from skinseg_export.tables import csv_of, text_of

LAYERS = ("stem", "middle", "tail")
WEIGHTS = {"stem": 300, "middle": 200, "tail": 100}


def additive(damage: dict[str, float], *, without: float = 1.0) -> Trial:
    return lambda quantized: without - sum(damage[layer] for layer in quantized)


def test_a_layer_that_no_other_touches_loses_alone_what_it_regains() -> None:
    damage = {"stem": 0.01, "middle": 0.2, "tail": 0.0}
    sensitivity = measure_sensitivity(LAYERS, additive(damage, without=0.999), WEIGHTS)
    assert [each.layer for each in sensitivity.layers] == list(LAYERS)
    for each in sensitivity.layers:
        assert each.loss_alone == pytest.approx(damage[each.layer])
        assert each.gain_restored == pytest.approx(damage[each.layer])
        assert each.weights == WEIGHTS[each.layer]
    assert (sensitivity.none_dice, sensitivity.all_dice) == pytest.approx((0.999, 0.789))
    assert sensitivity.ranking == ("middle", "stem", "tail")


def test_two_layers_that_destroy_the_mask_each_rank_first_although_neither_regains_anything() -> None:
    noise = {"stem": 0.004, "middle": 0.0, "tail": 0.0}

    def trial(quantized: frozenset[str]) -> float:
        return 0.3 + noise["stem"] * ("stem" not in quantized) if quantized & {"middle", "tail"} else 0.99

    sensitivity = measure_sensitivity(LAYERS, trial, WEIGHTS)
    by_name = {each.layer: each for each in sensitivity.layers}
    assert by_name["middle"].gain_restored == by_name["tail"].gain_restored == 0
    assert by_name["stem"].gain_restored > 0
    assert sensitivity.ranking == ("tail", "middle", "stem")  # equal shares: the one with fewer weights first


def test_two_layers_that_harm_only_together_rank_first_although_neither_loses_anything_alone() -> None:
    def trial(quantized: frozenset[str]) -> float:
        return 1.0 - 0.6 * ({"middle", "tail"} <= quantized) - 0.001 * ("stem" in quantized)

    sensitivity = measure_sensitivity(LAYERS, trial, WEIGHTS)
    assert set(sensitivity.ranking[:2]) == {"middle", "tail"}
    assert sensitivity.layers[1].loss_alone == 0
    assert sensitivity.layers[1].share == pytest.approx(0.3)  # (0 + 0.6) / 2: Shapley splits the 0.6 evenly


def test_no_set_of_layers_is_tried_twice_and_every_figure_is_counted() -> None:
    tried: list[frozenset[str]] = []
    counted: list[None] = []

    def trial(quantized: frozenset[str]) -> float:
        tried.append(quantized)
        return 1.0

    measure_sensitivity(("one", "two"), trial, {"one": 1, "two": 1}, lambda: counted.append(None))
    assert sorted(map(sorted, tried)) == [[], ["one"], ["one", "two"], ["two"]]
    assert len(counted) == 2 + 2 * 2


def test_a_dice_that_is_no_number_counts_as_a_lost_mask() -> None:
    sensitivity = measure_sensitivity(LAYERS, lambda quantized: float("nan") if "tail" in quantized else 0.9, WEIGHTS)
    assert sensitivity.all_dice == 0
    assert sensitivity.ranking[0] == "tail"
    assert sensitivity.layers[2].loss_alone == sensitivity.layers[2].gain_restored == 0.9


def test_without_layers_there_is_nothing_to_measure() -> None:
    with pytest.raises(InputError, match="has none that can be quantized; use --precision fp16"):
        measure_sensitivity((), lambda quantized: 1.0, {})


def test_a_layer_must_have_its_weights_counted_and_stand_there_once() -> None:
    with pytest.raises(ValueError, match="nobody counted the weights of tail"):
        measure_sensitivity(LAYERS, lambda quantized: 1.0, {"stem": 1, "middle": 1})
    with pytest.raises(ValueError, match="stem stands there twice"):
        measure_sensitivity(("stem", "stem"), lambda quantized: 1.0, WEIGHTS)


def test_the_table_has_the_worst_layer_on_top_and_says_what_was_restored() -> None:
    sensitivity = measure_sensitivity(LAYERS, additive({"stem": 0.01, "middle": 0.2, "tail": 0.0}), WEIGHTS)
    table = sensitivity_table(sensitivity, restored=("middle",))
    assert [row[0] for row in table.rows] == ["middle", "stem", "tail"]
    assert [row[-1] for row in table.rows] == ["fp16", "int8", "int8"]
    assert "Mean Dice 0.7900 with all 3 layers in INT8, 1.0000 with none." in text_of([table])
    assert "\nmiddle,0.19999999999999996,0.19999999999999996,200,fp16\n" in csv_of([table])  # 1 - 0.8 in binary


def test_the_numbers_for_a_program_are_plain() -> None:
    sensitivity = Sensitivity((LayerSensitivity("a", 0.1, 0.3, 7), LayerSensitivity("b", 0.5, 0.5, 9)), 0.4, 1.0)
    assert json.loads(json.dumps(sensitivity.to_json())) == {
        "all_dice": 0.4,
        "none_dice": 1.0,
        "layers": [
            {"layer": "b", "loss_alone": 0.5, "gain_restored": 0.5, "weights": 9, "share": 0.5},
            {"layer": "a", "loss_alone": 0.1, "gain_restored": 0.3, "weights": 7, "share": 0.2},
        ],
    }
