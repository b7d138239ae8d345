"""Text on its way to a terminal, a file or a closed pipe."""

import os
import shutil
import sys
import unicodedata
from io import StringIO
from pathlib import Path
from typing import TextIO

__all__ = ["as_text", "is_lively", "open_closed_streams", "print_line", "printable"]

_WIDTH_IN_FILES = 160  # columns of a table when stdout is no terminal: long paths stay whole


def printable(text: str) -> str:
    r"""Return *text* on one line; file names may hold line breaks and what a terminal takes for commands.

    >>> print(printable("new\nline.jpg"))
    new\nline.jpg
    """
    return "".join(repr(letter)[1:-1] if unicodedata.category(letter) == "Cc" else letter for letter in text)


def is_lively(stream: TextIO) -> bool:
    """Say whether colours and moving bars may go to *stream*: a terminal, and NO_COLOR is not set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def as_text(human: object) -> str:
    """Return a string as it is and a rich renderable as it would look on stdout."""
    if isinstance(human, str):
        return human
    from rich.console import Console

    lively = is_lively(sys.stdout)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH_IN_FILES
    page = StringIO()
    Console(file=page, force_terminal=lively, no_color=not lively, width=width, highlight=False).print(human)
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())


def print_line(text: str, stream: TextIO) -> None:
    """Write *text* and a line break at once.

    Raises OSError if the stream takes nothing more; a reader that has gone (`| head`) is none.
    """
    encoding = stream.encoding or "utf-8"  # a file name may hold bytes that the stream cannot show
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
    except OSError as error:
        # Without this the interpreter would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if not isinstance(error, BrokenPipeError):
            raise
        # The reader (`| head`) has gone: the work counts, not the printing.


def open_closed_streams() -> None:
    """Give stdout and stderr a place to go where they were closed (`command >&-`) and Python has None instead."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  # open until the end
