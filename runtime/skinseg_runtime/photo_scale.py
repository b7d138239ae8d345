"""Where `skinseg-run` takes the scale of each photo from: a factor given by hand, or a card on the photo."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import InputError
from skinseg_runtime.measurements import Scale, scale_from_card, scale_from_mm_per_px

__all__ = ["PhotoScale", "photo_scale"]


@dataclass(frozen=True)
class PhotoScale:
    """Either *given*, one scale for all photos, or *card_mm*, the side of a card's marker, mm, that is looked for."""

    given: Scale | None = None
    card_mm: float | None = None

    @property
    def needs_whole_photo(self) -> bool:
        """Whether the photo must be decoded at full size: a scale is in its pixels."""
        return self.card_mm is not None

    def read(self, photo: NDArray[np.uint8]) -> tuple[Scale | None, Mapping[str, object]]:
        """Return a photo's scale, None where it cannot be read, and what its row must say about that.

        *photo*: (H, W, 3) uint8 RGB, at full size where `needs_whole_photo`.
        """
        if self.card_mm is None:
            return self.given, {}
        try:
            scale = scale_from_card(photo, self.card_mm)
        except InputError as error:
            return None, {"scale_problem": str(error)}
        return scale, {"scale_problem": _steep(scale)} if scale.is_steep else {}


def photo_scale(mm_per_px: float | None, card_mm: float | None) -> PhotoScale | None:
    """Choose between the two; None where neither is given.

    Raises InputError if both are given, or one is not more than 0.
    """
    if mm_per_px is not None and card_mm is not None:
        raise InputError(
            f"cannot choose a scale: got --mm-per-px {mm_per_px:g} and --card {card_mm:g}, expected one of them; leave "
            "the other out"
        )
    if mm_per_px is not None:
        return PhotoScale(given=scale_from_mm_per_px(mm_per_px))
    if card_mm is None:
        return None
    if not (np.isfinite(card_mm) and card_mm > 0):
        raise InputError(f"cannot look for a card of {card_mm:g} mm: expected more than 0; measure the marker's side")
    return PhotoScale(card_mm=card_mm)


def _steep(scale: Scale) -> str:
    return (
        f"the card is tilted by {scale.tilt_degrees:.0f} degrees, expected at most 20; sizes in mm are corrected, yet "
        "photograph again from straight above"
    )
