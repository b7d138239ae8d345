"""Where a lesion lies: the places that the body map draws and the list names, seen from the front and from the back.

Left and right are the person's own. A place is kept as English words, such as "right chest", which a receiver can read;
a page shows the words of its own language.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from skinseg_demo.refusals import Refused
from skinseg_demo.strings import strings_of, t

__all__ = ["MAP_HW", "SITES", "BodySite", "place_from_form", "site_of", "words_of"]

MAP_HW = (436, 200)
"""Rows and columns of each drawing; templates/cases/body_map.html holds the drawing itself."""

# Middles of the drawn parts, x and y, in the half that lies left on the screen; the other half mirrors it.
_HALVES = {
    "torso_upper": (82, 106),
    "torso_lower": (84, 156),
    "hip": (80, 198),
    "arm": (50, 122),
    "forearm": (41, 178),
    "hand": (33, 219),
    "thigh": (80, 260),
    "knee": (82, 311),
    "leg": (83, 356),
    "foot": (79, 413),
}
_MIDDLE = {"head": (100, 34), "neck": (100, 70)}
# Too small to be tapped: named in the list alone.
_SMALL_HALVES = {"cheek": (89, 42), "ear": (77, 36), "armpit": (66, 112)}
_SMALL_MIDDLE = {"forehead": (100, 19), "nose": (100, 36), "mouth": (100, 50), "genitals": (100, 216)}


@dataclass(frozen=True)
class BodySite:
    """A place. *code*: such as "front_torso_upper_right". *view*: "front" or "back". *x*, *y*: its middle, 0..1."""

    code: str
    view: str
    x: float
    y: float

    @property
    def english(self) -> str:
        """Its words as the store keeps them."""
        return strings_of("en")[f"body.site.{self.code}"]


def _sites() -> dict[str, BodySite]:
    front = {**_middle("front", _MIDDLE | _SMALL_MIDDLE), **_sides("front", _HALVES | _SMALL_HALVES)}
    return front | _middle("back", _MIDDLE) | _sides("back", _HALVES)


def _middle(view: str, parts: Mapping[str, tuple[int, int]]) -> dict[str, BodySite]:
    return {f"{view}_{part}": _site(f"{view}_{part}", view, x, y) for part, (x, y) in parts.items()}


def _sides(view: str, parts: Mapping[str, tuple[int, int]]) -> dict[str, BodySite]:
    """Return both sides of each part: seen from the front, the person's right is left on the screen."""
    on_the_left, on_the_right = ("right", "left") if view == "front" else ("left", "right")
    sites = {}
    for part, (x, y) in parts.items():
        for side, place in ((on_the_left, x), (on_the_right, MAP_HW[1] - x)):
            sites[f"{view}_{part}_{side}"] = _site(f"{view}_{part}_{side}", view, place, y)
    return sites


def _site(code: str, view: str, x: int, y: int) -> BodySite:
    return BodySite(code, view, x / MAP_HW[1], y / MAP_HW[0])


SITES = _sites()


def site_of(english: str) -> BodySite | None:
    """Return the place that the store's words mean; None for words of somebody's own."""
    return next((site for site in SITES.values() if site.english == english), None)


def words_of(english: str) -> str:
    """Return the store's words in the language of this request; words of somebody's own stay as they are."""
    site = site_of(english)
    return english if site is None else t(f"body.site.{site.code}")


def place_from_form(form: Mapping[str, str]) -> dict[str, object]:
    """Return the fields of a case for a place that was tapped or chosen.

    *form*: body_site holds a code; body_x and body_y, 0..1, are empty where the place was chosen from the list.

    Raises Refused with 400 if there is no such place, or the point is none.
    """
    site = SITES.get(form.get("body_site", ""))
    if site is None:
        raise Refused(
            400, "PlaceMissing", "cannot keep the place: none was chosen; tap the body or choose one from the list"
        )
    x, y = (_coordinate(form.get(name, "")) for name in ("body_x", "body_y"))
    if x is None or y is None:
        x, y = site.x, site.y
    return {"body_site": site.english, "body_view": site.view, "body_x": x, "body_y": y}


def _coordinate(text: str) -> float | None:
    try:
        return float(text[:40]) if text else None
    except ValueError as error:
        raise Refused(
            400, "PlaceMissing", "cannot keep the place: its point is no number; tap the body again"
        ) from error
