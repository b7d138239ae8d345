"""Which pictures an artefact is judged on, and which folders are refused."""

from pathlib import Path

import pytest

from skinseg_edge.datasets.readers import pairs
from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.errors import DatasetUnusable, FileMissing
from skinseg_edge.image_io import write_png
from skinseg_export.gate_pictures import gate_pictures

_NAMES = ("a", "b", "c", "d")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Four drawn pictures in images/ beside masks/."""
    folder = tmp_path / "set"
    for seed, name in enumerate(_NAMES):
        lesion = draw(seed, (32, 48))
        write_png(folder / "images" / f"{name}.png", lesion.photo)
        write_png(folder / "masks" / f"{name}.png", lesion.mask)
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Four drawn photos that nobody has drawn masks for."""
    folder = tmp_path / "photos"
    for seed, name in enumerate(_NAMES):
        write_png(folder / f"{name}.png", draw(seed, (32, 48)).photo)
    return folder


def test_the_validation_list_decides_where_there_is_one(pictures: Path) -> None:
    (pictures / "train.txt").write_text("a\nc\n")
    (pictures / "validation.txt").write_text("# two\nd\nb\n")

    found = gate_pictures(pictures)

    assert [each.name for each in found.pictures] == ["b", "d"]
    assert found.paths == (pictures / "images" / "b.png", pictures / "images" / "d.png")
    assert (len(found), found.experts, found.source) == (2, 2, "set/validation.txt")


def test_a_folder_without_lists_is_judged_on_all_of_it(pictures: Path) -> None:
    found = gate_pictures(pictures)

    assert [each.name for each in found.pictures] == list(_NAMES)
    assert {each.mask for each in found.pictures} == {pictures / "masks" / f"{name}.png" for name in _NAMES}


def test_of_a_folder_with_a_training_list_alone_the_rest_is_taken(pictures: Path) -> None:
    (pictures / "train.txt").write_text("a\nc\nelsewhere\n")

    found = gate_pictures(pictures)

    assert [each.name for each in found.pictures] == ["b", "d"]
    assert found.source == "set without train.txt"


def test_photos_without_masks_are_taken_without_experts(photos: Path) -> None:
    (photos / "train.txt").write_text("d\n")

    found = gate_pictures(photos)

    assert [(each.name, each.mask, each.pair) for each in found.pictures] == [(name, None, None) for name in "abc"]
    assert found.experts == 0


def test_photos_in_an_images_folder_without_masks_are_taken_without_experts(photos: Path) -> None:
    found = gate_pictures(photos.rename(photos.parent / "images").parent)

    assert [(each.name, each.mask) for each in found.pictures] == [(name, None) for name in _NAMES]


def test_masks_beside_their_photos_are_experts_and_no_photos(photos: Path) -> None:
    for seed, name in enumerate(_NAMES):
        write_png(photos / f"{name}_mask.png", draw(seed, (32, 48)).mask)

    found = gate_pictures(photos)

    assert [(each.name, each.mask) for each in found.pictures] == [
        (name, photos / f"{name}_mask.png") for name in _NAMES
    ]


def test_the_classes_of_the_data_set_travel_with_its_pictures(pictures: Path) -> None:
    assert gate_pictures(pictures).classes is None
    (pictures / "classes.txt").write_text("skin\nlesion\n")
    assert gate_pictures(pictures).classes == ("skin", "lesion")


def test_a_picture_in_both_lists_is_refused_by_name(pictures: Path) -> None:
    (pictures / "train.txt").write_text("a\nb\n")
    (pictures / "validation.txt").write_text("b\nd\n")

    with pytest.raises(DatasetUnusable, match=r"1 of its 2 pictures are also among its train\.txt \(b\)"):
        gate_pictures(pictures)


def test_pictures_of_the_training_are_refused_by_name(pictures: Path) -> None:
    with pytest.raises(
        DatasetUnusable, match=r"2 of its 4 pictures are also among the training or calibration pictures \(a, d\)"
    ):
        gate_pictures(pictures, training_names=["a", "d", "e"])


def test_a_folder_of_training_pictures_alone_is_refused(pictures: Path) -> None:
    (pictures / "train.txt").write_text("\n".join(_NAMES))

    with pytest.raises(DatasetUnusable, match=r"all of its 4 pictures are in its train\.txt; name a folder"):
        gate_pictures(pictures)


def test_a_missing_folder_and_an_empty_one_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="there is no such folder"):
        gate_pictures(tmp_path / "nowhere")
    with pytest.raises(DatasetUnusable, match="it holds no picture"):
        gate_pictures(tmp_path)


def test_a_list_that_names_what_is_not_there_is_told(pictures: Path) -> None:
    (pictures / "validation.txt").write_text("a\nz\n")

    with pytest.raises(DatasetUnusable, match=r"1 of 2 names are not there \(z\)"):
        gate_pictures(pictures)


def test_a_listed_photo_without_a_mask_is_told(photos: Path) -> None:
    (photos / "validation.txt").write_text("a\nb\n")

    with pytest.raises(DatasetUnusable, match="2 of 2 have no mask"):
        gate_pictures(photos)


def test_two_photos_of_one_name_are_told(photos: Path) -> None:
    (photos / "a.jpg").write_bytes(b"")

    with pytest.raises(DatasetUnusable, match=r"1 names belong to more than one picture \(a\)"):
        gate_pictures(photos)


def test_a_training_list_that_is_no_text_is_told(pictures: Path) -> None:
    (pictures / "train.txt").write_bytes(b"\xff\xfe\xff")

    with pytest.raises(DatasetUnusable, match=r"cannot read the split .*train\.txt: it is no UTF-8 text"):
        gate_pictures(pictures)


def test_the_shared_pictures_are_judged_on_their_validation_list(real_data: Path) -> None:
    folder = real_data / "isic2018"

    found = gate_pictures(folder, training_names=[pair.name for pair in pairs(folder, folder / "train.txt")])

    assert (len(found), found.experts) == (398, 398)  # counted in the folder's README
