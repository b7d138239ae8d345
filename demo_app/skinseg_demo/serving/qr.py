"""QR codes, for a terminal and for a page."""

import io

import segno

__all__ = ["svg_data_uri", "terminal_text"]

_BORDER = 2  # modules; four by the standard, two are read by every phone and save lines

_WHITE_ON_BLACK, _AS_BEFORE = "\x1b[40;97m", "\x1b[0m"


def terminal_text(address: str, *, colours: bool = False) -> str:
    """Return the code as half blocks, two modules a line.

    *colours*: say which of them is dark, for a terminal; without, a light terminal shows it inverted, which most phones
    read all the same.
    """
    stream = io.StringIO()
    segno.make(address, error="m", micro=False).terminal(out=stream, border=_BORDER, compact=True)
    lines = stream.getvalue().rstrip("\n").split("\n")
    return "\n".join(f"{_WHITE_ON_BLACK}{line}{_AS_BEFORE}" for line in lines) if colours else "\n".join(lines)


def svg_data_uri(address: str) -> str:
    """Return the code as the `src` of an <img>: black on white, so that a dark page does not invert it."""
    code = segno.make(address, error="m", micro=False)
    return str(code.svg_data_uri(border=4, dark="#000", light="#fff", scale=8, omitsize=True))
