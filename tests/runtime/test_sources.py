"""Which photos are found, in which order, and what their results are called."""

import os
from pathlib import Path

import pytest

from skinseg_edge.errors import FileMissing, InputError
from skinseg_runtime.sources import sources_from


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def stems(*paths: Path) -> list[str]:
    return [str(source.stem) for source in sources_from([str(path) for path in paths]).photos]


def test_a_folder_is_searched_with_all_below_it_in_order_and_its_sub_folders_are_kept(tmp_path: Path) -> None:
    touch(tmp_path, "b.JPG", "a.png", "visit-2/a.png", "visit-2/deep/c.tiff", "notes.txt", ".hidden.jpg", ".git/x.png")
    touch(tmp_path, "lesion.skinseg/golden/01.png")
    assert stems(tmp_path) == ["a", "b", "visit-2/a", "visit-2/deep/c"]


def test_results_of_an_earlier_run_are_no_photos(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "a.mask.png", "a.overlay.png", "a.classes.png", "a.panel.png", "results.jsonl")
    assert stems(tmp_path) == ["a"]


def test_masks_beside_their_photos_are_left_out_and_told(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "a_mask.png", "b.JPG", "b_Segmentation.png", "only_mask.png", "set/images/c.jpg")
    touch(tmp_path, "set/masks/c.png", "masks/d.png")
    found = sources_from([str(tmp_path)])
    assert [str(source.stem) for source in found.photos] == ["a", "b", "only_mask", "masks/d", "set/images/c"]
    assert [mask.name for mask in found.masks] == ["a_mask.png", "b_Segmentation.png", "c.png"]


def test_a_mask_that_is_named_itself_is_taken_as_a_photo(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "a_mask.png")
    found = sources_from([str(tmp_path), str(tmp_path / "a_mask.png")])
    assert ([str(source.stem) for source in found.photos], found.masks) == (["a", "a_mask"], ())


def test_photos_of_formats_that_are_not_read_are_not_passed_over_in_silence(tmp_path: Path) -> None:
    touch(tmp_path, "IMG_1.HEIC", "IMG_2.jpg", "x.gif")
    assert stems(tmp_path) == ["IMG_1", "IMG_2", "x"]


def test_photos_that_would_share_a_name_keep_their_suffix_or_get_a_number(tmp_path: Path) -> None:
    touch(tmp_path, "one/a.jpg", "one/A.png", "two/a.jpg", "two/b.jpg")
    paths = [tmp_path / name for name in ("one/a.jpg", "one/A.png", "two/a.jpg", "two/b.jpg")]
    assert stems(*paths) == ["a.jpg", "A.png", "a.jpg-2", "b"]


def test_a_photo_named_twice_comes_once(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.jpg")
    assert stems(tmp_path / "b.jpg", tmp_path, tmp_path / "b.jpg") == ["b", "a"]


def test_a_file_is_taken_whatever_its_name_ends_with(tmp_path: Path) -> None:
    touch(tmp_path, "scan.dat", "no-suffix")
    assert stems(tmp_path / "scan.dat", tmp_path / "no-suffix") == ["scan", "no-suffix"]


def test_a_dicom_file_below_a_folder_needs_no_ending_and_other_files_without_one_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "photo.DCM", "README", "a.seg.dcm", "a.sr.dcm")
    for name in ("IM000001", "1.2.840.3", "1.2.840.4", "DICOMDIR", ".hidden", "notes.txt"):
        (tmp_path / name).write_bytes(bytes(128) + b"DICM")
    os.mkfifo(tmp_path / "pipe")

    assert stems(tmp_path) == ["1.2.840.3", "1.2.840.4", "IM000001", "photo"]


@pytest.mark.parametrize("text", ["camera:0", "film.mp4", "FILM.MOV"])
def test_videos_and_cameras_are_refused_clearly(text: str) -> None:
    with pytest.raises(InputError, match=rf"cannot segment {text} as a photo: it is a video or a camera"):
        sources_from([text])


def test_a_path_that_names_nothing_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="there is no such file or folder"):
        sources_from([str(tmp_path / "nowhere.jpg")])
    with pytest.raises(FileMissing, match="no file below it ends like a picture"):
        sources_from([str(tmp_path)])
    touch(tmp_path, "a.mask.png", "a.overlay.png")
    with pytest.raises(FileMissing, match="all 2 pictures below it are masks or results, no photo"):
        sources_from([str(tmp_path)])
