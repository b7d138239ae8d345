"""What the gate measures of one picture, and what it makes of the pictures of one kind.

Two references, never mixed: the trained network's masks, which an artefact should give again, and experts' masks, by
which it may be as good or as bad as the trained network, but not worse.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

__all__ = ["NSD_TOLERANCE_PX", "GroupFigures", "PictureFigures", "expert_dice_drop", "finite_or_none", "group_figures"]

NSD_TOLERANCE_PX = 2.0  # at photo size

_SMALLEST_GROUP = 10  # pictures; the mean of fewer says more about them than about their group


@dataclass(frozen=True, kw_only=True)
class PictureFigures:
    """One picture's masks at photo size: the artefact's against the trained network's, and both against an expert's.

    *dice*, *iou*, *nsd* (normalized surface Dice at NSD_TOLERANCE_PX): 0 to 1. *hd95_px*: inf where exactly one mask is
    empty. *area_drift*, *diameter_drift*: relative to the trained network's mask, 0 or more; the diameter is the
    longest one (Feret) of the largest region; inf where only the trained mask is empty. *expert_dice*,
    *trained_expert_dice*: of the artefact and of the trained network to the expert's mask; None without one.
    *groups*: what kind of picture it is, such as {"skin tone": "tan"}.
    """

    name: str
    dice: float
    iou: float
    hd95_px: float
    nsd: float
    area_drift: float
    diameter_drift: float
    expert_dice: float | None = None
    trained_expert_dice: float | None = None
    groups: Mapping[str, str] = field(default_factory=dict)

    @property
    def expert_drop(self) -> float | None:
        """How much lower the Dice to the expert's mask is than the trained network's own; None without an expert."""
        if self.expert_dice is None or self.trained_expert_dice is None:
            return None
        return self.trained_expert_dice - self.expert_dice

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`; what is not finite is null."""
        return {name: finite_or_none(value) for name, value in vars(self).items()} | {"groups": dict(self.groups)}


@dataclass(frozen=True, kw_only=True)
class GroupFigures:
    """The pictures of one group, such as kind "skin tone", value "tan".

    *drop*: how much worse off the group is, 0 or less is none. By experts' masks where at least ten of its pictures, or
    all, have one: the mean of what its pictures lose in Dice to the expert. Else: how far its mean Dice to the trained
    masks lies below that of all pictures. *is_judged*: whether there are enough pictures to hold the drop to a limit.
    """

    kind: str
    value: str
    count: int
    mean_dice: float
    drop: float
    is_judged: bool

    @property
    def name(self) -> str:
        """The group in words: "skin tone: tan"."""
        return f"{self.kind}: {self.value}"

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`; what is not finite is null."""
        return {name: finite_or_none(value) for name, value in asdict(self).items()}


def group_figures(pictures: Sequence[PictureFigures]) -> tuple[GroupFigures, ...]:
    """Put the pictures together by every group that they name, sorted by kind and value."""
    members: dict[tuple[str, str], list[PictureFigures]] = defaultdict(list)
    for picture in pictures:
        for group in picture.groups.items():
            members[group].append(picture)
    mean_of_all = float(np.mean([picture.dice for picture in pictures]))
    return tuple(_figures_of(group, members[group], mean_of_all) for group in sorted(members))


def expert_dice_drop(pictures: Sequence[PictureFigures]) -> float | None:
    """Return how much lower the mean Dice to experts' masks is than the trained network's own; None without any."""
    drops = [picture.expert_drop for picture in pictures if picture.expert_drop is not None]
    return float(np.mean(drops)) if drops else None


def finite_or_none(value: object) -> object:
    """Return a value for JSON, which has no form for NaN and infinities: None stands for them."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _figures_of(group: tuple[str, str], pictures: Sequence[PictureFigures], mean_of_all: float) -> GroupFigures:
    mean_dice = float(np.mean([picture.dice for picture in pictures]))
    with_expert = sum(picture.expert_drop is not None for picture in pictures)
    by_experts = expert_dice_drop(pictures) if with_expert >= min(_SMALLEST_GROUP, len(pictures)) else None
    return GroupFigures(
        kind=group[0],
        value=group[1],
        count=len(pictures),
        mean_dice=mean_dice,
        drop=mean_of_all - mean_dice if by_experts is None else by_experts,
        is_judged=len(pictures) >= _SMALLEST_GROUP,
    )
