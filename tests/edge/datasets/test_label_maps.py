"""Class maps are read from what labelling tools write, and numbers that mean no class are refused in words."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from skinseg_edge.datasets.label_maps import MELASMA_CLASSES, classes_of, lesion_classes_of, read_label_map
from skinseg_edge.errors import DatasetUnusable, FileMissing, PictureUnreadable
from skinseg_edge.image_io import write_png

_NUMBERS = np.array([[0, 1, 2], [3, 4, 5]], np.uint8)
_COLOURS = [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0, 0, 0, 128, 128, 0, 128]  # of PASCAL VOC
_BINARY = ("lesion",)
_TWO = ("background", "lesion")


def _palette(path: Path, numbers: NDArray[np.uint8], colours: list[int] = _COLOURS, **options: object) -> Path:
    picture = Image.fromarray(numbers, "L").copy()
    picture.putpalette(colours)  # makes it a palette picture
    picture.save(path, "PNG", **options)
    return path


@pytest.mark.parametrize("bits", [4, 8])
def test_a_palette_png_gives_its_numbers_whatever_its_colours(tmp_path: Path, bits: int) -> None:
    same_colour = [7, 7, 7] * 6
    for colours in (_COLOURS, same_colour):
        path = _palette(tmp_path / "a.png", _NUMBERS, colours, bits=bits)
        assert read_label_map(path, MELASMA_CLASSES).tolist() == _NUMBERS.tolist()


@pytest.mark.parametrize(("bits", "numbers"), [(1, [[0, 1], [1, 1]]), (2, [[0, 1], [2, 3]])])
def test_numbers_of_few_bits_are_not_scaled(tmp_path: Path, bits: int, numbers: list[list[int]]) -> None:
    path = _palette(tmp_path / "a.png", np.array(numbers, np.uint8), bits=bits)
    assert path.read_bytes()[24] == bits
    assert read_label_map(path, MELASMA_CLASSES).tolist() == numbers
    Image.fromarray(np.array([[False, True]])).save(tmp_path / "grey.png")  # one bit a pixel, without a palette
    assert (tmp_path / "grey.png").read_bytes()[24:26] == b"\x01\x00"
    assert read_label_map(tmp_path / "grey.png", MELASMA_CLASSES).tolist() == [[0, 1]]


def test_a_class_map_is_turned_upright_as_its_photo_is(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the stored top row is the right-hand column
    path = _palette(tmp_path / "a.png", _NUMBERS, exif=exif)
    assert read_label_map(path, MELASMA_CLASSES).tolist() == [[3, 0], [4, 1], [5, 2]]


def test_transparent_palette_colours_keep_their_numbers(tmp_path: Path) -> None:
    path = _palette(tmp_path / "a.png", _NUMBERS, transparency=0)
    assert read_label_map(path, MELASMA_CLASSES).tolist() == _NUMBERS.tolist()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_grey_png_gives_its_levels(tmp_path: Path, dtype: type[np.uint8] | type[np.uint16]) -> None:
    write_png(tmp_path / "a.png", _NUMBERS.astype(dtype))
    labels = read_label_map(tmp_path / "a.png", MELASMA_CLASSES)
    assert labels.dtype == np.uint8
    assert labels.tolist() == _NUMBERS.tolist()


def test_grey_numbers_saved_in_three_equal_channels_are_read(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", np.repeat(_NUMBERS[:, :, None], 3, axis=2))
    assert read_label_map(tmp_path / "a.png", MELASMA_CLASSES).tolist() == _NUMBERS.tolist()


@pytest.mark.parametrize("classes", [_BINARY, _TWO])
@pytest.mark.parametrize("top", [1, 255])
def test_a_black_and_white_mask_is_class_one_of_one_or_two(tmp_path: Path, classes: tuple[str, ...], top: int) -> None:
    write_png(tmp_path / "a.png", np.array([[0, top]], np.uint8))
    labels = read_label_map(tmp_path / "a.png", classes)
    assert labels.dtype == np.uint8
    assert labels.tolist() == [[0, 1]]


@pytest.mark.parametrize("classes", [_BINARY, _TWO])
def test_a_coloured_palette_tells_numbers_and_a_grey_one_tells_black_and_white(
    tmp_path: Path, classes: tuple[str, ...]
) -> None:
    numbers = np.array([[0, 1]], np.uint8)
    coloured = _palette(tmp_path / "colours.png", numbers)
    white_first = _palette(tmp_path / "grey.png", numbers, [255, 255, 255, 0, 0, 0])
    assert read_label_map(coloured, classes).tolist() == [[0, 1]]
    assert read_label_map(white_first, classes).tolist() == [[1, 0]]


def test_a_jpeg_mask_is_read_for_two_classes_and_refused_for_more(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 250, np.uint8)).save(tmp_path / "a.jpg")
    assert read_label_map(tmp_path / "a.jpg", _TWO).all()
    with pytest.raises(PictureUnreadable, match="it is a JPEG file, expected a grey or palette PNG"):
        read_label_map(tmp_path / "a.jpg", MELASMA_CLASSES)


def test_a_json_file_is_read_as_labelme(tmp_path: Path) -> None:
    square = {"label": "HHB", "points": [[0, 0], [2, 0], [2, 2], [0, 2]], "shape_type": "polygon"}
    (tmp_path / "a.JSON").write_text(json.dumps({"shapes": [square], "imageHeight": 2, "imageWidth": 3}))
    assert read_label_map(tmp_path / "a.JSON", MELASMA_CLASSES).tolist() == [[2, 2, 0], [2, 2, 0]]


@pytest.mark.parametrize(
    ("numbers", "classes", "words"),
    [
        (
            [[0, 1], [6, 0]],
            MELASMA_CLASSES,
            r"the pixel in row 1, column 0 has the number 6, expected 0 to 5 \(BACKGROUND, ET, HHB, XB, LF, RF\)",
        ),
        ([[0, 255]], MELASMA_CLASSES, "255, expected 0 to 5 .*black-and-white mask, which tells two classes only"),
        ([[0, 300]], ("a", "b", "c"), r"the number 300, expected 0 to 2 \(a, b, c\); give the class names"),
    ],
)
def test_a_number_that_is_no_class_is_refused_with_its_place(
    tmp_path: Path, numbers: list[list[int]], classes: tuple[str, ...], words: str
) -> None:
    write_png(tmp_path / "a.png", np.array(numbers, np.uint16))
    with pytest.raises(DatasetUnusable, match=words):
        read_label_map(tmp_path / "a.png", classes)


def test_a_coloured_palette_with_too_many_numbers_is_refused_for_a_binary_set(tmp_path: Path) -> None:
    with pytest.raises(DatasetUnusable, match=r"has the number 5, expected 0 to 1 \(lesion\)"):
        read_label_map(_palette(tmp_path / "a.png", _NUMBERS), _BINARY)


def test_a_colour_picture_is_no_class_map(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4), (128, 0, 0)).save(tmp_path / "a.png")
    with pytest.raises(PictureUnreadable, match=r"a\.png as a class map: it is a colour picture, expected a grey"):
        read_label_map(tmp_path / "a.png", MELASMA_CLASSES)


def test_a_missing_or_cut_off_file_is_refused(tmp_path: Path) -> None:
    whole = io.BytesIO()
    Image.new("L", (40, 40)).save(whole, "PNG")
    (tmp_path / "cut.png").write_bytes(whole.getvalue()[:-20])
    for classes in (_BINARY, MELASMA_CLASSES):
        with pytest.raises(FileMissing, match="no such file"):
            read_label_map(tmp_path / "none.png", classes)
        with pytest.raises(PictureUnreadable, match="ends early"):
            read_label_map(tmp_path / "cut.png", classes)


def test_only_melasma_counts_as_lesion_of_its_six_classes_in_any_order() -> None:
    assert lesion_classes_of(MELASMA_CLASSES) == lesion_classes_of(tuple(reversed(MELASMA_CLASSES))) == ("HHB",)
    assert lesion_classes_of(("BACKGROUND", "ET", "HHB")) == ("HHB",)  # a forehead is no lesion
    assert lesion_classes_of(_BINARY) == lesion_classes_of(("rest", "HHB")) == ()


def test_class_names_are_read_from_a_folder_or_there_are_none(tmp_path: Path) -> None:
    assert classes_of(tmp_path) is None
    (tmp_path / "classes.txt").write_bytes(b"\xef\xbb\xbf# melasma\r\nBACKGROUND\r\n\r\n ET \r\nHHB\r\n")
    assert classes_of(tmp_path) == ("BACKGROUND", "ET", "HHB")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"# nothing\n\n", "it names 0 classes, expected 1 to 256, one a line"),
        ("\n".join(map(str, range(257))).encode(), "it names 257 classes"),
        (b"skin\nlesion\nskin\n", "the class 'skin' comes twice"),
        (b"skin\nle\x07sion\n", "the class 'le.*sion' comes twice or holds unprintable characters"),
        (b"\xff\xd8\xff", "it is no UTF-8 text"),
    ],
)
def test_class_names_that_cannot_be_used_are_refused(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "classes.txt").write_bytes(data)
    with pytest.raises(DatasetUnusable, match=words):
        classes_of(tmp_path)


def test_a_folder_called_like_the_file_of_class_names_is_refused(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").mkdir()
    with pytest.raises(DatasetUnusable, match="expected one class name a line"):
        classes_of(tmp_path)
