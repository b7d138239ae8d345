"""Which pictures a network learns from and which choose its best epoch."""

import hashlib
from pathlib import Path

from skinseg_edge.datasets.official_folders import is_test_part
from skinseg_edge.datasets.readers import PicturePair, pairs
from skinseg_edge.datasets.split_lists import TRAINING_LIST, VALIDATION_LIST
from skinseg_edge.errors import DatasetUnusable

__all__ = ["chosen_pairs"]

_KEPT_IN = 10  # every tenth picture


def chosen_pairs(
    data: Path, train_list: Path | None = None, validation_list: Path | None = None
) -> tuple[tuple[PicturePair, ...], tuple[PicturePair, ...]]:
    """Return training and validation pairs of the folder *data*.

    The lists default to `train.txt` and `validation.txt` in *data*. Where there are none, a tenth of the pictures is
    kept for validation, chosen by the hash of their names, so the choice is the same on every machine and stays when
    pictures are added. The official test part of a collection is then left out: scores are to be had on it.

    Raises DatasetUnusable if only one of the two lists is there, and what reading the folder raises.
    """
    train_list = train_list or _present(data / TRAINING_LIST)
    validation_list = validation_list or _present(data / VALIDATION_LIST)
    if train_list and validation_list:
        return pairs(data, train_list), pairs(data, validation_list)
    if train_list or validation_list:
        have, lack = ("--train-list", "--validation-list") if train_list else ("--validation-list", "--train-list")
        raise DatasetUnusable(f"cannot split {data}: got {have} but no {lack}; give both or neither")
    every = tuple(pair for pair in pairs(data) if not is_test_part(pair.picture))
    kept = tuple(pair for pair in every if _bucket(pair.name) == 0)
    return tuple(pair for pair in every if _bucket(pair.name) != 0), kept


def _present(path: Path) -> Path | None:
    return path if path.is_file() else None


def _bucket(name: str) -> int:
    return hashlib.sha256(name.encode()).digest()[0] % _KEPT_IN
