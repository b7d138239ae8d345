"""Pairs are found by name in three layouts, and a folder that does not fit together is refused in words."""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from skinseg_edge.datasets.readers import PicturePair, pairs
from skinseg_edge.errors import DatasetUnusable, FileMissing


def _touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def _relative(found: Iterable[PicturePair], root: Path) -> list[tuple[str, str, str]]:
    return [(p.name, p.picture.relative_to(root).as_posix(), p.mask.relative_to(root).as_posix()) for p in found]


@pytest.mark.parametrize(
    ("picture", "mask"),
    [
        ("images/a.jpg", "masks/a.png"),
        ("images/a.jpg", "masks/a_segmentation.png"),
        ("images/a.jpg", "masks/a_Segmentation.png"),
        ("images/a.WEBP", "masks/a_mask.TIFF"),
        ("image/a.bmp", "mask/a.bmp"),
        ("Images/a.jpeg", "Masks/a.png"),
        ("a.jpg", "a_mask.png"),
        ("a.png", "a_segmentation.png"),
        ("ISIC2018_Task1-2_Training_Input/a.jpg", "ISIC2018_Task1_Training_GroundTruth/a_segmentation.png"),
        ("ISIC2018_Task1-2_Test_Input/a.jpg", "ISIC2018_Task1_Test_GroundTruth/a_segmentation.png"),
        ("ISIC2018_Task1-2_Training_Input/a.jpg", "ISIC2018_Task1-2_Training_GroundTruth/a_segmentation.png"),
        ("ISIC-2017_Test_v2_Data/a.jpg", "ISIC-2017_Test_v2_Part1_GroundTruth/a_segmentation.png"),
        ("ISIC-2017_Training_Data/a.jpg", "ISIC-2017_Training_Part1_GroundTruth/a_segmentation.png"),
        ("ISIC-2017_Validation_Data/a.jpg", "ISIC-2017_Validation_Part1_GroundTruth/a_segmentation.png"),
        ("ISBI2016_ISIC_Part1_Training_Data/a.jpg", "ISBI2016_ISIC_Part1_Training_GroundTruth/a_Segmentation.png"),
        ("ISBI2016_ISIC_Part1_Test_Data/a.jpg", "ISBI2016_ISIC_Part1_Test_GroundTruth/a_Segmentation.png"),
        ("HAM10000_images_part_1/a.jpg", "HAM10000_segmentations_lesion_tschandl/a_segmentation.png"),
        ("HAM10000_images_part2/a.jpg", "HAM10000_segmentations_lesion_tschandl/a_segmentation.png"),
        ("ham10000_images_part_2/a.jpg", "HAM10000_segmentations_lesion_tschandl/a_segmentation.png"),
        ("HAM10000_images/a.jpg", "HAM10000_segmentations_lesion_tschandl/a_segmentation.png"),
        (
            "HAM10000_images/HAM10000_images/a.jpg",
            "HAM10000_segmentations_lesion_tschandl/HAM10000_segmentations_lesion_tschandl/a_segmentation.png",
        ),
        ("images/a.jpg", "masks/a.json"),
        ("images/a.jpg", "images/a.json"),
        ("a.jpg", "a.json"),
    ],
)
def test_a_picture_finds_its_mask_by_name_in_every_layout(tmp_path: Path, picture: str, mask: str) -> None:
    root = _touch(tmp_path, picture, mask)
    assert _relative(pairs(root), root) == [("a", picture, mask)]


def test_pairs_come_sorted_by_name_whatever_the_order_on_disk(tmp_path: Path) -> None:
    root = _touch(tmp_path, *(f"images/{n}.jpg" for n in "cab"), *(f"masks/{n}.png" for n in "bca"))
    assert [pair.name for pair in pairs(root)] == ["a", "b", "c"]
    assert all(pair.picture.stem == pair.mask.stem == pair.name for pair in pairs(root))


