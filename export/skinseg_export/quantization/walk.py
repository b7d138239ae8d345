"""From everything in INT8 back to the fewest restored layers that the acceptance gate lets pass.

Layers are restored in the order of their sensitivity: one, two, four, ..., until the gate passes, then the count is
halved in between. What the order restored for nothing is quantized again, a layer at a time. The gate may answer as it
likes, even pass four restored layers and refuse five: the walk ends, and what it returns is what the gate let pass.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from skinseg_export.quantization.sensitivity import Sensitivity

__all__ = ["Gate", "Verdict", "WalkResult", "WalkStep", "most_gate_calls", "walk"]

Phase: TypeAlias = Literal["all in INT8", "restore", "confirm", "quantize again"]

_MOST_PRUNED = 16  # layers that are tried in INT8 again; each asks the gate, which may take minutes
_NAMES_TOLD = 12


@dataclass(frozen=True)
class Verdict:
    """What the gate says of one choice of layers. *dice*: mean, to the trained masks. *why*: the first broken limit."""

    passed: bool
    dice: float
    why: str = ""


Gate: TypeAlias = Callable[[frozenset[str]], Verdict]  # takes the layers that are quantized, never none


@dataclass(frozen=True)
class WalkStep:
    """One question to a gate. *restored*: layers in half precision, in ranking order. *is_quick*: to the quick one."""

    phase: Phase
    restored: tuple[str, ...]
    verdict: Verdict
    is_quick: bool

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`; a Dice that is no finite number is null."""
        dice = self.verdict.dice if math.isfinite(self.verdict.dice) else None
        return {
            "phase": self.phase,
            "gate": "quick" if self.is_quick else "full",
            "restored": list(self.restored),
            "passed": self.verdict.passed,
            "mean_dice": dice,
            "why": self.verdict.why,
        }


