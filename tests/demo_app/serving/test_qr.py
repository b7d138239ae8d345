"""The codes that the box shows, read as a phone's camera reads them: from pixels."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_demo.serving.qr import svg_data_uri, terminal_text

_ADDRESS = "https://192.168.1.20:8443/p#k=LNHFA4226MPHJ7ZIQ2XQQSSQ2Y"
_UPPER, _LOWER = {"█", "▀"}, {"█", "▄"}


def _pixels_of_terminal(text: str) -> NDArray[np.uint8]:
    """Draw half blocks as a terminal with light letters does: two rows a line, 8 px a module."""
    lines = text.split("\n")
    modules = np.zeros((2 * len(lines), len(lines[0])), np.uint8)
    for row, line in enumerate(lines):
        modules[2 * row] = [255 * (letter in _UPPER) for letter in line]
        modules[2 * row + 1] = [255 * (letter in _LOWER) for letter in line]
    return np.kron(modules, np.ones((8, 8), np.uint8))


def _read(pixels: NDArray[np.uint8]) -> str:
    framed = cv2.copyMakeBorder(pixels, 32, 32, 32, 32, cv2.BORDER_CONSTANT, value=(255,))
    return cv2.QRCodeDetector().detectAndDecode(framed)[0]


def test_the_code_in_the_terminal_is_read_back() -> None:
    assert _read(_pixels_of_terminal(terminal_text(_ADDRESS))) == _ADDRESS


def test_the_code_fits_a_terminal_of_80_columns_and_24_lines() -> None:
    lines = terminal_text(_ADDRESS).split("\n")

    assert len(lines) <= 20
    assert max(map(len, lines)) <= 40


def test_on_a_terminal_every_line_says_which_modules_are_dark() -> None:
    lines = terminal_text(_ADDRESS, colours=True).split("\n")

    assert {line[:8] for line in lines} == {"\x1b[40;97m"}
    assert {line[-4:] for line in lines} == {"\x1b[0m"}


def test_the_code_of_the_page_needs_no_other_address_and_has_a_quiet_zone() -> None:
    source = svg_data_uri(_ADDRESS)

    assert source.startswith("data:image/svg+xml")
    assert _ADDRESS not in source


@pytest.mark.parametrize(
    "address", ["https://192.168.1.20:8443/p#k=" + "A" * 26, "https://[fd00::1234:5678]:8443/p#k=" + "7" * 26]
)
def test_any_address_of_a_box_is_read_back(address: str) -> None:
    assert _read(_pixels_of_terminal(terminal_text(address))) == address
