"""QR codes, for a terminal and for a page."""

import io

import segno

__all__ = ["svg_data_uri", "terminal_text"]

_BORDER = 2  # modules; four by the standard, two are read by every phone and save lines


def terminal_text(address: str) -> str:
    """Return the code as half blocks, two modules a line, dark on light whatever the terminal's colours are."""
    stream = io.StringIO()
    segno.make(address, error="m", micro=False).terminal(out=stream, border=_BORDER, compact=True)
    return stream.getvalue().rstrip("\n")


def svg_data_uri(address: str) -> str:
    """Return the code as the `src` of an <img>: black on white, so that a dark page does not invert it."""
    code = segno.make(address, error="m", micro=False)
    return str(code.svg_data_uri(border=4, dark="#000", light="#fff", scale=8, omitsize=True))
