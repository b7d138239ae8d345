"""Whether a bundle gives on this machine the masks it gave where it was made: its golden cases, run again.

Each case goes the whole way of a photo, from its bytes to the mask. A quantized artefact was accepted for what its
masks are worth on many pictures; on these few it must give again what it gave then. Where it had lost the lesion then,
an empty mask would do, so that case is not judged.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from skinseg_edge.bundle import Bundle
from skinseg_edge.image_io import decode_mask
from skinseg_edge.manifest import Artefact, GoldenCase
from skinseg_edge.metrics import area_drift, dice
from skinseg_runtime.engines import artefact_of_engine
from skinseg_runtime.segmenter import Segmenter

__all__ = ["LEAST_TELLING_DICE", "GoldenFloors", "GoldenOutcome", "gate_dice", "golden_outcomes"]

LEAST_TELLING_DICE = 0.8
"""A golden case that asks for less shows nothing: a mask that is plainly another one could reach it."""

_FLOATING = (None, "fp32", "fp16")  # held to what the case asks for, every other precision to what it reached
# Of Dice and of relative area. Kernels of another machine add in another order, which tips values over the border
# between two of a quantized layer's 255 steps.
_QUANTIZED_SLACK = 0.01


@dataclass(frozen=True)
class GoldenFloors:
    """What a golden case must reach: *min_dice*, 0 to 1, and *max_area_drift*, 0 or more."""

    min_dice: float
    max_area_drift: float

    @classmethod
    def of(cls, case: GoldenCase, artefact: Artefact | None = None) -> "GoldenFloors":
        """Return what *artefact* must reach on *case*.

        That is what the case asks for. Where the export recorded what a quantized artefact reached there, as
        `golden_dice_01` and `golden_area_drift_01` of `golden/01.png`, or as `golden_dice` and `golden_area_drift` the
        worst of all cases, no more is asked than these, less a slack of 0.01.
        """
        reached_dice = _reached(artefact, case, "golden_dice")
        reached_drift = _reached(artefact, case, "golden_area_drift")
        return cls(
            case.min_dice if reached_dice is None else min(case.min_dice, max(0.0, reached_dice - _QUANTIZED_SLACK)),
            case.max_area_drift
            if reached_drift is None
            else max(case.max_area_drift, reached_drift + _QUANTIZED_SLACK),
        )

    @property
    def are_telling(self) -> bool:
        """Whether a mask that reaches them must show the lesion."""
        return self.min_dice >= LEAST_TELLING_DICE


@dataclass(frozen=True)
class GoldenOutcome:
    """What one golden case reached: *dice* (0 to 1) and relative *area_drift* against the mask in the bundle."""

    case: GoldenCase
    dice: float
    area_drift: float
    floors: GoldenFloors

    @property
    def is_judged(self) -> bool:
        """Whether the floors ask for enough to tell anything."""
        return self.floors.are_telling

    @property
    def passed(self) -> bool:
        """Whether both figures are within the floors; tells nothing unless `is_judged`."""
        return self.dice >= self.floors.min_dice and self.area_drift <= self.floors.max_area_drift

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`; an area drift without end (an empty reference) is null."""
        return {
            "image": self.case.image,
            "dice": self.dice,
            "min_dice": self.floors.min_dice,
            "area_drift": self.area_drift if self.area_drift < float("inf") else None,
            "max_area_drift": self.floors.max_area_drift,
            "judged": self.is_judged,
            "passed": self.passed,
        }


def golden_outcomes(bundle: Bundle, segmenter: Segmenter, *, precision: str | None = None) -> Iterator[GoldenOutcome]:
    """Run the golden cases of *bundle* through *segmenter*, one at a time.

    *precision*: which form of the network the segmenter runs, one of `engines.KNOWN_PRECISIONS`; None is fp32.

    Raises IntegrityFailed if a case's file differs from the manifest, PictureUnreadable if it is no picture,
    BundleUnusable if the bundle lacks a quantized precision that was named.
    """
    artefact = None if precision in _FLOATING else artefact_of_engine(bundle, segmenter.engine.name, precision)
    for case in bundle.manifest.golden:
        floors = GoldenFloors.of(case, artefact)
        expected = decode_mask(bundle.read(case.mask))
        mask = segmenter.segment(bundle.read(case.image)).mask
        if mask.shape != expected.shape:
            # Another size is another place: no overlap can be told, so the case fails with the worst figures.
            yield GoldenOutcome(case, 0.0, float("inf"), floors)
        else:
            yield GoldenOutcome(case, dice(mask, expected), area_drift(mask, expected), floors)


def gate_dice(artefact: Artefact) -> float | None:
    """Return the mean Dice to the trained network's masks that the gate recorded, 0 to 1; None where there is none."""
    figure = artefact.figure("mean_dice")
    return figure if figure is not None and 0 <= figure <= 1 else None


def _reached(artefact: Artefact | None, case: GoldenCase, check: str) -> float | None:
    if artefact is None:
        return None
    of_the_case = artefact.figure(f"{check}_{PurePosixPath(case.image).stem}")
    return artefact.figure(check) if of_the_case is None else of_the_case
