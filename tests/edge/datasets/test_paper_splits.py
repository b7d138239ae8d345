"""Each paper's counts come out as printed, lesions stay together, and a seed gives the same names on every machine."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from skinseg_edge.datasets.paper_splits import PAPER_SPLITS, Split, split_like
from skinseg_edge.datasets.readers import PicturePair
from skinseg_edge.errors import DatasetUnusable


def _pairs(count: int, folder: str = "images", first: int = 0) -> list[PicturePair]:
    names = [f"ISIC_{number:07d}" for number in range(first, first + count)]
    return [PicturePair(name, Path(folder, f"{name}.jpg"), Path("masks", f"{name}.png")) for name in names]


def _counts(split: Split) -> tuple[int, int, int]:
    return len(split.train), len(split.validation), len(split.test)


def _check_parts(split: Split, names: Sequence[str]) -> None:
    assert sorted([*split.train, *split.validation, *split.test]) == sorted(names)


_ISIC_2016_TEST = _pairs(379, "ISBI2016_ISIC_Part1_Test_Data", first=50_000)


@pytest.mark.parametrize(
    ("paper", "drawn_from", "as_paper", "honest"),
    [
        ("scsonet", 2150, (1500, 650, 0), (1350, 150, 650)),
        ("scsonet", 2694, (1886, 808, 0), (1697, 189, 808)),
        ("cmssm", 2694, (1886, 808, 0), (1697, 189, 808)),
        ("cmssm", 900, (900, 379, 0), (810, 90, 379)),
        ("ulffn", 900, (700, 200, 379), (700, 200, 379)),
        ("hhbsnet", 501, (401, 50, 50), (401, 50, 50)),
        ("unet", 10_015, (8016, 1999, 0), (7214, 802, 1999)),
        # Other folders keep the shares.
        ("scsonet", 2000, (1400, 600, 0), (1260, 140, 600)),
        ("hhbsnet", 20, (16, 2, 2), (16, 2, 2)),
    ],
)
def test_counts_are_the_papers(
    paper: str, drawn_from: int, as_paper: tuple[int, int, int], honest: tuple[int, int, int]
) -> None:
    drawn = _pairs(drawn_from)
    every = drawn + _ISIC_2016_TEST
    for select_from_train, counts in ((False, as_paper), (True, honest)):
        split = split_like(PAPER_SPLITS[paper], every, seed=42, select_from_train=select_from_train)
        assert _counts(split) == counts
        _check_parts(split, [pair.name for pair in (every if drawn_from == 900 else drawn)])


def test_the_official_test_part_is_never_learned_from() -> None:
    official = {pair.name for pair in _ISIC_2016_TEST}
    for paper in PAPER_SPLITS.values():
        split = split_like(paper, _pairs(900) + _ISIC_2016_TEST, seed=1)
        assert not official & set(split.train)
        assert official.isdisjoint(split.validation) or set(split.validation) == official


def test_a_seed_gives_these_names_for_ever() -> None:
    split = split_like(PAPER_SPLITS["hhbsnet"], _pairs(20), seed=42)
    # SHA-256 of "42 ISIC_0000000" and so on: the first two to test, the next two to validation.
    assert split.test == ("ISIC_0000007", "ISIC_0000016")
    assert split.validation == ("ISIC_0000012", "ISIC_0000014")
    assert split_like(PAPER_SPLITS["hhbsnet"], list(reversed(_pairs(20))), seed=42) == split
    assert split_like(PAPER_SPLITS["hhbsnet"], _pairs(20), seed=43) != split


@pytest.mark.parametrize("select_from_train", [False, True])
def test_photos_of_one_lesion_come_into_one_list(select_from_train: bool) -> None:
    every = _pairs(10_015)
    # HAM10000 has 7470 lesions; as there, some have up to six photos.
    lesions = {pair.name: f"HAM_{number % 7470 if number < 9900 else number % 60}" for number, pair in enumerate(every)}
    split = split_like(PAPER_SPLITS["unet"], every, seed=3, lesions=lesions, select_from_train=select_from_train)
    where = [{lesions[name] for name in names} for names in (split.train, split.validation, split.test)]
    assert not where[0] & where[1]
    assert not where[0] & where[2]
    assert not where[1] & where[2]
    assert _counts(split) == ((7214, 802, 1999) if select_from_train else (8016, 1999, 0))


def test_a_photo_without_a_lesion_is_refused() -> None:
    with pytest.raises(DatasetUnusable, match="the metadata name no lesion of 2 of 3 photos, such as ISIC_0000001"):
        split_like(PAPER_SPLITS["unet"], _pairs(3), seed=0, lesions={"ISIC_0000000": "HAM_1"})


@pytest.mark.parametrize("pairs", [[], _pairs(1), _ISIC_2016_TEST])
def test_too_few_pictures_are_refused(pairs: list[PicturePair]) -> None:
    with pytest.raises(DatasetUnusable, match="to learn from and 0 to choose the best epoch by, expected some of each"):
        split_like(PAPER_SPLITS["hhbsnet"], pairs, seed=0)
