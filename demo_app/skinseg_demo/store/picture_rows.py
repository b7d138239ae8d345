"""A picture as a row of the table `pictures` holds it, and what a row takes."""

import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from skinseg_demo.store.clock import text_from_time, time_from_text
from skinseg_edge.errors import InputError
from skinseg_edge.strict_json import is_json, shown

__all__ = ["Picture", "PictureRole", "check_picture", "picture_from_row", "row_from_picture"]

PictureRole = Literal["overview", "closeup"]

_ROLES = ("overview", "closeup")


@dataclass(frozen=True)
class Picture:
    """A photo as it was kept.

    *visit_id*: None until it belongs to a case; such a one is removed after a day. *sha256*: of the kept original,
    which never changes. *received_sha256*: of the bytes as they came. *extension*: of the original, such as "jpg".
    *hw*: rows and columns, upright. *quality_verdict*, *sent_anyway*: of the quality gate, and whether a person sent it
    all the same. *result*: JSON, "skinseg.demo.result/1".
    """

    id: str
    visit_id: str | None
    role: PictureRole
    sha256: str
    received_sha256: str
    extension: str
    hw: tuple[int, int]
    received_at: datetime
    quality_verdict: str | None
    sent_anyway: bool
    result: dict[str, object]


def check_picture(role: str, extension: str, result: Mapping[str, object]) -> None:
    """Check what comes from outside; Raises InputError for a role, an extension or a result that is none."""
    if role not in _ROLES:
        raise InputError(f"cannot keep the picture: its role is {shown(role)}, expected one of {', '.join(_ROLES)}")
    if not re.fullmatch("[a-z]{3,4}", extension):
        raise InputError(f"cannot keep the picture: its extension is {shown(extension)}, expected one such as 'jpg'")
    if not is_json(result):
        raise InputError("cannot keep the picture: its result holds what JSON has no words for; report this")


def row_from_picture(picture: Picture) -> tuple[object, ...]:
    """Return the values of a picture's row, in the order of the table's columns."""
    rows, columns = picture.hw
    return (
        picture.id,
        picture.visit_id,
        picture.role,
        picture.sha256,
        picture.received_sha256,
        picture.extension,
        rows,
        columns,
        text_from_time(picture.received_at),
        picture.quality_verdict,
        int(picture.sent_anyway),
        json.dumps(picture.result, ensure_ascii=False, allow_nan=False),
    )


def picture_from_row(row: sqlite3.Row) -> Picture:
    """Return the picture of a row."""
    return Picture(
        id=row["id"],
        visit_id=row["visit_id"],
        role=row["role"],
        sha256=row["sha256"],
        received_sha256=row["received_sha256"],
        extension=row["format"],
        hw=(row["rows"], row["columns"]),
        received_at=time_from_text(row["received_at"]),
        quality_verdict=row["quality_verdict"],
        sent_anyway=bool(row["sent_anyway"]),
        result=json.loads(row["result"]),
    )
