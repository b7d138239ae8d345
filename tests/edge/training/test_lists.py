"""Which pictures a run without lists learns from and chooses by."""

from pathlib import Path

import pytest

from skinseg_edge.errors import DatasetUnusable
from skinseg_edge.training.lists import chosen_pairs


@pytest.fixture
def isic(tmp_path: Path) -> Path:
    """Lay out names of 60 training and 20 test pictures of ISIC 2018 as they unpack; no pixel is read."""
    for part, numbers in (("Training", range(60)), ("Test", range(60, 80))):
        photos = tmp_path / f"ISIC2018_Task1-2_{part}_Input"
        masks = tmp_path / f"ISIC2018_Task1_{part}_GroundTruth"
        photos.mkdir()
        masks.mkdir()
        for number in numbers:
            (photos / f"ISIC_{number:07}.jpg").touch()
            (masks / f"ISIC_{number:07}_segmentation.png").touch()
    return tmp_path


def test_without_lists_a_part_is_kept_and_the_official_test_part_is_never_seen(isic: Path) -> None:
    train, validation = ({pair.name for pair in part} for part in chosen_pairs(isic))
    assert train | validation == {f"ISIC_{number:07}" for number in range(60)}
    assert not train & validation
    assert 1 <= len(validation) <= 15
    assert chosen_pairs(isic) == chosen_pairs(isic)


def test_lists_are_taken_as_they_are(isic: Path) -> None:
    (isic / "train.txt").write_text("ISIC_0000000\nISIC_0000001\n")
    (isic / "validation.txt").write_text("ISIC_0000070\n")
    train, validation = chosen_pairs(isic)
    assert [pair.name for pair in train] == ["ISIC_0000000", "ISIC_0000001"]
    assert [pair.name for pair in validation] == ["ISIC_0000070"]


def test_one_list_alone_is_refused(isic: Path) -> None:
    (isic / "train.txt").write_text("ISIC_0000000\n")
    with pytest.raises(DatasetUnusable, match="got --train-list but no --validation-list; give both or neither"):
        chosen_pairs(isic)
