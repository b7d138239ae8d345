"""The verdict of the gate: figures over all pictures, and every limit they break, in words."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np

from skinseg_edge.acceptance_limits import AcceptanceLimits
from skinseg_edge.errors import InputError, ParityFailed
from skinseg_runtime.acceptance_figures import (
    GroupFigures,
    PictureFigures,
    expert_dice_drop,
    finite_or_none,
    group_figures,
)

__all__ = ["ACCEPTANCE_SCHEMA", "Acceptance"]

ACCEPTANCE_SCHEMA = "skinseg.acceptance/1"

_RESAMPLES = 2000


@dataclass(frozen=True)
class Acceptance:
    """Figures of one or more pictures, held against the limits of a precision.

    Dice is to the trained network's masks unless a name says otherwise. Percentiles are figures that some picture has;
    between two the worse is taken, so that one lost lesion, whose drift has no end, stays visible.

    Raises InputError when there is no picture.
    """

    precision: str
    limits: AcceptanceLimits
    pictures: tuple[PictureFigures, ...]

    def __post_init__(self) -> None:
        """Check that something was measured."""
        if not self.pictures:
            raise InputError(
                f"cannot judge the {self.precision} artefact: there is no picture, expected one or more; "
                "name a folder of validation pictures"
            )

    @property
    def mean_dice(self) -> float:
        """Mean Dice."""
        return self._mean(lambda picture: picture.dice)

    @property
    def mean_iou(self) -> float:
        """Mean IoU."""
        return self._mean(lambda picture: picture.iou)

    @property
    def mean_nsd(self) -> float:
        """Mean normalized surface Dice at NSD_TOLERANCE_PX."""
        return self._mean(lambda picture: picture.nsd)

    @property
    def worst(self) -> PictureFigures:
        """The picture of the lowest Dice."""
        return self.worst_pictures(1)[0]

    @property
    def fifth_percentile(self) -> float:
        """5th percentile of the pictures' Dice."""
        return -self._percentile(lambda picture: -picture.dice, 95)

    @cached_property
    def lower_bound(self) -> float:
        """The mean Dice that as many other pictures of this kind would hardly fall below.

        2.5th percentile of the mean Dice of 2000 resamples of the pictures with replacement, the same ones every time
        (percentile bootstrap, Efron 1979, Ann. Statist. 7:1-26).
        """
        values = np.array([picture.dice for picture in self.pictures])
        rng = np.random.default_rng(0)
        means = [values[rng.integers(0, len(values), len(values))].mean() for _ in range(_RESAMPLES)]
        return float(np.percentile(means, 2.5))

    @property
    def median_hd95_px(self) -> float:
        """Median distance of the outlines (HD95), px; inf where half of the pictures lost the lesion."""
        return self._percentile(lambda picture: picture.hd95_px, 50)

    @property
    def area_drifts(self) -> tuple[float, float]:
        """Median and 95th percentile of the area drift."""
        return self._percentile(lambda picture: picture.area_drift, 50), self._percentile(
            lambda picture: picture.area_drift, 95
        )

    @property
    def diameter_drifts(self) -> tuple[float, float]:
        """Median and 95th percentile of the diameter drift."""
        return self._percentile(lambda picture: picture.diameter_drift, 50), self._percentile(
            lambda picture: picture.diameter_drift, 95
        )

    @property
    def expert_dice_drop(self) -> float | None:
        """How much lower the mean Dice to experts' masks is than the trained network's; None without experts' masks."""
        return expert_dice_drop(self.pictures)

    @property
    def worst_group(self) -> GroupFigures | None:
        """The group with the largest drop of those that are judged; None where every group is too small."""
        judged = [group for group in self.groups() if group.is_judged]
        return max(judged, key=lambda group: _nan_as(np.inf, group.drop), default=None)

    def groups(self) -> tuple[GroupFigures, ...]:
        """Return the figures of every group of pictures; small groups are shown, and not judged."""
        return group_figures(self.pictures)

    def worst_pictures(self, count: int) -> tuple[PictureFigures, ...]:
        """Return up to *count* pictures, the lowest Dice first."""
        return tuple(sorted(self.pictures, key=lambda picture: (_nan_as(-1.0, picture.dice), picture.name))[:count])

    def faults(self) -> tuple[str, ...]:
        """Return every limit that is broken, as a clause with the number and the limit; a NaN breaks any."""
        faults = []
        if not self.mean_dice >= self.limits.mean_dice:
            faults.append(
                f"its mean Dice to the trained network's masks is {self.mean_dice:.5f}, "
                f"expected at least {self.limits.mean_dice:g}"
            )
        drop = self.expert_dice_drop
        if drop is not None and not drop <= self.limits.expert_dice_drop:
            faults.append(
                f"its mean Dice to the experts' masks is {drop:.5f} lower than the trained network's, "
                f"expected at most {self.limits.expert_dice_drop:g}"
            )
        faults += [
            f"its Dice drops by {group.drop:.5f} in the group {group.name} ({group.count} pictures), "
            f"expected at most {self.limits.subgroup_dice_drop:g}"
            for group in self.groups()
            if group.is_judged and not group.drop <= self.limits.subgroup_dice_drop
        ]
        return tuple(faults)

    @property
    def passed(self) -> bool:
        """Whether every limit holds."""
        return not self.faults()

    def check(self, what: str) -> None:
        """Raise ParityFailed with the first fault and the worst picture if a limit is broken; *what*: the artefact."""
        faults = self.faults()
        if faults:
            raise ParityFailed(
                f"cannot accept {what}: {faults[0]}; the worst of {len(self.pictures)} pictures is {self.worst.name} "
                f"with a Dice of {self.worst.dice:.4f}; look at the worst pictures, or use a higher precision"
            )

    def checks(self) -> dict[str, float | str | bool]:
        """Return the main figures for the manifest; those that are not finite, or were not measured, are left out."""
        group = self.worst_group
        figures = {
            **self._figures(),
            "worst_group": None if group is None else group.name,
            "worst_group_drop": None if group is None else group.drop,
            "gate_pictures": len(self.pictures),
        }
        short = {name: finite_or_none(value) for name, value in figures.items()}
        return {name: _rounded(value) for name, value in short.items() if isinstance(value, float | int | str)}

    def to_json(self) -> dict[str, object]:
        """Return the whole report as plain values for `json.dumps`; what is not finite is null."""
        group = self.worst_group
        return {
            "schema": ACCEPTANCE_SCHEMA,
            "precision": self.precision,
            "passed": self.passed,
            "faults": list(self.faults()),
            "limits": asdict(self.limits),
            "figures": {name: finite_or_none(value) for name, value in self._figures().items()},
            "worst_group": None if group is None else group.to_json(),
            "groups": [each.to_json() for each in self.groups()],
            "pictures": [picture.to_json() for picture in self.pictures],
        }

    def _figures(self) -> dict[str, float | None]:
        return {
            "mean_dice": self.mean_dice,
            "worst_dice": self.worst.dice,
            "fifth_percentile_dice": self.fifth_percentile,
            "lower_bound_dice": self.lower_bound,
            "mean_iou": self.mean_iou,
            "median_hd95_px": self.median_hd95_px,
            "mean_nsd": self.mean_nsd,
            "area_drift_median": self.area_drifts[0],
            "area_drift_p95": self.area_drifts[1],
            "diameter_drift_median": self.diameter_drifts[0],
            "diameter_drift_p95": self.diameter_drifts[1],
            "expert_dice_drop": self.expert_dice_drop,
        }

    def _mean(self, figure: Callable[[PictureFigures], float]) -> float:
        return float(np.mean([figure(picture) for picture in self.pictures]))

    def _percentile(self, figure: Callable[[PictureFigures], float], share: int) -> float:
        return float(np.percentile([figure(picture) for picture in self.pictures], share, method="higher"))


def _nan_as(worst: float, value: float) -> float:
    return worst if np.isnan(value) else value


def _rounded(value: float | str) -> float | str:
    return round(value, 6) if isinstance(value, float) else value
