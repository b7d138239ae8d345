"""What no list for training may share with one for judging: names, and on request bytes."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from skinseg_edge.datasets.readers import PicturePair
from skinseg_edge.errors import DatasetUnusable
from skinseg_edge.known_names import first_names

__all__ = ["check_disjoint"]


def check_disjoint(lists: Mapping[str, Sequence[PicturePair]], *, by_content: bool = False) -> None:
    """Check that no picture is in two lists.

    *lists*: what messages call a list -> its pairs. *by_content*: also compare the bytes of the photos, for the same
    photo may have another name, above all in another collection; only files of equal size are read.

    Raises DatasetUnusable if two lists share a name, or the same bytes.
    """
    for (one, its), (other, others) in combinations(lists.items(), 2):
        shared = sorted({pair.name for pair in its} & {pair.name for pair in others})
        if shared:
            raise DatasetUnusable(
                f"cannot use {one} beside {other}: {len(shared)} names are in both ({first_names(shared)}), so the "
                "network would be judged on what it has seen; leave them out of one"
            )
    if by_content:
        _check_bytes(lists)


def _check_bytes(lists: Mapping[str, Sequence[PicturePair]]) -> None:
    same: list[str] = []
    listed = [(name, pair) for name, pairs in lists.items() for pair in pairs]
    for copies in _of_equal_bytes(listed):
        (one, first), *rest = copies
        same += [f"{first.name} of {one} is {pair.name} of {other}" for other, pair in rest if other != one]
    if same:
        raise DatasetUnusable(
            f"cannot use {', '.join(lists)} together: {len(same)} photos are in two lists under other names "
            f"({first_names(same)}); leave them out of one"
        )


def _of_equal_bytes(listed: Iterable[tuple[str, PicturePair]]) -> Iterable[list[tuple[str, PicturePair]]]:
    by_size: dict[int, list[tuple[str, PicturePair]]] = defaultdict(list)
    for name, pair in listed:
        by_size[pair.picture.stat().st_size].append((name, pair))
    for alike in by_size.values():
        by_hash: dict[bytes, list[tuple[str, PicturePair]]] = defaultdict(list)
        for name, pair in alike if len(alike) > 1 else ():
            by_hash[_sha256(pair.picture)].append((name, pair))
        yield from by_hash.values()


def _sha256(file: Path) -> bytes:
    return hashlib.sha256(file.read_bytes()).digest()
