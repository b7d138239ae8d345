"""Where `skinseg-run` takes the scale of each photo from: a factor or a ruler given by hand, a card, or its file."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import InputError
from skinseg_runtime.dicom.spacing import scale_from_spacing
from skinseg_runtime.measurements import Scale, scale_from_card, scale_from_mm_per_px, scale_from_ruler

__all__ = ["PhotoScale", "photo_scale"]


@dataclass(frozen=True)
class PhotoScale:
    """One way to come to a scale.

    *given*: one scale for all photos. *ruler*: x, y, x, y of the two points that *given* was read from, px of the
    upright photo. *card_mm*: the side of a card's marker, mm, that is looked for. *is_from_file*: the Pixel Spacing of
    each DICOM file counts.
    """

    given: Scale | None = None
    ruler: tuple[float, float, float, float] | None = None
    card_mm: float | None = None
    is_from_file: bool = False

    @property
    def needs_whole_photo(self) -> bool:
        """Whether the photo must be decoded at full size: a scale is in its pixels."""
        return self.card_mm is not None

    @property
    def identity(self) -> Mapping[str, object]:
        """What makes the scale, as plain values: the same ones give the same scale of a photo."""
        given = None if self.given is None else [self.given.source, self.given.mm_per_px, self.given.relative_error]
        ruler = None if self.ruler is None else list(self.ruler)
        return {"given": given, "ruler": ruler, "card_mm": self.card_mm, "is_from_file": self.is_from_file}

    def read(
        self, photo: NDArray[np.uint8], photo_hw: tuple[int, int], data: bytes = b""
    ) -> tuple[Scale | None, Mapping[str, object]]:
        """Return a photo's scale, None where it cannot be read, and what its row must say about that.

        *photo*: (H, W, 3) uint8 RGB, at full size where `needs_whole_photo`. *photo_hw*: its full size, px. *data*: the
        photo's file, which only a scale from there needs.
        """
        if self.ruler is not None and not _lies_in(self.ruler, photo_hw):
            return None, {"scale_problem": _outside(self.ruler, photo_hw)}
        if self.card_mm is None and not self.is_from_file:
            return self.given, {}
        try:
            scale = scale_from_card(photo, self.card_mm) if self.card_mm is not None else scale_from_spacing(data)
        except InputError as error:
            return None, {"scale_problem": str(error)}
        return scale, {"scale_problem": _steep(scale)} if scale.is_steep else {}


def photo_scale(
    mm_per_px: float | None = None,
    card_mm: float | None = None,
    ruler: str | None = None,
    *,
    is_from_file: bool = False,
) -> PhotoScale | None:
    """Choose between them; None where none is given. *ruler*: "X1,Y1,X2,Y2,MM", px and mm. *is_from_file*: DICOM's own.

    Raises InputError if more than one is given, or one is not more than 0 or cannot be read.
    """
    given = {"--mm-per-px": mm_per_px, "--card": card_mm, "--ruler": ruler}
    named = [f"{option} {value}" for option, value in given.items() if value is not None]
    named += ["--dicom-scale"] if is_from_file else []
    if len(named) > 1:
        raise InputError(f"cannot choose a scale: got {' and '.join(named)}, expected one of them; leave the other out")
    if mm_per_px is not None:
        return PhotoScale(given=scale_from_mm_per_px(mm_per_px))
    if ruler is not None:
        x0, y0, x1, y1, distance_mm = _five_numbers(ruler)
        return PhotoScale(given=scale_from_ruler((x0, y0), (x1, y1), distance_mm), ruler=(x0, y0, x1, y1))
    if card_mm is None:
        return PhotoScale(is_from_file=True) if is_from_file else None
    if not (np.isfinite(card_mm) and card_mm > 0):
        raise InputError(f"cannot look for a card of {card_mm:g} mm: expected more than 0; measure the marker's side")
    return PhotoScale(card_mm=card_mm)


def _five_numbers(text: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 5 or not np.isfinite(numbers).all():
        raise InputError(
            f"cannot read the ruler {text!r}: expected X1,Y1,X2,Y2,MM, two points of the upright photo in px and the "
            "millimetres between them; for example --ruler 310,880,1290,905,50"
        )
    return numbers


def _lies_in(ruler: tuple[float, float, float, float], photo_hw: tuple[int, int]) -> bool:
    rows, columns = photo_hw
    return all(-0.5 <= x <= columns - 0.5 for x in ruler[::2]) and all(-0.5 <= y <= rows - 0.5 for y in ruler[1::2])


def _outside(ruler: tuple[float, float, float, float], photo_hw: tuple[int, int]) -> str:
    x0, y0, x1, y1 = ruler
    return (
        f"cannot use the ruler from ({x0:g}, {y0:g}) to ({x1:g}, {y1:g}): the upright photo has {photo_hw[1]} x "
        f"{photo_hw[0]} px; set both points in it"
    )


def _steep(scale: Scale) -> str:
    return (
        f"the card is tilted by {scale.tilt_degrees:.0f} degrees, expected at most 20; sizes in mm are corrected, yet "
        "photograph again from straight above"
    )
