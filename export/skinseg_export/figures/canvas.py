"""Where figures are drawn: matplotlib behind one door, no window, the same bytes for the same figure."""

import io
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from skinseg_edge.errors import ToolMissing
from skinseg_export.figures.palette import GRID, INK, PAPER, QUIET

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ft2font import FT2Font

__all__ = ["DPI", "new_figure", "png_of", "shortened", "spare_frame", "text_width_px", "words"]

DPI = 120
_FONT = "DejaVu Sans"  # comes with matplotlib, so a figure looks the same everywhere
_UNKNOWN, _ELLIPSIS = "?", "…"
_UNITS_A_PIXEL = 64  # of FreeType


def new_figure(width_px: int, height_px: int, *, dpi: int = DPI, is_laid_out: bool = True) -> "Figure":
    """Return an empty figure of this size. *is_laid_out*: its axes and legends make room for each other.

    Raises ToolMissing if matplotlib is not installed.
    """
    _check_tool()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_px / dpi, height_px / dpi), dpi=dpi, facecolor=PAPER)
    figure.set_layout_engine("constrained" if is_laid_out else "none")
    return figure


def png_of(figure: "Figure") -> bytes:
    """Encode *figure* as PNG at its own size, without date or version."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=figure.dpi, metadata={"Software": None})
    return buffer.getvalue()


def spare_frame(axes: "Axes", *, grid: Literal["x", "y", "both"] = "both") -> None:
    """Leave of the frame what carries numbers, and lay a faint grid behind the data."""
    axes.spines[["top", "right"]].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(QUIET)
    axes.tick_params(colors=INK, labelsize=9)
    axes.set_axisbelow(True)
    axes.grid(axis=grid, color=GRID, linewidth=0.8)


def words(text: str) -> str:
    r"""Return *text* for a figure: no formula in dollar signs, and a question mark for letters that the font lacks.

    >>> words("cost in $ " + chr(0x76ae))
    'cost in \\$ ?'
    """
    known = "".join(letter if _has_letter(letter) else _UNKNOWN for letter in text)
    return known.replace("$", "\\$")


@lru_cache(maxsize=4096)
def text_width_px(text: str, size: float, dpi: int = DPI) -> float:
    """Return how wide *text* is at *size* points, px."""
    font = _font()
    font.set_size(size, dpi)
    font.set_text("".join(letter if _has_letter(letter) else _UNKNOWN for letter in text), 0.0)
    return font.get_width_height()[0] / _UNITS_A_PIXEL


def shortened(text: str, width_px: float, size: float, dpi: int = DPI) -> str:
    """Return *text*, or as much of its beginning as fits *width_px* at *size* points, with an ellipsis behind."""
    if text_width_px(text, size, dpi) <= width_px:
        return text
    low, high = 0, len(text)
    while high - low > 1:
        middle = math.ceil((low + high) / 2)
        if text_width_px(text[:middle] + _ELLIPSIS, size, dpi) <= width_px:
            low = middle
        else:
            high = middle
    return text[:low].rstrip() + _ELLIPSIS


@lru_cache(maxsize=4096)
def _has_letter(letter: str) -> bool:
    return letter.isprintable() and _font().get_char_index(ord(letter)) > 0


def _font() -> "FT2Font":
    _check_tool()
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return get_font(findfont(FontProperties(family=_FONT)))


def _check_tool() -> None:
    try:
        import matplotlib  # noqa: F401  # only whether it is there
    except ImportError as error:
        raise ToolMissing(
            "cannot draw figures: matplotlib is missing; install it with pip install 'skinseg-edge[export]'"
        ) from error