def test_several_official_parts_are_read_together_and_other_tasks_left_out(tmp_path: Path) -> None:
    root = _touch(
        tmp_path,
        "ISIC2018_Task1-2_Training_Input/a.jpg",
        "ISIC2018_Task1-2_Training_Input/LICENSE.txt",
        "ISIC2018_Task1_Training_GroundTruth/a_segmentation.png",
        "ISIC2018_Task2_Training_GroundTruth_v3/a_attribute_streaks.png",
        "ISIC2018_Task1-2_Validation_Input/b.jpg",
        "ISIC2018_Task1_Validation_GroundTruth/b_segmentation.png",
    )
    assert [(pair.name, pair.mask.name) for pair in pairs(root)] == [
        ("a", "a_segmentation.png"),
        ("b", "b_segmentation.png"),
    ]


def test_both_parts_of_ham10000_are_read_together_and_kaggles_doubled_folders_once(tmp_path: Path) -> None:
    root = _touch(
        tmp_path,
        "HAM10000_metadata.csv",
        *(
            f"{ham}_images_part_{part}/{name}.jpg"
            for ham in ("HAM10000", "ham10000")
            for part, name in ((1, "a"), (2, "b"))
        ),
        *(f"HAM10000_segmentations_lesion_tschandl/{name}_segmentation.png" for name in "ab"),
    )
    assert [pair.name for pair in pairs(root)] == ["a", "b"]


def test_labelme_files_in_either_folder_join_masks_that_are_pictures(tmp_path: Path) -> None:
    root = _touch(
        tmp_path, *(f"images/{n}.jpg" for n in "abc"), "masks/a.png", "masks/b.json", "images/c.json", "images/z.json"
    )
    assert [pair.mask.name for pair in pairs(root)] == ["a.png", "b.json", "c.json"]


def test_superpixels_hidden_files_and_masks_without_a_picture_are_left_out(tmp_path: Path) -> None:
    root = _touch(
        tmp_path,
        "images/a.jpg",
        "images/a_superpixels.png",
        "images/._b.jpg",
        "images/Thumbs.db",
        "masks/a.png",
        "masks/z.png",
    )
    assert [pair.name for pair in pairs(root)] == ["a"]


def test_a_mask_named_like_another_picture_belongs_to_that_picture(tmp_path: Path) -> None:
    root = _touch(tmp_path, "images/x.jpg", "images/x_mask.jpg", "masks/x.png", "masks/x_mask.png")
    assert [(pair.name, pair.mask.name) for pair in pairs(root)] == [("x", "x.png"), ("x_mask", "x_mask.png")]


def test_a_split_selects_its_names_and_skips_blank_lines_and_comments(tmp_path: Path) -> None:
    root = _touch(tmp_path / "data", *(f"images/{n}.jpg" for n in "abcd"), "masks/a.png", "masks/c.png")
    split = tmp_path / "split.txt"
    split.write_bytes(b"\xef\xbb\xbf# chosen\r\n\r\n  c \r\na\r\n")  # as an editor on Windows writes it
    assert [pair.name for pair in pairs(root, split)] == ["a", "c"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("a\nq\nr\ns\nt\n", r"4 of 5 names are not there \(q, r, s, \.\.\.\); check that the split belongs"),
        ("a.jpg\n", "write names without their suffix"),
        ("a\nb\na\n", r"1 names occur more than once \(a\)"),
        ("# nothing\n\n", "names no picture"),
    ],
)
def test_a_split_that_does_not_fit_is_refused_with_the_names(tmp_path: Path, lines: str, words: str) -> None:
    root = _touch(tmp_path / "data", "images/a.jpg", "masks/a.png", "images/b.jpg", "masks/b.png")
    split = tmp_path / "split.txt"
    split.write_text(lines, encoding="utf-8")
    with pytest.raises(DatasetUnusable, match=words):
        pairs(root, split)


