"""Hold an artefact against the trained network: numbers first, then masks, picture by picture.

Masks come out of the same `Segmenter` on both sides, so what is compared is what a user gets.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skinseg_edge import metrics
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import ParityFailed
from skinseg_edge.image_io import decode
from skinseg_edge.preprocessing import to_network_input
from skinseg_export.golden import MAX_AREA_DRIFT, MIN_DICE, Golden
from skinseg_runtime import Segmenter
from skinseg_runtime.engines import Engine

__all__ = [
    "HALF",
    "HALF_UNTRAINED",
    "SINGLE",
    "SINGLE_UNTRAINED",
    "UNTRAINED_NOISE",
    "Parity",
    "PictureFigures",
    "Tolerances",
    "compare",
    "golden_checks",
    "named_pictures",
    "noise_pictures",
]

_NOISE_PICTURES = 3
UNTRAINED_NOISE = 1
"""For fresh weights, as `golden.UNTRAINED_COUNT`: a broken graph shows on any picture."""


@dataclass(frozen=True, kw_only=True)
class Tolerances:
    """How far an artefact may stray from the trained network, on every single picture.

    *max_error*, *mean_error*: of |p - p_torch| over the pixels at network size; *average_error*: of the mean errors of
    all pictures. *disagreement*: share of those pixels on the other side of the threshold. *min_dice*,
    *max_area_drift*: of the masks at photo size. *max_hd95*: 95th percentile Hausdorff distance of the masks, as a
    share of the photo's diagonal.
    """

    max_error: float
    mean_error: float
    average_error: float
    disagreement: float
    min_dice: float = MIN_DICE
    max_area_drift: float = MAX_AREA_DRIFT
    max_hd95: float = 0.01


# Two fp32 runtimes add in different orders: 4e-6 was the most that any network here showed.
SINGLE = Tolerances(max_error=1e-4, mean_error=1e-5, average_error=1e-5, disagreement=1e-4)
# Half precision flips single activations of SCSONet's gates, so its largest error says nothing; its mean does. The same
# bounds hold for fp32 where a gate was a toss-up (see `gates`).
HALF = Tolerances(max_error=1.0, mean_error=5e-3, average_error=2e-3, disagreement=5e-3)
# Fresh weights leave activations crowded around the gates, so half precision flips many. Nothing accepts such a bundle;
# this still finds a broken graph.
HALF_UNTRAINED = Tolerances(
    max_error=1.0,
    mean_error=5e-2,
    average_error=2e-2,
    disagreement=5e-2,
    min_dice=0.8,
    max_area_drift=0.3,
    max_hd95=0.2,
)
# Fresh weights may also put every probability next to the threshold, where rounding alone turns pixels over; the
# numbers have to agree as ever.
SINGLE_UNTRAINED = replace(
    HALF_UNTRAINED, max_error=SINGLE.max_error, mean_error=SINGLE.mean_error, average_error=SINGLE.average_error
)


@dataclass(frozen=True)
class PictureFigures:
    """One picture; *hd95* is a share of the diagonal. The last three say full agreement where no mask is compared."""

    name: str
    max_error: float
    mean_error: float
    disagreement: float
    dice: float = 1.0
    hd95: float = 0.0
    area_drift: float = 0.0

    def excess(self, allowed: Tolerances) -> str | None:
        """Say which figure left its tolerance first, None if all hold."""
        # Written so that a NaN exceeds.
        faults = [
            ("max |dp|", self.max_error, allowed.max_error, self.max_error <= allowed.max_error),
            ("mean |dp|", self.mean_error, allowed.mean_error, self.mean_error <= allowed.mean_error),
            (
                "share of other pixels",
                self.disagreement,
                allowed.disagreement,
                self.disagreement <= allowed.disagreement,
            ),
            ("Dice", self.dice, allowed.min_dice, self.dice >= allowed.min_dice),
            ("HD95 / diagonal", self.hd95, allowed.max_hd95, self.hd95 <= allowed.max_hd95),
            ("area drift", self.area_drift, allowed.max_area_drift, self.area_drift <= allowed.max_area_drift),
        ]
        return next(
            (f"{what} is {got:.3g}, allowed {limit:g}" for what, got, limit, holds in faults if not holds), None
        )


@dataclass(frozen=True)
class Parity:
    """The figures of every picture."""

    pictures: tuple[PictureFigures, ...]

    @property
    def average_error(self) -> float:
        """The mean |dp| of all pictures."""
        return float(np.mean([picture.mean_error for picture in self.pictures]))

    def checks(self) -> dict[str, float | str | bool]:
        """Return the worst figures, for the manifest; those that are not finite are left out."""
        worst = {
            "average_error": self.average_error,
            "max_error": max(picture.max_error for picture in self.pictures),
            "mean_error": max(picture.mean_error for picture in self.pictures),
            "disagreement": max(picture.disagreement for picture in self.pictures),
            "dice": min(picture.dice for picture in self.pictures),
            "hd95": max(picture.hd95 for picture in self.pictures),
            "area_drift": max(picture.area_drift for picture in self.pictures),
        }
        return {name: float(f"{value:.4g}") for name, value in worst.items() if np.isfinite(value)}

    def check(self, what: str, allowed: Tolerances, where: Callable[[str], str] = lambda picture: "") -> None:
        """Check every picture and their average; *what* names the artefact, *where* tells more about a picture.

        Raises ParityFailed naming the first picture that left *allowed* and the figure that did.
        """
        for picture in self.pictures:
            excess = picture.excess(allowed)
            if excess is not None:
                raise ParityFailed(f"cannot accept {what}: on {picture.name} its {excess}{where(picture.name)}")
        if not self.average_error <= allowed.average_error:
            raise ParityFailed(
                f"cannot accept {what}: its mean |dp| over all pictures is {self.average_error:.3g}, "
                f"allowed {allowed.average_error:g}"
            )


def compare(
    candidate: Engine,
    reference: Engine,
    contract: ModelContract,
    golden: Sequence[Golden],
    noise: Iterable[NDArray[np.uint8]] = (),
) -> Parity:
    """Run *golden* pictures and *noise* through *candidate* and hold them against the torch network *reference*.

    *noise*: (H, W, 3) uint8 RGB pictures at network size; only their probabilities are compared.
    """
    segmenter = Segmenter(contract, candidate)
    figures = [_golden_figures(segmenter, case) for case in golden]
    for number, pixels in enumerate(noise, 1):
        ours, theirs = candidate.infer(pixels[None])[0], reference.infer(pixels[None])[0]
        figures.append(PictureFigures(f"noise/{number:02d}", *_errors(ours, theirs, contract)))
    return Parity(tuple(figures))


def noise_pictures(contract: ModelContract, count: int = _NOISE_PICTURES) -> tuple[NDArray[np.uint8], ...]:
    """Return pictures no camera takes, (H, W, 3) uint8 at network size: they reach activations that photos do not."""
    rng = np.random.default_rng(0)
    return tuple(rng.integers(0, 256, (*contract.input_hw, 3), np.uint8) for _ in range(count))


def named_pictures(
    contract: ModelContract, golden: Sequence[Golden], noise: Sequence[NDArray[np.uint8]] = ()
) -> dict[str, NDArray[np.uint8]]:
    """Map the names that figures of `compare` use to pictures, (1, H, W, 3) uint8 RGB at network size."""
    pictures = {f"noise/{number:02d}": pixels[None] for number, pixels in enumerate(noise, 1)}
    for case in golden:
        photo = decode(case.image, at_least_hw=contract.input_hw)
        pictures[f"golden/{case.name}"] = to_network_input(photo.pixels, contract, photo_hw=photo.full_hw).pixels[None]
    return pictures


def golden_checks(parities: Sequence[Parity]) -> dict[str, float]:
    """Return what a device must reach again, in all and for each golden picture; see `skinseg_runtime.verification`."""
    checks: dict[str, float] = {}
    for pictures in zip(*(parity.pictures for parity in parities), strict=True):
        number = pictures[0].name.rpartition("/")[2]
        drift = max(picture.area_drift for picture in pictures)
        checks[f"golden_dice_{number}"] = round(min(picture.dice for picture in pictures), 4)
        # A lesion found where none was: a drift without end, which JSON cannot say.
        checks[f"golden_area_drift_{number}"] = round(drift, 4) if math.isfinite(drift) else 1.0
    return {
        "golden_dice": min(value for name, value in checks.items() if "dice" in name),
        "golden_area_drift": max(value for name, value in checks.items() if "drift" in name),
        **checks,
    }


def _golden_figures(segmenter: Segmenter, case: Golden) -> PictureFigures:
    result = segmenter.segment(case.image)
    errors = _errors(result.network_probability, case.probability, segmenter.contract)
    return PictureFigures(
        f"golden/{case.name}",
        *errors,
        metrics.dice(result.mask, case.mask),
        metrics.hd95_px(result.mask, case.mask) / float(np.hypot(*case.mask.shape)),
        metrics.area_drift(result.mask, case.mask),
    )


def _errors(
    ours: NDArray[np.float32], theirs: NDArray[np.float32], contract: ModelContract
) -> tuple[float, float, float]:
    """Return largest and mean |dp| and the share of pixels of another class; (K, H, W) each."""
    error = np.abs(ours.astype(np.float64) - theirs)
    other = _classes(ours, contract) != _classes(theirs, contract)
    return float(error.max()), float(error.mean()), float(other.mean())


def _classes(probability: NDArray[np.float32], contract: ModelContract) -> NDArray[np.intp]:
    if contract.is_binary:
        return np.asarray(probability[0] >= contract.threshold, np.intp)
    return np.asarray(probability.argmax(0), np.intp)
