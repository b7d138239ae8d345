"""What a person writes about a lesion: checked on its way in, kept as it was given.

Ticks are yes, no or not asked (true, false, null). Of the 7-point checklist no total is kept or computed: each point is
a clinician's own, and what they add up to is theirs to say.
"""

import json
import re
from collections.abc import Callable, Mapping

from skinseg_edge.errors import InputError
from skinseg_edge.strict_json import shown

__all__ = ["CHECKLIST_POINTS", "HISTORY_TICKS", "SKIN_TYPES", "columns_from_fields"]

HISTORY_TICKS = (
    "new",
    "grown",
    "changed_shape",
    "changed_colour",
    "bled",
    "itches",
    "painful",
    "earlier_skin_cancer",
    "family_melanoma",
)

# The weighted Glasgow checklist: the first three are its major points.
CHECKLIST_POINTS = (
    "change_in_size",
    "irregular_shape",
    "irregular_colour",
    "diameter_7mm",
    "inflammation",
    "oozing",
    "change_in_sensation",
)

SKIN_TYPES = ("I", "II", "III", "IV", "V", "VI")

_SITE_LETTERS = 80
_NOTE_LETTERS = 2000


def columns_from_fields(fields: Mapping[str, object]) -> dict[str, str | float | None]:
    """Return the columns of the table `cases` for fields as they came.

    Fields: body_site (text), body_view (a word such as "front", or null), body_x and body_y (0..1 of the drawn body, or
    null), skin_type (I..VI as a person judged it, or null), history and checklist (ticks by name), note (text).

    Raises InputError for a field that is not known or does not fit.
    """
    columns = {}
    for name, value in fields.items():
        if name not in _COLUMN_FROM:
            raise InputError(f"cannot keep the case: it has no field {shown(name)}, expected {', '.join(_COLUMN_FROM)}")
        columns[name] = _COLUMN_FROM[name](name, value)
    return columns


def _text(letters: int) -> Callable[[str, object], str]:
    def checked(name: str, value: object) -> str:
        if not isinstance(value, str) or len(value) > letters:
            raise _refusal(name, value, f"text of at most {letters} letters")
        return value.strip()

    return checked


def _view(name: str, value: object) -> str | None:
    if value is not None and not (isinstance(value, str) and re.fullmatch(r"[a-z]([a-z_]{0,30}[a-z])?", value)):
        raise _refusal(name, value, "a word such as 'front', or null")
    return value


def _place(name: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise _refusal(name, value, "a number from 0 to 1, or null")
    return float(value)


def _skin_type(name: str, value: object) -> str | None:
    if value is not None and (not isinstance(value, str) or value not in SKIN_TYPES):
        raise _refusal(name, value, f"one of {', '.join(SKIN_TYPES)}, or null")
    return value


def _ticks(known: tuple[str, ...]) -> Callable[[str, object], str]:
    def checked(name: str, value: object) -> str:
        if not isinstance(value, Mapping) or not all(
            tick in known and (answer is None or isinstance(answer, bool)) for tick, answer in value.items()
        ):
            raise _refusal(name, value, f"true, false or null for each of {', '.join(known)}")
        return json.dumps({tick: value[tick] for tick in known if tick in value})

    return checked


def _refusal(name: str, value: object, expected: str) -> InputError:
    return InputError(f"cannot keep the case: {name} is {shown(value)}, expected {expected}")


_COLUMN_FROM: dict[str, Callable[[str, object], str | float | None]] = {
    "body_site": _text(_SITE_LETTERS),
    "body_view": _view,
    "body_x": _place,
    "body_y": _place,
    "skin_type": _skin_type,
    "history": _ticks(HISTORY_TICKS),
    "checklist": _ticks(CHECKLIST_POINTS),
    "note": _text(_NOTE_LETTERS),
}
