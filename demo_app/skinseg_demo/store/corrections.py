"""Corrections: what a person said of an outline. The outline itself stays as it was."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from skinseg_demo.store.audit import BOX, Audit
from skinseg_demo.store.cases import note_change
from skinseg_demo.store.clock import text_from_time, time_from_text
from skinseg_demo.store.database import Database
from skinseg_demo.store.ids import new_id
from skinseg_edge.errors import FileMissing, InputError
from skinseg_edge.strict_json import shown

__all__ = ["Correction", "CorrectionKind", "Corrections"]

CorrectionKind = Literal["nudge", "redraw", "unusable"]
Polygon = tuple[tuple[float, float], ...]

_KINDS = ("nudge", "redraw", "unusable")
_MOST_POLYGONS = 32
_MOST_POINTS = 4000  # of all together


@dataclass(frozen=True)
class Correction:
    """One. *polygons*: the outlines as a person drew them, x and y in 0..1 of the photo; none where it is unusable."""

    id: str
    picture_id: str
    kind: CorrectionKind
    polygons: tuple[Polygon, ...]
    made_at: datetime
    phone_id: str


class Corrections:
    """The table `corrections`, which only grows until its picture is deleted."""

    def __init__(self, database: Database, audit: Audit) -> None:
        """Keep them in *database*; *audit* hears of each."""
        self._database = database
        self._audit = audit

    def add(self, picture_id: str, kind: CorrectionKind, polygons: object = (), *, who: str = BOX) -> Correction:
        """Write one down; *polygons* as it came from the phone: a list of lists of [x, y].

        Raises InputError if it is no correction, FileMissing if there is no such picture.
        """
        if kind not in _KINDS:
            raise InputError(f"cannot correct the outline: got {shown(kind)}, expected one of {', '.join(_KINDS)}")
        now = self._database.now()
        made = Correction(new_id(), picture_id, kind, _polygons_from(kind, polygons), now, who)
        with self._database.writing() as connection:
            case_id = _case_of(connection, picture_id)
            connection.execute(
                "INSERT INTO corrections VALUES (?, ?, ?, ?, ?, ?)",
                (made.id, picture_id, kind, json.dumps(made.polygons), text_from_time(now), who),
            )
            if case_id is not None:
                note_change(connection, case_id, now)
            self._audit.record(
                connection, who=who, what="outline corrected", detail=f"{kind}, picture {picture_id}", case_id=case_id
            )
        return made

    def of_picture(self, picture_id: str) -> list[Correction]:
        """Return what was said of a picture's outline, in that order; the last one holds."""
        rows = self._database.rows("SELECT * FROM corrections WHERE picture_id = ? ORDER BY rowid", picture_id)
        return [_correction_from(row) for row in rows]


def _polygons_from(kind: str, document: object) -> tuple[Polygon, ...]:
    """Return the polygons of a document; Raises InputError if they are none, or too many."""
    polygons = _sequence(document)
    made = tuple(tuple(_point_from(point) for point in _sequence(polygon)) for polygon in polygons)
    points = sum(len(polygon) for polygon in made)
    if len(made) > _MOST_POLYGONS or points > _MOST_POINTS or any(len(polygon) < 3 for polygon in made):
        raise InputError(
            f"cannot correct the outline: got {len(made)} outlines of {points} points, expected at most "
            f"{_MOST_POLYGONS} of at least 3 and together {_MOST_POINTS}; draw it simpler"
        )
    if (kind == "unusable") != (not made):
        raise InputError(
            f"cannot correct the outline: '{kind}' came with {len(made)} outlines, expected "
            f"{'none' if kind == 'unusable' else 'at least one'}; draw it again"
        )
    return made


def _sequence(value: object) -> Sequence[object]:
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise _no_outline(value)
    return value


def _point_from(value: object) -> tuple[float, float]:
    match value:
        case [int() | float() as x, int() | float() as y] if 0 <= x <= 1 and 0 <= y <= 1:
            return float(x), float(y)
    raise _no_outline(value)


def _no_outline(value: object) -> InputError:
    return InputError(
        f"cannot correct the outline: got {shown(value)}, expected lists of points [x, y] in 0..1; draw it again"
    )


def _case_of(connection: sqlite3.Connection, picture_id: str) -> str | None:
    """Return the case of a picture, None of a loose one; Raises FileMissing if there is no such picture."""
    row = connection.execute(
        "SELECT case_id FROM pictures LEFT JOIN visits ON visits.id = visit_id WHERE pictures.id = ?", (picture_id,)
    ).fetchone()
    if row is None:
        raise FileMissing("cannot correct the outline: its picture was deleted; take another picture")
    case_id: str | None = row["case_id"]
    return case_id


def _correction_from(row: sqlite3.Row) -> Correction:
    polygons = tuple(tuple((x, y) for x, y in polygon) for polygon in json.loads(row["polygons"]))
    return Correction(
        row["id"], row["picture_id"], row["kind"], polygons, time_from_text(row["made_at"]), row["phone_id"]
    )
