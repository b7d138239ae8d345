"""What a synthetic picture shows: the options, their ranges, and a plausible choice of them by chance."""

from dataclasses import dataclass, fields
from typing import Final, Literal

import numpy as np

__all__ = ["Camera", "HairShade", "Pattern", "Pigment", "Ruler", "Scene", "plausible_scene"]

Pigment = Literal["light-brown", "brown", "dark-brown", "black", "red", "blue-grey"]
Pattern = Literal["homogeneous", "network", "globules", "mixed"]
HairShade = Literal["dark", "brown", "light"]
Ruler = Literal["none", "etched", "paper"]
Camera = Literal["dermoscope", "phone"]

_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "pattern": ("homogeneous", "network", "globules", "mixed"),
    "hair_shade": ("dark", "brown", "light"),
    "ruler": ("none", "etched", "paper"),
    "camera": ("dermoscope", "phone"),
}
_RANGES: Final[dict[str, tuple[float, float]]] = {
    "fitzpatrick": (1, 6),
    "lesions": (0, 5),
    "area_fraction": (0.002, 0.98),
    "border_softness": (0, 1),
    "border_irregularity": (0, 1),
    "contrast": (0.4, 1.2),
    "hairs": (0, 120),
    "bubbles": (0, 80),
    "ring": (0, 1),
    "glare": (0, 1),
}
_PIGMENTS: Final[tuple[str, ...]] = ("light-brown", "brown", "dark-brown", "black", "red", "blue-grey")


@dataclass(frozen=True)
class Scene:
    """The options of one picture.

    *fitzpatrick*: skin type, 1 (very light) to 6 (very dark). *lesions*: how many, 0 to 5. *area_fraction*: share of
    the frame that all lesions cover together, 0.002 to 0.98, before a dermoscope's ring hides some. *border_softness*:
    0 (an edge of a few pixels) to 1 (fades over half the lesion's radius). *border_irregularity*: 0 (nearly an
    ellipse) to 1 (notched and lobed). *pigments*: one to three different colours, the first is the ground.
    *contrast*: 0.4 (pale) to 1.2 (heavily pigmented). *pattern*: dermoscopic structure inside the lesion.
    *hairs*: 0 to 120 strands of *hair_shade*. *ruler*: engraved in the contact plate, or a paper strip.
    *bubbles*: 0 to 80 in the gel. *ink*: marks of a violet surgical pen. *sticker*: a coloured disc at the edge.
    *ring*: 0 (none) to 1 (the dermoscope's dark ring leaves a circle as wide as 70 % of the diagonal).
    *glare*: 0 to 1, specular flecks. *camera*: a dermoscope, or a phone with its exposure, colour cast and blur.

    Raises ValueError if a value is outside its range or not among its choices.
    """

    fitzpatrick: int = 2
    lesions: int = 1
    area_fraction: float = 0.15
    border_softness: float = 0.3
    border_irregularity: float = 0.4
    pigments: tuple[Pigment, ...] = ("brown", "dark-brown")
    contrast: float = 0.8
    pattern: Pattern = "mixed"
    hairs: int = 0
    hair_shade: HairShade = "dark"
    ruler: Ruler = "none"
    bubbles: int = 0
    ink: bool = False
    sticker: bool = False
    ring: float = 0.0
    glare: float = 0.0
    camera: Camera = "dermoscope"

    def __post_init__(self) -> None:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, (low, high) in _RANGES.items():
            if not low <= values[name] <= high:
                raise ValueError(f"a scene's {name} is {values[name]}, expected {low} to {high}")
        for name, known in _CHOICES.items():
            if values[name] not in known:
                raise ValueError(f"a scene's {name} is {values[name]!r}, expected one of {', '.join(known)}")
        if not 1 <= len(self.pigments) <= 3 or len(set(self.pigments)) < len(self.pigments):
            raise ValueError(f"a scene's pigments are {self.pigments}, expected one to three different ones")
        unknown = [pigment for pigment in self.pigments if pigment not in _PIGMENTS]
        if unknown:
            raise ValueError(f"a scene's pigment is {unknown[0]!r}, expected one of {', '.join(_PIGMENTS)}")


_GROUNDS: Final[tuple[Pigment, ...]] = ("light-brown", "brown", "dark-brown", "red")
_ACCENTS: Final[tuple[Pigment, ...]] = ("light-brown", "brown", "dark-brown", "black", "red", "blue-grey")
_PATTERNS: Final[tuple[Pattern, ...]] = ("homogeneous", "network", "globules", "mixed")
_SHADES: Final[tuple[HairShade, ...]] = ("dark", "brown", "light")


def plausible_scene(rng: np.random.Generator) -> Scene:
    """Choose a varied scene: all six skin types alike, a fifth taken with a phone, a few of healthy skin."""
    phone = rng.random() < 0.2
    fitzpatrick = int(rng.integers(1, 7))
    lesions = int(rng.choice([0, 1, 2, 3], p=[0.03, 0.8, 0.12, 0.05]))
    ground = _GROUNDS[int(rng.choice(4, p=[0.25, 0.45, 0.2, 0.1]))]
    order = rng.choice(6, 6, replace=False, p=[0.15, 0.25, 0.28, 0.12, 0.1, 0.1])
    accents = [_ACCENTS[index] for index in order if _ACCENTS[index] != ground]
    pigments = (ground, *accents[: int(rng.choice([0, 1, 2], p=[0.2, 0.45, 0.35]))])
    # Log-uniform: small lesions are as common as large ones; a phone is further away.
    low, high = (0.01, 0.15) if phone else (0.025, 0.5)
    area_fraction = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    hairs = (0, int(rng.integers(1, 12)), int(rng.integers(12, 60)))[int(rng.choice(3, p=[0.4, 0.4, 0.2]))]
    return Scene(
        fitzpatrick=fitzpatrick,
        lesions=lesions,
        area_fraction=area_fraction,
        border_softness=float(rng.beta(1.5, 2.2)),
        border_irregularity=float(rng.beta(1.5, 2.2)),
        pigments=pigments,
        contrast=float(rng.uniform(0.55, 1.1)),
        pattern=_PATTERNS[int(rng.integers(4))],
        hairs=hairs,
        hair_shade=_SHADES[int(rng.choice(3, p=[0.6, 0.3, 0.1] if fitzpatrick < 4 else [0.95, 0.04, 0.01]))],
        ruler=_ruler_for(rng, phone),
        bubbles=0 if phone or rng.random() < 0.6 else int(rng.integers(2, 40)),
        ink=bool(rng.random() < 0.1),
        sticker=bool(rng.random() < 0.05),
        ring=0.0 if phone or rng.random() < 0.75 else float(rng.uniform(0.1, 1)),
        glare=0.0 if rng.random() < 0.65 else float(rng.uniform(0.1, 0.8)),
        camera="phone" if phone else "dermoscope",
    )


def _ruler_for(rng: np.random.Generator, phone: bool) -> Ruler:
    if rng.random() > 0.25:
        return "none"
    return "paper" if phone else "etched"
