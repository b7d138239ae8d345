"""Whether a bundle gives on this machine the masks it gave where it was made: its golden cases, run again.

Each case goes the whole way of a photo, from its bytes to the mask.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from skinseg_edge.bundle import Bundle
from skinseg_edge.image_io import decode_mask
from skinseg_edge.manifest import GoldenCase
from skinseg_edge.metrics import area_drift, dice
from skinseg_runtime.segmenter import Segmenter

__all__ = ["GoldenOutcome", "golden_outcomes"]


@dataclass(frozen=True)
class GoldenOutcome:
    """What one golden case reached: *dice* (0 to 1) and relative *area_drift* against the mask in the bundle."""

    case: GoldenCase
    dice: float
    area_drift: float

    @property
    def passed(self) -> bool:
        """Whether both figures are within what the bundle asks for."""
        return self.dice >= self.case.min_dice and self.area_drift <= self.case.max_area_drift

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`; an area drift without end (an empty reference) is null."""
        return {
            "image": self.case.image,
            "dice": self.dice,
            "min_dice": self.case.min_dice,
            "area_drift": self.area_drift if self.area_drift < float("inf") else None,
            "max_area_drift": self.case.max_area_drift,
            "passed": self.passed,
        }


def golden_outcomes(bundle: Bundle, segmenter: Segmenter) -> Iterator[GoldenOutcome]:
    """Run the golden cases of *bundle* through *segmenter*, one at a time.

    Raises IntegrityFailed if a case's file differs from the manifest, PictureUnreadable if it is no picture.
    """
    for case in bundle.manifest.golden:
        expected = decode_mask(bundle.read(case.mask))
        mask = segmenter.segment(bundle.read(case.image)).mask
        if mask.shape != expected.shape:
            # Another size is another place: no overlap can be told, so the case fails with the worst figures.
            yield GoldenOutcome(case, 0.0, float("inf"))
        else:
            yield GoldenOutcome(case, dice(mask, expected), area_drift(mask, expected))
