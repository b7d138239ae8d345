"""Palette pictures: another program finds the numbers, a person sees the colours."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from skinseg_edge.class_colours import class_colours
from skinseg_edge.errors import OutputRefused
from skinseg_edge.image_io import decode
from skinseg_edge.index_png import encode_index_png, write_index_png


@pytest.mark.parametrize(("hw", "count"), [((1, 1), 1), ((37, 53), 6), ((64, 300), 256)])
def test_another_program_reads_the_numbers_and_ours_the_colours(hw: tuple[int, int], count: int) -> None:
    indices = np.random.default_rng(1).integers(0, count, hw).astype(np.uint8)

    data = encode_index_png(indices, class_colours(count))

    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        assert picture.mode == "P"
        assert np.array_equal(np.asarray(picture), indices)
    assert np.array_equal(decode(data).pixels, class_colours(count)[indices])
    bgr = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))
    assert np.array_equal(bgr[:, :, ::-1], class_colours(count)[indices])


def test_the_same_picture_has_the_same_bytes(tmp_path: Path) -> None:
    indices = np.arange(60, dtype=np.uint8).reshape(6, 10) % 6
    write_index_png(tmp_path / "a.png", indices, class_colours(6))
    assert (tmp_path / "a.png").read_bytes() == encode_index_png(indices, class_colours(6))
    with pytest.raises(OutputRefused):
        write_index_png(tmp_path / "a.png" / "b.png", indices, class_colours(6))


@pytest.mark.parametrize(
    ("indices", "colours", "words"),
    [
        (np.full((2, 2), 6, np.uint8), class_colours(6), "holds class 6, the palette only 6 colours"),
        (np.zeros((2, 2), np.int64), class_colours(6), r"\(2, 2\) int64"),
        (np.zeros((2, 2, 3), np.uint8), class_colours(6), r"\(2, 2, 3\) uint8"),
        (np.zeros((0, 2), np.uint8), class_colours(6), r"\(0, 2\) uint8"),
        (np.zeros((2, 2), np.uint8), np.zeros((257, 3), np.uint8), r"K from 1 to 256; got \(257, 3\)"),
        (np.zeros((2, 2), np.uint8), np.zeros((0, 3), np.uint8), r"got \(0, 3\)"),
        (np.zeros((2, 2), np.uint8), np.zeros((6, 4), np.uint8), r"got \(6, 4\)"),
        (np.zeros((2, 2), np.uint8), np.zeros((6, 3), np.float32), "float32"),
    ],
)
def test_what_is_no_index_picture_is_refused(
    indices: NDArray[np.uint8], colours: NDArray[np.uint8], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        encode_index_png(indices, colours)
