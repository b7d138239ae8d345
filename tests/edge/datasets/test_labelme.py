"""LabelMe files of every version are read, and what does not fit is refused with the shape's number and label."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest

from skinseg_edge.datasets.label_maps import MELASMA_CLASSES
from skinseg_edge.datasets.labelme import read_labelme
from skinseg_edge.errors import DatasetUnusable, FileMissing
from skinseg_edge.image_io import encode_png


def _shape(
    label: object = "ET", points: object = ((0, 0), (4, 0), (4, 2), (0, 2)), **fields: object
) -> dict[str, object]:
    return {"label": label, "points": points, "shape_type": "polygon", "group_id": None, "flags": {}, **fields}


def _file(folder: Path, *shapes: object, **fields: object) -> Path:
    document = {
        "version": "5.5.0",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": "a.jpg",
        "imageData": None,
        "imageHeight": 4,
        "imageWidth": 6,
        **fields,
    }
    path = folder / "a.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_shapes_are_filled_in_the_order_of_the_file_with_lesions_on_top(tmp_path: Path) -> None:
    melasma = _shape("HHB", [[1, 1], [3, 1], [3, 3], [1, 3]])
    path = _file(tmp_path, melasma, _shape("ET"), _shape("XB", [[3, 0], [6, 0], [6, 4], [3, 4]]))
    assert read_labelme(path, MELASMA_CLASSES, drawn_last=("HHB",)).tolist() == [
        [1, 1, 1, 3, 3, 3],
        [1, 2, 2, 3, 3, 3],
        [0, 2, 2, 3, 3, 3],
        [0, 0, 0, 3, 3, 3],
    ]
    assert read_labelme(path, MELASMA_CLASSES)[1, 1] == 1  # the region was drawn later


@pytest.mark.parametrize(
    "drawn",
    [
        {"shape_type": "rectangle", "points": [[4, 3], [1, 1]]},
        {"shape_type": "rectangle", "points": [[1, 1], [4, 1], [4, 3], [1, 3]]},
        {"shape_type": "polygon", "points": [[1, 1], [4, 1], [4, 3], [1, 3]]},
        {"shape_type": None, "points": [[1, 1], [4, 1], [4, 3], [1, 3]]},  # version 3
        {
            "shape_type": "mask",
            "points": [[1.0, 1.0], [3.0, 2.0]],
            "mask": base64.b64encode(encode_png(np.ones((2, 3), np.uint8))).decode(),
        },
    ],
)
def test_every_shape_that_encloses_pixels_is_filled(tmp_path: Path, drawn: dict[str, object]) -> None:
    labels = read_labelme(_file(tmp_path, _shape(**drawn)), MELASMA_CLASSES)
    expected = np.zeros((4, 6), np.uint8)
    expected[1:3, 1:4] = 1
    assert np.array_equal(labels, expected)


def test_a_circle_is_told_by_its_centre_and_a_point_on_its_edge(tmp_path: Path) -> None:
    path = _file(tmp_path, _shape(shape_type="circle", points=[[3, 2], [3, 3.2]]))
    assert read_labelme(path, MELASMA_CLASSES).sum() == 4  # the four pixels around its centre


def test_a_file_of_version_3_without_shape_types_and_with_its_photo_inside_is_read(tmp_path: Path) -> None:
    old = {"label": "ET", "line_color": None, "fill_color": None, "points": [[0, 0], [6, 0], [6, 1], [0, 1]]}
    path = _file(tmp_path, old, version="3.2.1", imageData="/9j/" + "A" * 3000, lineColor=[0, 255, 0, 128])
    assert read_labelme(path, MELASMA_CLASSES).sum() == 6


def test_one_class_is_number_1_and_labelmes_background_is_0_in_any_set(tmp_path: Path) -> None:
    hole = _shape("_background_", [[1, 0], [2, 0], [2, 4], [1, 4]])
    path = _file(tmp_path, _shape(" lesion "), hole)
    assert read_labelme(path, ("lesion",)).tolist()[:2] == [[1, 0, 1, 1, 0, 0]] * 2
    assert read_labelme(path, ("rest", "other", "lesion")).tolist()[0] == [2, 0, 2, 2, 0, 0]


def test_a_file_without_shapes_is_all_background_and_a_byte_order_mark_is_no_harm(tmp_path: Path) -> None:
    path = _file(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert not read_labelme(path, MELASMA_CLASSES).any()


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (
            _shape("HBB"),
            "shape 2 has the label 'HBB', known are BACKGROUND, ET, HHB, XB, LF, RF; did you mean 'HHB'?; rename it",
        ),
        (_shape("hhb"), "shape 2 has the label 'hhb', known are BACKGROUND, ET, HHB, XB, LF, RF; did you mean 'HHB'?"),
        (_shape("nose"), "shape 2 has the label 'nose', known are BACKGROUND, ET, HHB, XB, LF, RF; rename it"),
        (_shape(label=7), "shape 2 has the label 7, known are"),
        (_shape(points=[[0, 0], [1, 1]]), "shape 2 (ET) is a polygon of 2 points, expected at least 3; finish it"),
        (_shape(points=[[0, 0]], shape_type="rectangle"), "is a rectangle of 1 points, expected 2 or 4"),
        (_shape(points=[[0, 0]], shape_type="circle"), "is a circle of 1 points, expected 2, its centre and one on"),
        (_shape(points=[], shape_type="mask"), "is a mask of 0 points, expected 2, opposite corners"),
        (_shape(shape_type="linestrip"), "shape 2 (ET) is a 'linestrip', which encloses no pixels; expected polygon, "),
        (_shape(shape_type="point"), "is a 'point', which encloses no pixels"),
        (_shape(shape_type=["polygon"]), "is a ['polygon'], which encloses no pixels"),
        (_shape(points=None), "shape 2 (ET) has no list of points"),
        (_shape(points=[[0, 0], [1, "x"], [2, 2]]), "has the point [1, 'x'], expected x and y in px"),
        (_shape(points=[[0, 0], [1, 1, 1], [2, 2]]), "has the point [1, 1, 1], expected x and y in px"),
        (_shape(points=[[0, 0], [1e7, 1], [2, 2]]), "expected x and y in px, at most 1,000,000 from the photo"),
        (_shape(points=[[0, 0], [True, 1], [2, 2]]), "has the point [True, 1]"),
        (_shape(points=[[0, 0], [1, 1]], shape_type="mask", mask="?"), "is a mask whose picture cannot be read"),
        (_shape(points=[[0, 0], [1, 1]], shape_type="mask", mask="AAAA"), "is a mask whose picture cannot be read"),
        (_shape(points=[[0, 0], [1, 1]], shape_type="mask"), "is a mask whose picture cannot be read"),
        (
            _shape(points=[[0, 0], [1, 1]], shape_type="mask", mask=[1]),
            "has the mask [1], expected a picture as",
        ),
        ("ET", "shape 2 is 'ET', expected a LabelMe file"),
    ],
)
def test_a_shape_that_cannot_be_filled_is_refused_by_number_and_label(
    tmp_path: Path, shape: object, words: str
) -> None:
    with pytest.raises(DatasetUnusable, match=re.escape(words)):
        read_labelme(_file(tmp_path, _shape(), shape), MELASMA_CLASSES)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"shapes": {"label": "ET"}}, "it has no list of shapes, expected a LabelMe file"),
        ({"imageHeight": None}, "imageHeight and imageWidth are None and 6, expected the photo's rows and columns"),
        ({"imageWidth": "6"}, "imageHeight and imageWidth are 4 and '6'"),
        ({"imageWidth": 0}, "imageHeight and imageWidth are 4 and 0"),
        ({"imageWidth": True}, "imageHeight and imageWidth are 4 and True"),
        ({"imageWidth": 60_000_001}, "its photo has 60000001 x 4 = 240,000,004 pixels, the limit is 60,000,000"),
        ({"shapes": [_shape()] * 1001}, "it has 1,001 shapes, the limit is 1,000"),
        ({"shapes": [_shape(points=[[1, 1]] * 50_001)] * 2}, "its shapes have 100,002 points, the limit is 100,000"),
    ],
)
def test_a_document_that_is_no_labelme_file_is_refused(tmp_path: Path, fields: dict[str, object], words: str) -> None:
    with pytest.raises(DatasetUnusable, match=re.escape(words)):
        read_labelme(_file(tmp_path, **fields), MELASMA_CLASSES)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it is no strict JSON"),
        (b"[]", "got a JSON list, expected an object, expected a LabelMe file; save it again in LabelMe"),
        (b"\xff\xfe{", "byte 0 is not UTF-8"),
        (b"[" * 100_000, "nested deeper than 32 levels"),
        (b'{"shapes": NaN}', "NaN is no JSON number"),
        (b'{"shapes": [], "shapes": []}', "the key 'shapes' comes twice"),
        (b'{"imageHeight": ' + b"9" * 5000 + b"}", "a whole number has 5000 digits"),
    ],
)
def test_hostile_or_damaged_json_is_refused_in_words(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(DatasetUnusable, match=re.escape(words)):
        read_labelme(tmp_path / "a.json", MELASMA_CLASSES)


def test_a_missing_file_a_folder_and_an_endless_file_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FileMissing, match="no such file"):
        read_labelme(tmp_path / "none.json", MELASMA_CLASSES)
    with pytest.raises(DatasetUnusable, match=r"directory|permission"):
        read_labelme(tmp_path, MELASMA_CLASSES)
    monkeypatch.setattr("skinseg_edge.datasets.labelme._MOST_BYTES", 10)
    with pytest.raises(DatasetUnusable, match=r"the limit is 10; save it without the embedded photo"):
        read_labelme(_file(tmp_path), MELASMA_CLASSES)
