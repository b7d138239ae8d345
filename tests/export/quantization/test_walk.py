"""The walk against damage that is known, and against gates that answer as they like."""

import itertools
import json
from collections.abc import Callable

import numpy as np
import pytest

from skinseg_export.quantization.sensitivity import Sensitivity, Trial, measure_sensitivity
from skinseg_export.quantization.walk import Gate, Verdict, WalkResult, most_gate_calls, walk

LIMIT = 0.985


def names(count: int) -> tuple[str, ...]:
    return tuple(f"layer{index}" for index in range(count))


def gate_of(trial: Trial, limit: float = LIMIT) -> Gate:
    def gate(quantized: frozenset[str]) -> Verdict:
        dice = trial(quantized)
        passed = dice >= limit
        return Verdict(passed, dice, "" if passed else f"mean Dice {dice:.4f} is below {limit}")

    return gate


def measured(layers: tuple[str, ...], trial: Trial) -> Sensitivity:
    return measure_sensitivity(layers, trial, dict.fromkeys(layers, 1))


class Counting:
    """A gate that never may be asked for nothing quantized, nor the same twice."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.asked: list[frozenset[str]] = []

    def __call__(self, quantized: frozenset[str]) -> Verdict:
        assert quantized
        assert quantized not in self.asked
        self.asked.append(quantized)
        return self._gate(quantized)


def check_holds(result: WalkResult, layers: tuple[str, ...], gate: Gate) -> None:
    """Check what every result promises: it is a split of the layers, and the full gate passes it."""
    assert result.quantized | set(result.restored) == set(layers)
    assert not result.quantized & set(result.restored)
    if result.quantized:
        assert gate(result.quantized).passed
        assert result.verdict == gate(result.quantized)
    else:
        assert result.is_all_restored
        assert "use fp16" in result.story()


def additive(layers: tuple[str, ...], random: np.random.Generator) -> Trial:
    damage = dict(zip(layers, random.exponential(random.choice([0.0003, 0.002, 0.01]), len(layers)), strict=True))
    return lambda quantized: 0.9995 - sum(damage[layer] for layer in sorted(quantized))


def pairwise(layers: tuple[str, ...], random: np.random.Generator) -> Trial:
    """Damage that grows with the quantized layers, most of it by pairs."""
    own: dict[str, float] = dict(zip(layers, random.exponential(0.0005, len(layers)).tolist(), strict=True))
    pairs = {
        frozenset(pair): float(random.exponential(0.02))
        for pair in itertools.combinations(layers, 2)
        if random.random() < 0.1
    }

    def trial(quantized: frozenset[str]) -> float:
        return 1 - sum(own[layer] for layer in sorted(quantized)) - sum(d for p, d in pairs.items() if p <= quantized)

    return trial


def worst_counts(layers: tuple[str, ...], random: np.random.Generator) -> Trial:
    """Damage of the worst layer only: the others hide behind it."""
    damage = dict(zip(layers, random.exponential(0.01, len(layers)), strict=True))
    return lambda quantized: 1 - max((damage[layer] for layer in quantized), default=0.0)


def chaotic(layers: tuple[str, ...], random: np.random.Generator) -> Trial:
    """Any figure for any choice, the same each time."""
    seed, spread = int(random.integers(2**31)), float(random.choice([0.02, 0.1, 1.0]))
    place = {layer: index for index, layer in enumerate(layers)}

    def trial(quantized: frozenset[str]) -> float:
        bits = sum(1 << place[layer] for layer in quantized)
        return 1 - spread * float(np.random.default_rng([seed, bits]).random())

    return trial


def quick_trial(kind: str, trial: Trial, noise: Trial) -> Trial:
    kinds: dict[str, Trial] = {
        "same": trial,
        "noisy": lambda quantized: trial(quantized) + 0.01 * (noise(quantized) - 0.5),
        "always passes": lambda quantized: 1.0,
        "never passes": lambda quantized: 0.0,
    }
    return kinds[kind]


Damage = Callable[[tuple[str, ...], np.random.Generator], Trial]


@pytest.mark.parametrize("seed", range(40))
def test_with_damage_that_adds_up_no_smaller_set_of_restored_layers_passes(seed: int) -> None:
    random = np.random.default_rng(seed)
    layers = names(int(random.integers(1, 50)))
    trial = additive(layers, random)
    result = walk(layers, measured(layers, trial), gate_of(trial))
    check_holds(result, layers, gate_of(trial))
    damage = sorted((1 - trial(frozenset({layer})) for layer in layers), reverse=True)
    fewer = len(result.restored) - 1  # the most harmful ones: if they do not suffice, no others do
    if fewer >= 0:  # 1 - 0.9995 is lost without any layer
        assert 0.9995 - sum(each - 0.0005 for each in damage[fewer:]) < LIMIT + 1e-12


@pytest.mark.parametrize("damage", [additive, pairwise, worst_counts, chaotic])
@pytest.mark.parametrize("quick", ["none", "same", "noisy", "always passes", "never passes"])
def test_whatever_the_damage_the_result_passes_the_full_gate_and_the_questions_are_bounded(
    damage: Damage, quick: str
) -> None:
    for seed in range(30):
        random = np.random.default_rng([seed, 7])
        layers = names(int(random.integers(1, 50)))
        trial, noise = damage(layers, random), chaotic(layers, random)
        full = Counting(gate_of(trial))
        cheap = Counting(gate_of(quick_trial(quick, trial, noise))) if quick != "none" else None
        result = walk(layers, measured(layers, trial), full, cheap)
        check_holds(result, layers, gate_of(trial))
        assert len(full.asked) <= most_gate_calls(len(layers))
        assert len(cheap.asked if cheap else ()) <= 2 * most_gate_calls(len(layers))
        assert len(result.steps) == len(full.asked) + len(cheap.asked if cheap else ())


@pytest.mark.parametrize("seed", range(30))
def test_no_restored_layer_could_go_back_where_more_quantized_layers_never_help(seed: int) -> None:
    random = np.random.default_rng(seed)
    layers = names(int(random.integers(2, 30)))
    for damage in (additive, pairwise, worst_counts):
        trial = damage(layers, random)
        result = walk(layers, measured(layers, trial), gate_of(trial))
        for layer in result.restored[-16:] if result.quantized else ():
            assert trial(result.quantized | {layer}) < LIMIT


def test_nothing_is_restored_where_all_layers_pass() -> None:
    layers = names(5)
    gate = Counting(gate_of(lambda quantized: 0.99))
    result = walk(layers, measured(layers, lambda quantized: 0.99), gate)
    assert (result.restored, len(gate.asked)) == ((), 1)
    assert result.story() == "All 5 layers stay in INT8: the gate passes at mean Dice 0.9900."


def test_two_layers_that_destroy_the_mask_each_are_both_restored_and_no_other() -> None:
    layers = names(42)
    culprits = {"layer7", "layer30"}

    def trial(quantized: frozenset[str]) -> float:
        return 0.31 + 0.001 * (len(quantized) % 3) if quantized & culprits else 0.995

    result = walk(layers, measured(layers, trial), gate_of(trial))
    assert set(result.restored) == culprits


def test_a_layer_restored_for_nothing_goes_back_to_int8() -> None:
    # The ranking was misled: what it holds for the worst does no harm to the gate's pictures.
    layers = names(8)
    sensitivity = measured(layers, lambda quantized: 1 - 0.2 * ("layer0" in quantized) - 0.1 * ("layer1" in quantized))
    result = walk(layers, sensitivity, gate_of(lambda quantized: 0.9 if "layer1" in quantized else 0.99))
    assert result.restored == ("layer1",)
    assert "1 layer restored on the way went back to INT8" in result.story()


def test_the_full_gate_has_the_last_word_over_the_quick_one() -> None:
    layers = names(12)
    damage = {layer: 0.005 * (index < 4) for index, layer in enumerate(layers)}

    def trial(quantized: frozenset[str]) -> float:
        return 0.9999 - sum(damage[layer] for layer in quantized)

    full, quick = Counting(gate_of(trial)), Counting(gate_of(trial, limit=0.982))  # too kind
    result = walk(layers, measured(layers, trial), full, quick)
    assert len(result.restored) == 2  # the quick gate is content with one
    assert result.verdict is not None
    assert result.verdict.passed
    phases = [(step.phase, step.is_quick, step.verdict.passed, len(step.restored)) for step in result.steps]
    assert phases[0] == ("all in INT8", False, False, 0)
    assert ("confirm", False, False, 1) in phases
    assert ("restore", False, True, 2) in phases


def test_where_no_layer_bears_int8_the_story_says_use_fp16() -> None:
    layers = names(6)
    gate = gate_of(lambda quantized: 0.5 + 0.01 * (6 - len(quantized)))
    result = walk(layers, measured(layers, lambda quantized: 0.5), gate)
    assert result.is_all_restored
    assert result.verdict is None
    assert result.story() == (
        "Nothing can stay in INT8, because with 6 layers in INT8 the gate refuses (mean Dice 0.5000 is below 0.985), "
        "and with only 1 layer so the gate refuses (mean Dice 0.5500 is below 0.985): use fp16. "
        "The gate was asked 10 times."
    )


def test_a_network_with_one_layer_that_fails_has_nothing_left() -> None:
    result = walk(("only",), measured(("only",), lambda quantized: 0.4), gate_of(lambda quantized: 0.4))
    assert (result.restored, len(result.steps)) == (("only",), 1)
    assert "because with 1 layer in INT8 the gate refuses (mean Dice 0.4000 is below 0.985): use fp16" in result.story()


def test_the_story_names_the_restored_layers_and_the_reason() -> None:
    layers = names(42)

    def trial(quantized: frozenset[str]) -> float:
        return 0.995 - 0.05 * len(quantized & {"layer3", "layer5"})

    result = walk(layers, measured(layers, trial), gate_of(trial), gate_of(trial))
    assert result.story() == (
        "Restored 2 of 42 layers to half precision: layer3, layer5, because with 42 layers in INT8 the gate refuses "
        "(mean Dice 0.8950 is below 0.985). Now it passes at mean Dice 0.9950. "
        "The gate was asked 5 times, 3 of them with fewer pictures."
    )


def test_the_steps_can_be_written_down() -> None:
    layers = names(2)

    def trial(quantized: frozenset[str]) -> float:
        return float("nan") if "layer1" in quantized else 1.0

    result = walk(layers, measured(layers, trial), gate_of(trial))
    document = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert document["restored"] == ["layer1"]
    assert document["quantized"] == ["layer0"]
    assert document["steps"][0] == {
        "phase": "all in INT8",
        "gate": "full",
        "restored": [],
        "passed": False,
        "mean_dice": None,
        "why": "mean Dice nan is below 0.985",
    }


def test_the_layers_must_be_those_that_were_measured() -> None:
    sensitivity = measured(names(3), lambda quantized: 1.0)
    gate = gate_of(lambda quantized: 1.0)
    with pytest.raises(ValueError, match="cannot walk over 2 layers: sensitivity was measured for 3"):
        walk(names(2), sensitivity, gate)
    with pytest.raises(ValueError, match="cannot walk over 0 layers"):
        walk((), Sensitivity((), 1.0, 1.0), gate)
