"""Lines of a text file that somebody else wrote and that may lie in a store: one at a time, each of bounded length."""

from collections.abc import Iterator
from typing import BinaryIO

from skinseg_edge.errors import InputError
from skinseg_runtime.batch.sources.addresses import told
from skinseg_runtime.batch.sources.stores import streamed, telling_errors

__all__ = ["text_lines"]

_PIECE = 64 * 1024
_LONGEST_LINE = 64 * 1024


def text_lines(address: str) -> Iterator[str]:
    """Yield a file's lines, each with one line feed at its end, from UTF-8 with or without a byte order mark.

    Raises FileMissing if it is not there, InputError if it cannot be read, is no UTF-8 or has a line of more than
    64 KiB.
    """
    what = told(address)
    with telling_errors(what), streamed(address, what) as file:
        for number, line in enumerate(_lines(file, what), start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise InputError(
                    f"cannot read {what}: line {number} is not UTF-8 (its byte {error.start}); save it as UTF-8"
                ) from error
            yield text.rstrip("\r\n") + "\n"


def _lines(file: BinaryIO, what: str) -> Iterator[bytes]:
    rest = b""
    while piece := file.read(_PIECE):
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
        if len(rest) > _LONGEST_LINE:
            raise InputError(
                f"cannot read {what}: a line has more than {_LONGEST_LINE:,} bytes, expected a path or an address; "
                "name a list of pictures"
            )
    if rest:
        yield rest
