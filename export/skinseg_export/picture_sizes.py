"""Sizes of pictures as a command takes them: `256x256,384x384`, rows x columns."""

import re

from skinseg_edge.errors import InputError

__all__ = ["sizes_from_text"]

_SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")


def sizes_from_text(text: str) -> tuple[tuple[int, int], ...]:
    """Return the (rows, columns) that *text* names, px, each once.

    >>> sizes_from_text("256x256,384x512")
    ((256, 256), (384, 512))

    Raises InputError if a part is no ROWSxCOLUMNS or is there twice.
    """
    sizes = []
    for part in text.split(","):
        match = _SIZE.fullmatch(part.strip())
        if match is None or (size := (int(match[1]), int(match[2]))) in sizes:
            raise InputError(
                f"cannot use the sizes {text!r}: {part!r} is not one, or is there twice; expected ROWSxCOLUMNS, "
                "such as 256x256,384x384"
            )
        sizes.append(size)
    return tuple(sizes)
