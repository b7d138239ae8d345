"""What stands on a report, as plain values; `report.from_store` fills them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

__all__ = ["OutlineBy", "ReportCase", "ReportLesion", "ReportMeasure", "ReportModel", "ReportPicture", "ReportScale"]

OutlineBy = Literal["network", "hand", "unusable"]


@dataclass(frozen=True)
class ReportPicture:
    """A photo. *jpeg*: upright. *sha256*: of the kept original, by which it can be found again."""

    jpeg: bytes
    taken_at: datetime
    sha256: str


@dataclass(frozen=True)
class ReportMeasure:
    """A figure. *name*: such as "max_diameter". *unit*: "mm", "mm²", "px", "px²" or "". *ends*: of its range."""

    name: str
    value: float
    unit: str
    ends: tuple[float, float] | None = None


@dataclass(frozen=True)
class ReportLesion:
    """One region. *is_cut*: it touches the photo's border, so the lesion may be larger."""

    measures: tuple[ReportMeasure, ...]
    is_cut: bool = False


@dataclass(frozen=True)
class ReportScale:
    """Where millimetres come from. *relative_error*: of a length, half the width of its range."""

    source: str
    relative_error: float
    tilt_degrees: float | None = None


@dataclass(frozen=True)
class ReportModel:
    """What drew the outline. *bundle_sha256*: of the model's bundle."""

    name: str
    version: str
    bundle_sha256: str
    engine: str
    precision: str


@dataclass(frozen=True, kw_only=True)
class ReportCase:
    """A visit of a case.

    *number*: of the case, such as "2026-0001". *visit*: counted from 1, of *visits*. *history*, *checklist*: the names
    of the ticks that were answered with yes. *outlined*: the close-up with the outline drawn on it, JPEG,
    *is_enlarged* where only what is around the lesion is shown.
    *outline_by*: who drew that; figures are of the network's, so there are none where it is not. *scale_problem*: why
    there is no scale. *quality*: what the quality gate found, a sentence each. *contact*: whom to ask.
    """

    number: str
    visit: int
    visits: int
    made_at: datetime
    body_site: str
    skin_type: str | None
    history: tuple[str, ...]
    checklist: tuple[str, ...]
    overview: ReportPicture | None
    closeup: ReportPicture | None
    outlined: bytes | None
    is_enlarged: bool
    outline_by: OutlineBy
    lesions: tuple[ReportLesion, ...]
    scale: ReportScale | None
    scale_problem: str | None
    quality: tuple[str, ...]
    model: ReportModel | None
    contact: str | None
