"""What a photo's quality is told in: single findings with their numbers, and one word for all of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Finding", "Quality", "Verdict"]

Verdict: TypeAlias = Literal["good", "usable", "retake"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that speaks against a photo.

    *name*: one of `quality.limits.NAMES`. *value*: the figure that crossed *limit*; its unit is the one of that figure
    (see `quality.figures`). *sentence*: what was seen and what to do, for whoever holds the camera. *is_blocking*: take
    the photo again; otherwise the outline is worth a second look.
    """

    name: str
    value: float
    limit: float
    sentence: str
    is_blocking: bool

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`; numbers to four decimals."""
        return {
            "name": self.name,
            "value": round(self.value, 4),
            "limit": round(self.limit, 4),
            "sentence": self.sentence,
            "is_blocking": self.is_blocking,
        }


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What `assess` found.

    *findings*: what speaks against the photo, in the order of `quality.limits.NAMES`; empty for a good one. *figures*:
    every figure that was taken, by name, whether it crossed a limit or not.
    """

    findings: tuple[Finding, ...]
    figures: Mapping[str, float]

    @property
    def verdict(self) -> Verdict:
        """`retake` if a finding is blocking, `usable` if there are others, `good` without any."""
        if any(finding.is_blocking for finding in self.findings):
            return "retake"
        return "usable" if self.findings else "good"

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`: verdict, findings, and figures to four decimals."""
        return {
            "verdict": self.verdict,
            "findings": [finding.to_json() for finding in self.findings],
            "figures": {name: round(value, 4) for name, value in self.figures.items()},
        }
