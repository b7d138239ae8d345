"""How the papers part their pictures for training and judging, repeatable by seed.

The papers publish counts, not lists, so these are other draws of the same sizes. The order of a draw is that of
SHA-256(seed, name): the same on every machine and with every version of every library.

Three of the five papers choose their best epoch on the pictures that they report, which flatters them. So it is
repeated here by default, and `select_from_train` is the honest way: a tenth of the training pictures chooses the epoch.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from skinseg_edge.datasets.official_folders import is_test_part
from skinseg_edge.datasets.readers import PicturePair
from skinseg_edge.errors import DatasetUnusable

__all__ = ["PAPER_SPLITS", "PaperSplit", "Split", "split_like"]

_SELECTING = 0.1  # share of the training pictures that choose the epoch when the test pictures may not


@dataclass(frozen=True)
class Split:
    """Names of the pictures to learn from, to choose the best epoch by, and to report on; *test* may be empty."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True)
class PaperSplit:
    """What a paper prints.

    *shares*: of training, validation and test pictures, together 1. *counts*: the same three as printed, by how many
    pictures they were drawn from, where rounding the shares gives others. *official_test_of*: the collections, by how
    many pictures are drawn from, that are judged on their official test part; () none. *selects_on_test*: the test
    pictures also choose the best epoch. *by_lesion*: photos of one lesion stay together (a choice of ours).
    """

    shares: tuple[float, float, float]
    counts: Mapping[int, tuple[int, int, int]]
    official_test_of: tuple[int, ...] = ()
    selects_on_test: bool = False
    by_lesion: bool = False

    def counts_for(self, total: int) -> tuple[int, int, int]:
        """Return how many of *total* pictures are for training, validation and test."""
        validation, test = (round(share * total) for share in self.shares[1:])
        return self.counts.get(total, (total - validation - test, validation, test))


_ISIC_2017, _ISIC_2018 = 2150, 2694  # 2000 + 150 and 2594 + 100: training and validation parts together
_SEVEN_TO_THREE = {_ISIC_2017: (1500, 0, 650), _ISIC_2018: (1886, 0, 808)}

PAPER_SPLITS: Mapping[str, PaperSplit] = MappingProxyType(
    {
        "scsonet": PaperSplit((0.7, 0.0, 0.3), _SEVEN_TO_THREE, selects_on_test=True),
        "unet": PaperSplit((0.8, 0.0, 0.2), {10_015: (8016, 0, 1999)}, selects_on_test=True, by_lesion=True),
        # ISIC 2016 as it is: 900 to learn from, the official 379 to judge.
        "cmssm": PaperSplit((0.7, 0.0, 0.3), {**_SEVEN_TO_THREE, 900: (900, 0, 0)}, (900,), selects_on_test=True),
        "ulffn": PaperSplit((7 / 9, 2 / 9, 0.0), {900: (700, 200, 0)}, (900,)),
        "hhbsnet": PaperSplit((0.8, 0.1, 0.1), {501: (401, 50, 50)}),
    }
)


def split_like(
    paper: PaperSplit,
    pairs: Sequence[PicturePair],
    *,
    seed: int,
    lesions: Mapping[str, str] | None = None,
    select_from_train: bool = False,
) -> Split:
    """Part *pairs* as *paper* does.

    Pictures of an official test part are never drawn: they are the test list where the paper judges on them, and left
    out elsewhere. *lesions*: name -> lesion; the pictures of one lesion come into one list, None takes each alone.
    *select_from_train*: where the paper chooses its epoch on its test pictures, choose on a tenth of train instead.

    Raises DatasetUnusable if *lesions* lacks a picture, or a list for training or for choosing would be empty.
    """
    official = tuple(sorted(pair.name for pair in pairs if is_test_part(pair.picture)))
    drawn_from = sorted({pair.name for pair in pairs} - set(official))
    _, validation_count, test_count = paper.counts_for(len(drawn_from))
    rest = _in_drawn_order(drawn_from, seed, lesions)
    test, rest = _taken(rest, test_count)
    if len(drawn_from) in paper.official_test_of:
        test = official
    if paper.selects_on_test and select_from_train:
        validation_count = round(_SELECTING * sum(map(len, rest)))
    validation, rest = _taken(rest, validation_count)
    if paper.selects_on_test and not select_from_train:
        validation, test = test, ()
    train = tuple(sorted(name for group in rest for name in group))
    if not train or not validation:
        raise DatasetUnusable(
            f"cannot split {len(drawn_from)} pictures (and {len(official)} of an official test part) so: that gives "
            f"{len(train)} to learn from and {len(validation)} to choose the best epoch by, expected some of each"
        )
    return Split(train, validation, test)


def _in_drawn_order(names: Sequence[str], seed: int, lesions: Mapping[str, str] | None) -> list[list[str]]:
    """Group the names by lesion and shuffle the groups."""
    if lesions is not None:
        unknown = [name for name in names if name not in lesions]
        if unknown:
            raise DatasetUnusable(
                f"cannot keep the photos of one lesion together: the metadata name no lesion of {len(unknown)} of "
                f"{len(names)} photos, such as {unknown[0]}; use --by-image or get the whole file"
            )
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[name if lesions is None else lesions[name]].append(name)
    order = sorted(groups, key=lambda group: hashlib.sha256(f"{seed} {group}".encode()).digest())
    return [groups[group] for group in order]


def _taken(groups: list[list[str]], count: int) -> tuple[tuple[str, ...], list[list[str]]]:
    """Take groups in order as long as they fit into *count* names; returns the names, sorted, and the other groups."""
    taken: list[str] = []
    left: list[list[str]] = []
    for group in groups:
        if len(taken) + len(group) <= count:
            taken += group
        else:
            left.append(group)
    return tuple(sorted(taken)), left
