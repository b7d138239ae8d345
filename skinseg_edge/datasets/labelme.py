"""LabelMe's JSON: the shapes that somebody drew on a photo, filled into a class map.

Read are versions 3 to 5 (github.com/wkentaro/labelme): polygons, rectangles, circles and masks; a shape without a
type, as old versions write it, is a polygon. Shapes that enclose nothing, such as lines, are refused by name.
The embedded photo (`imageData`), flags, groups and descriptions are ignored.

Shapes are filled in the order of the file, so a later one lies on top, except that lesions lie on top of every region.
"""

import base64
import binascii
import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.datasets.polygons import fill_circle, fill_polygon, lay_mask
from skinseg_edge.errors import DatasetUnusable, FileMissing, PictureUnreadable
from skinseg_edge.image_io import MAX_PIXELS, decode_mask
from skinseg_edge.strict_json import parse_object, shown

__all__ = ["read_labelme"]

_BACKGROUND = "_background_"  # LabelMe's own word, whatever the first class is called
_FILLED = ("polygon", "rectangle", "circle", "mask")
_MOST_BYTES = 256 * 1024 * 1024  # a photo of 60 megapixels is embedded with less
_MOST_SHAPES, _MOST_POINTS = 1_000, 100_000  # of a file; traced outlines of a face have some thousand points
_FARTHEST = 1e6  # px
_MEND = "expected a LabelMe file; save it again in LabelMe"


@dataclass(frozen=True)
class _Shape:
    """*where*: what errors call it. *number*: of its class. *points*: (n, 2) x, y, px. *mask*: base64, "" for none."""

    where: str
    label: str
    number: int
    kind: str
    points: NDArray[np.float64]
    mask: str


def read_labelme(path: str | Path, classes: Sequence[str], *, drawn_last: Collection[str] = ()) -> NDArray[np.uint8]:
    """Read a LabelMe file as a class map.

    *classes*: the labels by class number, background first; one name is a binary set, where it is 1.
    LabelMe's `_background_` is 0 in any set. *drawn_last*: the classes that lie on top. Returns (H, W) uint8 at the
    photo's size.

    Raises FileMissing if there is no such file; DatasetUnusable if it is no LabelMe file, a label is none of *classes*,
    or a shape is unfinished or encloses nothing.
    """
    file = Path(path)
    document = parse_object(_bytes_of(file), str(file), mend=_MEND, error_class=DatasetUnusable)
    canvas = np.zeros(_hw(document, file), np.uint8)
    shapes = _shapes(document, file, classes)
    for shape in sorted(shapes, key=lambda shape: shape.label in drawn_last):  # sorted() keeps the order of equals
        _fill(canvas, shape)
    return canvas


def _bytes_of(file: Path) -> bytes:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise DatasetUnusable(
                f"cannot read {file}: it has {file.stat().st_size:,} bytes, the limit is {_MOST_BYTES:,}; "
                "save it without the embedded photo (labelme --nodata)"
            )
        return file.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except FileNotFoundError as error:
        raise FileMissing(f"cannot read {file}: there is no such file; check the path") from error
    except OSError as error:
        raise DatasetUnusable(f"cannot read {file}: {error.strerror or error}; check its permissions") from error


def _hw(document: Mapping[str, object], file: Path) -> tuple[int, int]:
    rows, columns = document.get("imageHeight"), document.get("imageWidth")
    if not (_is_side(rows) and _is_side(columns)):
        raise DatasetUnusable(
            f"cannot read {file}: imageHeight and imageWidth are {shown(rows)} and {shown(columns)}, expected the "
            "photo's rows and columns; open it with its photo in LabelMe and save it again"
        )
    if rows * columns > MAX_PIXELS:
        raise DatasetUnusable(
            f"cannot read {file}: its photo has {columns} x {rows} = {rows * columns:,} pixels, the limit is "
            f"{MAX_PIXELS:,}; scale photo and shapes down"
        )
    return rows, columns