@dataclass(frozen=True)
class WalkResult:
    """*quantized*: what stays in INT8. *restored*: what does not, the most harmful first. *steps*: every question."""

    quantized: frozenset[str]
    restored: tuple[str, ...]
    steps: tuple[WalkStep, ...]

    @property
    def is_all_restored(self) -> bool:
        """Whether nothing stays in INT8, so that the file would be the one in half precision."""
        return not self.quantized

    @property
    def verdict(self) -> Verdict | None:
        """What the full gate said of this very choice; None where nothing stays in INT8."""
        asked = {frozenset(step.restored): step.verdict for step in self.steps if not step.is_quick}
        return asked.get(frozenset(self.restored))

    def story(self) -> str:
        """Say in plain sentences what was done and why."""
        first, count = self.steps[0].verdict, len(self.quantized) + len(self.restored)
        if not self.restored:
            return f"All {_layers(count)} stay in INT8: the gate passes at mean Dice {first.dice:.4f}."
        because = f"because with {_layers(count)} in INT8 {_complaint(first)}"
        if self.is_all_restored:
            return f"Nothing can stay in INT8, {because}{self._fewest_tried()}: use fp16. {self._effort()}"
        told = [
            f"Restored {len(self.restored)} of {count} layers to half precision: {_listed(self.restored)}, {because}.",
            f"Now it passes at mean Dice {self.verdict.dice:.4f}." if self.verdict else "",
            self._quantized_again(),
            self._effort(),
        ]
        return " ".join(part for part in told if part)

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`."""
        return {
            "quantized": sorted(self.quantized),
            "restored": list(self.restored),
            "story": self.story(),
            "steps": [step.to_json() for step in self.steps],
        }

    def _fewest_tried(self) -> str:
        last = max(self.steps, key=lambda step: len(step.restored))
        if not last.restored:
            return ""
        return f", and with only {_layers(len(self.restored) - len(last.restored))} so {_complaint(last.verdict)}"

    def _quantized_again(self) -> str:
        asked = [step for step in self.steps if step.phase == "quantize again" and not step.is_quick]
        back = sum(step.verdict.passed for step in asked)
        return f"{_layers(back)} restored on the way went back to INT8: it passes without." if back else ""

    def _effort(self) -> str:
        quick = sum(step.is_quick for step in self.steps)
        times = f"The gate was asked {len(self.steps)} times"
        return f"{times}, {quick} of them with fewer pictures." if quick else f"{times}."


def most_gate_calls(count: int) -> int:
    """Return how often a walk over *count* layers asks the full gate at most; the quick one no more often than twice.

    >>> most_gate_calls(42)
    29
    """
    return 1 + 2 * math.ceil(math.log2(max(count, 2))) + min(count, _MOST_PRUNED)


def walk(layers: Sequence[str], sensitivity: Sensitivity, passes: Gate, passes_quick: Gate | None = None) -> WalkResult:
    """Return the choice of *layers* with the fewest restored ones that *passes*, as far as the ranking leads there.

    *passes*: the acceptance gate; it is asked `most_gate_calls` times at most, and never for nothing quantized.
    *passes_quick*: a cheaper gate (fewer pictures) that sorts out what need not be asked in full. It decides alone only
    that a choice fails: whatever is returned has passed *passes*, unless nothing is left in INT8.

    Raises ValueError if the layers are not those of *sensitivity*.
    """
    if not layers or sorted(layers) != sorted(sensitivity.ranking):
        raise ValueError(
            f"cannot walk over {len(layers)} layers: sensitivity was measured for {len(sensitivity.layers)}"
        )
    court = _Court(sensitivity.ranking, passes, passes_quick)
    # Whatever the quick gate says: the figure of the plain INT8 file is what the story starts from.
    if court.full((), "all in INT8"):
        return court.result(())
    return court.result(_pruned(court, _fewest(court)))


class _Court:
    """Asks the gates, each question once, and writes down what they said."""

    def __init__(self, ranking: tuple[str, ...], passes: Gate, passes_quick: Gate | None) -> None:
        self.ranking = ranking
        self.has_quick = passes_quick is not None
        self._gates: dict[bool, Gate] = {False: passes, True: passes_quick or passes}  # by is_quick
        self._said: dict[tuple[bool, frozenset[str]], bool] = {}
        self._steps: list[WalkStep] = []

    def full(self, restored: Iterable[str], phase: Phase) -> bool:
        """Ask the full gate."""
        return self._ask(restored, phase, is_quick=False)

    def quick(self, restored: Iterable[str], phase: Phase) -> bool:
        """Ask the quick gate, or the full one where there is no other."""
        return self._ask(restored, phase, is_quick=self.has_quick)

    def both(self, restored: Iterable[str], phase: Phase) -> bool:
        """Ask the full gate if the quick one has no objection."""
        return self.quick(restored, phase) and self.full(restored, phase)

    def result(self, restored: Iterable[str]) -> WalkResult:
        """Return what was decided for, with every step."""
        chosen = self._in_order(restored)
        return WalkResult(frozenset(self.ranking) - frozenset(chosen), chosen, tuple(self._steps))

    def _ask(self, restored: Iterable[str], phase: Phase, *, is_quick: bool) -> bool:
        chosen = self._in_order(restored)
        quantized = frozenset(self.ranking) - frozenset(chosen)
        if not quantized:
            return True  # the half-precision file, which has a gate of its own
        question = (is_quick, quantized)
        if question not in self._said:
            verdict = self._gates[is_quick](quantized)
            self._said[question] = verdict.passed
            self._steps.append(WalkStep(phase, chosen, verdict, is_quick))
        return self._said[question]

    def _in_order(self, restored: Iterable[str]) -> tuple[str, ...]:
        chosen = frozenset(restored)
        return tuple(layer for layer in self.ranking if layer in chosen)


def _fewest(court: _Court) -> tuple[str, ...]:
    """Return the layers of the shortest beginning of the ranking that was found to pass; at worst all of them."""
    count = _least_count(court, 0, court.quick)
    if court.has_quick and not court.full(court.ranking[:count], "confirm"):
        count = _least_count(court, count, court.both)
    return court.ranking[:count]


def _least_count(court: _Court, failed: int, passes: Callable[[Iterable[str], Phase], bool]) -> int:
    """Return how many layers to restore: more than *failed*, and one fewer was refused."""
    first, step = failed, 1
    while not passes(court.ranking[: first + step], "restore"):  # ends: all restored always pass
        failed = first + step
        step *= 2
    passed = min(first + step, len(court.ranking))
    while passed - failed > 1:
        middle = (failed + passed) // 2
        if passes(court.ranking[:middle], "restore"):
            passed = middle
        else:
            failed = middle
    return passed


def _pruned(court: _Court, restored: tuple[str, ...]) -> tuple[str, ...]:
    """Quantize layers of *restored* again where the gate still passes: the least harmful first, 16 are tried."""
    for layer in restored[::-1][:_MOST_PRUNED]:
        fewer = tuple(each for each in restored if each != layer)
        if court.both(fewer, "quantize again"):
            restored = fewer
    return restored


def _complaint(verdict: Verdict) -> str:
    return f"the gate refuses ({verdict.why.rstrip('.') or f'mean Dice {verdict.dice:.4f}'})"


def _layers(count: int) -> str:
    return "1 layer" if count == 1 else f"{count} layers"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_TOLD
    return ", ".join(names[:_NAMES_TOLD]) + (f" and {more} more" if more > 0 else "")
