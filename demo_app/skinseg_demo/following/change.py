"""Two visits compared: by how much a lesion changed, whether that is more than the error, or why it is not compared."""

from dataclasses import dataclass
from typing import Literal

from skinseg_demo.following.measured import Measured, Range

__all__ = ["Change", "Comparison", "compare"]

Figure = Literal["diameter", "area"]


@dataclass(frozen=True)
class Change:
    """One figure of two visits, in mm or mm2."""

    figure: Figure
    first: Range
    second: Range

    @property
    def difference(self) -> Range:
        """The second less the first, with the ends that both ranges leave it."""
        return Range(
            self.second.value - self.first.value, self.second.low - self.first.high, self.second.high - self.first.low
        )

    @property
    def percent(self) -> float:
        """The difference as a share of the first, in percent."""
        return 100 * self.difference.value / self.first.value

    @property
    def is_beyond_error(self) -> bool:
        """Whether the ranges of both visits lie apart."""
        return self.difference.low > 0 or self.difference.high < 0


@dataclass(frozen=True)
class Comparison:
    """What two visits say together.

    *changes*: empty where nothing may be compared; *why_not*: then for the first and the second visit, None where that
    one is fine. *cautions*: what weakens a comparison: "steep", "other_model".
    """

    changes: tuple[Change, ...]
    why_not: tuple[str | None, str | None] = (None, None)
    cautions: tuple[str, ...] = ()


def compare(first: Measured | None, second: Measured | None) -> Comparison:
    """Compare the close-ups of two visits; None where a visit has none.

    Only mm are compared, and only with a scale in both pictures: pixels change with the distance of the phone.
    """
    why_not = _why_not(first), _why_not(second)
    if first is None or second is None or why_not != (None, None):
        return Comparison((), why_not)
    pairs: tuple[tuple[Figure, Range | None, Range | None], ...] = (
        ("diameter", first.diameter_mm, second.diameter_mm),
        ("area", first.area_mm2, second.area_mm2),
    )
    changes = tuple(Change(figure, one, other) for figure, one, other in pairs if one and other and one.value > 0)
    return Comparison(changes, cautions=tuple(_cautions(first, second)))


def _why_not(visit: Measured | None) -> str | None:
    return "no_closeup" if visit is None else visit.trouble


def _cautions(first: Measured, second: Measured) -> list[str]:
    cautions = []
    if first.is_steep or second.is_steep:
        cautions.append("steep")
    if first.model != second.model:
        cautions.append("other_model")
    return cautions
