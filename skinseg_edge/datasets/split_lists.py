"""The lists that part a data set: text files of picture names without suffix, one a line, comments behind `#`."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from skinseg_edge.errors import DatasetUnusable, FileMissing
from skinseg_edge.known_names import first_names

__all__ = ["TRAINING_LIST", "VALIDATION_LIST", "names_if_there", "names_sha256", "read_names"]

TRAINING_LIST, VALIDATION_LIST = "train.txt", "validation.txt"


def read_names(split: Path) -> list[str]:
    """Return the names in a list, in its order.

    Raises FileMissing if there is no such file, DatasetUnusable if it is no UTF-8 text, names no picture or one twice.
    """
    try:
        text = split.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise FileMissing(f"cannot read the split {split}: there is no such file") from error
    except UnicodeDecodeError as error:
        raise DatasetUnusable(
            f"cannot read the split {split}: it is no UTF-8 text; expected one name a line"
        ) from error
    except OSError as error:
        raise DatasetUnusable(f"cannot read the split {split}: {error.strerror or error}") from error
    names = [line.strip() for line in text.splitlines()]
    names = [name for name in names if name and not name.startswith("#")]
    if not names:
        raise DatasetUnusable(f"cannot read the split {split}: it names no picture; expected one name a line")
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise DatasetUnusable(
            f"cannot read the split {split}: {len(twice)} names occur more than once ({first_names(twice)})"
        )
    return names


def names_if_there(split: Path) -> frozenset[str]:
    """Return the names in a list, none where there is no list; they may be of pictures that lie elsewhere.

    Raises DatasetUnusable as `read_names` does.
    """
    try:
        return frozenset(read_names(split))
    except FileMissing:
        return frozenset()


def names_sha256(names: Iterable[str]) -> str:
    """Return the SHA-256 of *names*, a line each; a training run records its list so. The order counts."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()
