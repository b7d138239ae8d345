"""A result as its page shows it: paths for the contour, figures with their ranges, reasons, times."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from skinseg_demo.finding_words import finding_words

__all__ = ["Figure", "LesionView", "ResultView", "path_of"]

_Outline = Sequence[Sequence[float]]

# Key of the words, name in a lesion's JSON, power of its unit.
_SIZES = (("result.longest", "max_diameter", 1), ("result.shortest", "min_diameter", 1), ("result.area", "area", 2))
_SHAPES = (("result.perimeter", "perimeter", 1),)
_RATIOS = (("result.asymmetry", "asymmetry"), ("result.compactness", "compactness"), ("result.solidity", "solidity"))
_MM = {1: "mm", 2: "mm²"}


@dataclass(frozen=True)
class Figure:
    """One figure. *key*: of its words. *value*: with its unit. *ends*: of its range, empty where there is none."""

    key: str
    value: str
    ends: str = ""


@dataclass(frozen=True)
class LesionView:
    """One lesion.

    *number*: from 1, as on the picture. *at*: where its number stands, px of the photo. *sizes*: on the page's first
    screen. *shapes*: the rest. *is_cut*: it reaches the photo's border and may be larger.
    """

    number: int
    at: tuple[float, float]
    sizes: tuple[Figure, ...]
    shapes: tuple[Figure, ...]
    is_cut: bool


class ResultView:
    """What the page shows of a result "skinseg.demo.result/1"."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        """Read *result*, as the store keeps it."""
        self._result = result
        self.rows, self.columns = result["photo_hw"]

    @property
    def outline(self) -> str:
        """The contour as an SVG path in px of the photo."""
        return self.path(self._result.get("outlines", ()))

    @property
    def band(self) -> str:
        """What lies between the bold and the shy outline, to be filled by the even-odd rule; empty without a band."""
        band = self._result.get("band") or {}
        return self.path(band.get("outer", ())) + self.path(band.get("inner", ()))

    @property
    def outlines(self) -> list[_Outline]:
        """The contour's points, x and y in 0..1, for the editor."""
        return list(self._result.get("outlines", ()))

    def path(self, outlines: Sequence[_Outline]) -> str:
        """Return an SVG path of *outlines*, x and y in 0..1, in px of the photo."""
        return path_of(outlines, self.rows, self.columns)

    @property
    def lesions(self) -> list[LesionView]:
        """The lesions, the largest first."""
        found = sorted(self._result.get("lesions", ()), key=lambda lesion: -lesion["area_px"])
        return [self._lesion(number, lesion) for number, lesion in enumerate(found, 1)]

    @property
    def why_no_mm(self) -> str | None:
        """Why there are no millimetres; None if there are."""
        if self._result.get("scale"):
            return None
        return str(self._result.get("scale_why") or "")

    @property
    def verdict(self) -> str:
        """Of the picture's quality: "good", "usable" or "retake"."""
        return str(self._quality.get("verdict", "usable"))

    def reasons(self, say: Callable[[str], str]) -> list[str]:
        """Return what speaks against the picture, sentences in the language of *say*; what blocks comes first."""
        findings = sorted(self._quality.get("findings", ()), key=lambda finding: not finding.get("is_blocking"))
        return [_sentence(finding_words(finding, say)) for finding in findings]

    @property
    def model(self) -> Mapping[str, Any]:
        """Name, version, engine, precision, fallback, bundle_sha256."""
        found: Mapping[str, Any] = self._result.get("model") or {}
        return found

    @property
    def ms(self) -> dict[str, float]:
        """The box's times."""
        return {name: round(float(value), 1) for name, value in (self._result.get("ms") or {}).items()}

    @property
    def _quality(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._result.get("quality") or {}
        return found

    def _lesion(self, number: int, lesion: Mapping[str, Any]) -> LesionView:
        x, y = lesion["centroid"]
        ratios = (Figure(key, f"{lesion[name]:.2f}") for key, name in _RATIOS if lesion.get(name) is not None)
        return LesionView(
            number=number,
            at=(round(x, 1), round(y, 1)),
            sizes=tuple(self._size(lesion, *size) for size in _SIZES),
            shapes=(*(self._size(lesion, *size) for size in _SHAPES), *ratios),
            is_cut=bool(lesion.get("touches_border")),
        )

    def _size(self, lesion: Mapping[str, Any], key: str, name: str, power: int) -> Figure:
        in_mm = f"{name}_mm{'' if power == 1 else power}"
        if lesion.get(in_mm) is not None:
            low, high = lesion.get("ranges", {}).get(in_mm, (None, None))
            ends = "" if low is None else f"{_short(low)} – {_short(high)}"
            return Figure(key, f"{_short(lesion[in_mm])} {_MM[power]}", ends)
        if name == "area":
            share = 100 * lesion["area_px"] / (self.rows * self.columns)
            return Figure("result.share", f"{_short(share)} %")
        return Figure(key, f"{lesion[f'{name}_px']:.0f} px")


def path_of(outlines: Sequence[_Outline], rows: int, columns: int) -> str:
    """Return an SVG path of closed outlines, x and y in 0..1 of a photo of *rows* and *columns*, px."""
    return "".join(
        f"M{'L'.join(f'{x * columns:.1f} {y * rows:.1f}' for x, y in outline)}Z" for outline in outlines if outline
    )


def _short(value: float) -> str:
    """Return three figures at most: more would be more than a photo holds."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '।')) else '.'}"