def _is_side(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _shapes(document: Mapping[str, object], file: Path, classes: Sequence[str]) -> list[_Shape]:
    listed = document.get("shapes")
    if not isinstance(listed, list):
        raise DatasetUnusable(f"cannot read {file}: it has no list of shapes, {_MEND}")
    if len(listed) > _MOST_SHAPES:
        raise DatasetUnusable(f"cannot read {file}: it has {len(listed):,} shapes, the limit is {_MOST_SHAPES:,}")
    numbers = {_BACKGROUND: 0, **{name: number for number, name in enumerate(classes, start=len(classes) == 1)}}
    shapes = [
        _shape(item, f"cannot read {file}: shape {count}", numbers, classes)
        for count, item in enumerate(listed, start=1)
    ]
    points = sum(len(shape.points) for shape in shapes)
    if points > _MOST_POINTS:
        raise DatasetUnusable(f"cannot read {file}: its shapes have {points:,} points, the limit is {_MOST_POINTS:,}")
    return shapes


def _shape(item: object, where: str, numbers: Mapping[str, int], classes: Sequence[str]) -> _Shape:
    if not isinstance(item, Mapping):
        raise DatasetUnusable(f"{where} is {shown(item)}, {_MEND}")
    label, kind, mask = item.get("label"), item.get("shape_type") or "polygon", item.get("mask") or ""
    if not isinstance(label, str) or label.strip() not in numbers:
        nearest = difflib.get_close_matches(str(label).upper(), [name.upper() for name in classes], n=1)
        hint = next((f"; did you mean {name!r}?" for name in classes if name.upper() in nearest), "")
        raise DatasetUnusable(
            f"{where} has the label {shown(label)}, known are {', '.join(classes)}{hint}; rename it or give the "
            "classes that the file was drawn with"
        )
    where = f"{where} ({label.strip()})"
    if kind not in _FILLED:
        raise DatasetUnusable(
            f"{where} is a {shown(kind)}, which encloses no pixels; expected {', '.join(_FILLED)}; draw it again as a "
            "polygon or remove it"
        )
    if not isinstance(mask, str):
        raise DatasetUnusable(f"{where} has the mask {shown(mask)}, expected a picture as base64 text; draw it again")
    return _Shape(where, label.strip(), numbers[label.strip()], kind, _points(item.get("points"), where), mask)


def _points(listed: object, where: str) -> NDArray[np.float64]:
    if not isinstance(listed, list):
        raise DatasetUnusable(f"{where} has no list of points, {_MEND}")
    for point in listed:
        if not (isinstance(point, list) and len(point) == 2 and all(_is_coordinate(part) for part in point)):
            raise DatasetUnusable(
                f"{where} has the point {shown(point)}, expected x and y in px, at most {_FARTHEST:,.0f} from the "
                "photo; draw it again"
            )
    return np.array(listed, np.float64).reshape(-1, 2)


def _is_coordinate(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _FARTHEST


def _fill(canvas: NDArray[np.uint8], shape: _Shape) -> None:
    if shape.kind == "polygon":
        _check_count(shape, len(shape.points) >= 3, "at least 3")
        fill_polygon(canvas, shape.points, shape.number)
    elif shape.kind == "rectangle":
        _check_count(shape, len(shape.points) in (2, 4), "2 or 4")  # opposite corners, or all as some editors write
        corners = shape.points
        if len(corners) == 2:
            (x0, y0), (x1, y1) = corners
            corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
        fill_polygon(canvas, corners, shape.number)
    elif shape.kind == "circle":
        _check_count(shape, len(shape.points) == 2, "2, its centre and one on its edge")
        centre, edge = shape.points
        fill_circle(canvas, (float(centre[0]), float(centre[1])), float(np.hypot(*(edge - centre))), shape.number)
    else:
        _check_count(shape, len(shape.points) == 2, "2, opposite corners")
        corner = np.floor(shape.points.min(axis=0))
        lay_mask(canvas, _drawn_mask(shape), (int(corner[1]), int(corner[0])), shape.number)


def _check_count(shape: _Shape, holds: bool, expected: str) -> None:
    if not holds:
        raise DatasetUnusable(
            f"{shape.where} is a {shape.kind} of {len(shape.points)} points, expected {expected}; finish it in LabelMe "
            "or remove it"
        )


def _drawn_mask(shape: _Shape) -> NDArray[np.bool_]:
    try:
        return decode_mask(base64.b64decode(shape.mask, validate=True))
    except (binascii.Error, ValueError, PictureUnreadable) as error:
        raise DatasetUnusable(
            f"{shape.where} is a mask whose picture cannot be read ({error}); draw it again"
        ) from error