def test_a_split_that_is_no_text_is_refused(tmp_path: Path) -> None:
    root = _touch(tmp_path / "data", "a.jpg", "a_mask.png")
    (tmp_path / "split.txt").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(DatasetUnusable, match="no UTF-8 text"):
        pairs(root, tmp_path / "split.txt")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (("images/a.jpg", "images/b.jpg", "masks/a.png"), r"1 of 2 have no mask \(b\)"),
        (("a.jpg", "b.jpg", "b_mask.png"), r"1 of 2 have no mask \(a\)"),
        (("images/a.jpg", "images/a.png", "masks/a.png"), r"1 names belong to more than one picture \(a\)"),
        (("images/a.jpg", "masks/a.png", "masks/a_mask.png"), r"a has 2 masks \(a.png, a_mask.png\); keep one"),
        (("images/a.jpg", "masks/a.png", "masks/a.bmp"), r"a has 2 masks \(a.bmp, a.png\)"),
        (("images/a.jpg", "masks/a.png", "masks/a.json"), r"a has 2 masks \(a.json, a.png\)"),
        (("a.jpg", "a_mask.png", "a.json"), r"a has 2 masks \(a.json, a_mask.png\); keep one"),
        (("HAM10000_images/a.jpg",), "HAM10000_images has no HAM10000_segmentations_lesion_tschandl beside it"),
        (("HAM10000_segmentations_lesion_tschandl/a.png",), "tschandl has no HAM10000_images_part_1 beside it"),
        (("images/a.jpg",), "a folder images but no folder masks"),
        (("masks/a.jpg",), "a folder masks but no folder images"),
        (("ISIC2018_Task1-2_Training_Input/a.jpg",), "no ground truth folder of task 1"),
        (("images/notes.txt", "masks/notes.txt"), "no picture with a mask was found"),
        (("a_mask.png",), "no picture with a mask was found"),
        ((), "no picture with a mask was found; expected images/ beside masks/"),
    ],
)
def test_a_folder_that_does_not_fit_together_is_refused(tmp_path: Path, files: tuple[str, ...], words: str) -> None:
    with pytest.raises(DatasetUnusable, match=words):
        pairs(_touch(tmp_path, *files))


def test_the_same_name_in_two_official_parts_is_refused(tmp_path: Path) -> None:
    root = _touch(
        tmp_path,
        *(f"ISIC2018_Task1-2_{part}_Input/a.jpg" for part in ("Training", "Test")),
        *(f"ISIC2018_Task1_{part}_GroundTruth/a_segmentation.png" for part in ("Training", "Test")),
    )
    with pytest.raises(DatasetUnusable, match="more than one picture"):
        pairs(root)


def test_a_missing_folder_and_a_missing_split_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="no such folder"):
        pairs(tmp_path / "nowhere")
    with pytest.raises(FileMissing, match=r"cannot read the split .*no such file"):
        pairs(_touch(tmp_path, "a.jpg", "a_mask.png"), tmp_path / "none.txt")


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetUnusable, match="it is a file, expected a folder"):
        pairs(_touch(tmp_path, "a.jpg") / "a.jpg")


def test_each_folder_is_scanned_once_however_many_pairs_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"ISIC_{n:07d}" for n in range(2000)]
    root = _touch(tmp_path, *(f"images/{n}.jpg" for n in names), *(f"masks/{n}.png" for n in names))
    scanned: list[Path] = []
    scan = os.scandir

    def counted(folder: Path) -> "os._ScandirIterator[str]":
        scanned.append(folder)
        return scan(str(folder))

    monkeypatch.setattr(os, "scandir", counted)
    assert len(pairs(root)) == 2000
    assert sorted(scanned) == [root, root / "images", root / "masks"]


def test_the_real_collection_pairs_whole_and_by_split(real_data: Path) -> None:
    assert len(pairs(real_data / "isic2018")) == 2000
    assert len(pairs(real_data / "isic2018", real_data / "isic2018" / "validation.txt")) == 398
    assert len(pairs(real_data / "full_size")) == 8
