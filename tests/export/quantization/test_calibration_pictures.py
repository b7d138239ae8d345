"""Calibration pictures are training pictures that a folder or the checkpoint names; everything else is refused."""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.errors import DatasetUnusable, FileMissing, InputError, PictureUnreadable
from skinseg_edge.image_io import write_png
from skinseg_export.quantization.calibration_pictures import FEWEST_PICTURES, calibration_pictures


@cache
def _photo(seed: int) -> NDArray[np.uint8]:
    return draw(seed, (48, 64)).photo


def _photos(folder: Path, names: Iterable[str]) -> Path:
    for seed, name in enumerate(names):
        write_png(folder / f"{name}.png", _photo(seed % 8))
    return folder


def _names(count: int) -> list[str]:
    return [f"case{number:02d}" for number in range(count)]


def _data_set(folder: Path, train: int = 20, validation: int = 6) -> Path:
    """images/ beside masks/ with both lists; the last names are the validation's."""
    names = _names(train + validation)
    _photos(folder / "images", names)
    for name in names:
        write_png(folder / "masks" / f"{name}.png", np.eye(48, 64) > 0)
    (folder / "train.txt").write_text("\n".join(names[:train]))
    (folder / "validation.txt").write_text("\n".join(names[train:]))
    return folder


def _stems(paths: Iterable[Path]) -> list[str]:
    return [path.stem for path in paths]


def test_a_folder_with_lists_gives_what_its_training_list_names_with_masks(tmp_path: Path) -> None:
    folder = _data_set(tmp_path / "data")
    pictures = calibration_pictures(folder, {})
    assert _stems(pictures.paths) == _names(20)
    assert pictures.labels == {path: folder / "masks" / path.name for path in pictures.paths}
    assert pictures.source == "20 of 20 pictures: train.txt of data"


def test_a_name_in_both_lists_is_not_taken(tmp_path: Path) -> None:
    folder = _data_set(tmp_path / "data")
    (folder / "train.txt").write_text("\n".join(_names(21)))
    assert "case20" not in _stems(calibration_pictures(folder, {}).paths)


def test_a_folder_without_lists_gives_its_photos_and_no_masks(tmp_path: Path) -> None:
    folder = _photos(tmp_path, _names(18))
    for ending in ("_mask", "_segmentation"):
        write_png(folder / f"case00{ending}.png", np.eye(48, 64) > 0)
    pictures = calibration_pictures(folder, {})
    assert _stems(pictures.paths) == _names(18)
    assert pictures.labels == {}


def test_a_folder_images_is_looked_into(tmp_path: Path) -> None:
    _photos(tmp_path / "images", _names(17))
    assert _stems(calibration_pictures(tmp_path, {}).paths) == _names(17)


def test_masks_beside_every_photo_are_kept(tmp_path: Path) -> None:
    folder = _photos(tmp_path, _names(16))
    for name in _names(16):
        write_png(folder / f"{name}_mask.png", np.eye(48, 64) > 0)
    pictures = calibration_pictures(folder, {})
    assert [mask.name for mask in pictures.labels.values()] == [f"{name}_mask.png" for name in _names(16)]


def test_what_a_validation_list_names_is_never_taken(tmp_path: Path) -> None:
    folder = _photos(tmp_path / "mine", _names(20))
    (folder / "validation.txt").write_text("case03\ncase07\nlies-elsewhere\n")
    pictures = calibration_pictures(folder, {})
    assert _stems(pictures.paths) == [name for name in _names(20) if name not in {"case03", "case07"}]
    assert pictures.source == "18 of 18 pictures: the photos in mine that validation.txt does not name"


def test_a_folder_of_validation_pictures_alone_is_refused(tmp_path: Path) -> None:
    folder = _photos(tmp_path, _names(20))
    (folder / "validation.txt").write_text("\n".join(_names(20)))
    with pytest.raises(DatasetUnusable, match=r"its validation.txt names all 20 pictures, and those judge the result"):
        calibration_pictures(folder, {})


def test_the_choice_of_some_is_stable_and_follows_the_names_hashes(tmp_path: Path) -> None:
    folder = _photos(tmp_path, _names(40))
    chosen = _stems(calibration_pictures(folder, {}, count=16).paths)
    by_hash = sorted(_names(40), key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    assert chosen == sorted(by_hash[:16])
    assert set(chosen) < set(_stems(calibration_pictures(folder, {}, count=24).paths))


def test_an_empty_folder_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DatasetUnusable, match=rf"cannot calibrate with {tmp_path}: it holds no picture.*--calibration"):
        calibration_pictures(tmp_path, {})


def test_a_folder_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="nowhere: there is no such folder"):
        calibration_pictures(tmp_path / "nowhere", {})


def test_too_few_pictures_are_refused(tmp_path: Path) -> None:
    folder = _photos(tmp_path / "mine", _names(FEWEST_PICTURES - 1))
    with pytest.raises(DatasetUnusable, match="the photos in mine: there are 15 pictures, expected at least 16"):
        calibration_pictures(folder, {})
    with pytest.raises(InputError, match="cannot calibrate with 8 pictures: expected at least 16"):
        calibration_pictures(folder, {}, count=8)


@pytest.mark.parametrize("level", [0, 127, 255])
def test_one_blank_picture_is_refused_by_name(tmp_path: Path, level: int) -> None:
    folder = _photos(tmp_path, _names(20))
    write_png(folder / "lens_cap.png", np.full((48, 64, 3), level, np.uint8))
    with pytest.raises(DatasetUnusable, match=r"lens_cap.png: it shows nothing, its grey levels spread by 0.0 of 255"):
        calibration_pictures(folder, {})


def test_a_damaged_picture_is_refused_by_name(tmp_path: Path) -> None:
    folder = _photos(tmp_path, _names(20))
    (folder / "case05.png").write_bytes((folder / "case05.png").read_bytes()[:200])
    with pytest.raises(PictureUnreadable, match=r"case05\.png"):
        calibration_pictures(folder, {})


def test_a_damaged_validation_list_is_refused_by_name(tmp_path: Path) -> None:
    folder = _photos(tmp_path, _names(20))
    (folder / "validation.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetUnusable, match=r"cannot read the split .*validation.txt"):
        calibration_pictures(folder, {})


def _recorded(folder: str, count: int) -> dict[str, object]:
    """What a training run writes into its checkpoint."""
    return {
        "data": "drawn lesions, for tests",
        "data_folder": folder,
        "train_pictures": count,
        "train_names_sha256": hashlib.sha256("\n".join(_names(count)).encode()).hexdigest(),
    }


@pytest.mark.parametrize("inside", [True, False])
def test_without_a_folder_the_one_that_the_checkpoint_names_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: bool
) -> None:
    folder = _data_set(tmp_path / "clinic")
    monkeypatch.setenv("SKINSEG_DATA", str(tmp_path if inside else folder))
    assert _stems(calibration_pictures(None, _recorded("clinic", 20)).paths) == _names(20)


def test_without_a_folder_the_current_folder_is_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _data_set(tmp_path / "clinic")
    monkeypatch.delenv("SKINSEG_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    assert calibration_pictures(None, {"data": "clinic"}).source == "20 of 20 pictures: train.txt of clinic"


def test_another_training_list_than_the_checkpoints_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _data_set(tmp_path / "clinic")
    monkeypatch.setenv("SKINSEG_DATA", str(tmp_path))
    with pytest.raises(
        DatasetUnusable, match=r"its 20 names are not those the checkpoint was trained on \(19 pictures"
    ):
        calibration_pictures(None, _recorded("clinic", 19))


@pytest.mark.parametrize(
    "training",
    [
        {},
        {"data": "dermoscopic pictures of the ISIC 2018 challenge"},
        {"data_folder": "../clinic"},
        {"data_folder": ".."},
    ],
)
def test_a_checkpoint_that_names_no_data_set_needs_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, training: dict[str, object]
) -> None:
    _data_set(tmp_path / "clinic")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(
        InputError, match=r"does not name the folder of its training pictures; name a folder of .* with -"
    ):
        calibration_pictures(None, training)


def test_a_data_set_that_is_nowhere_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SKINSEG_DATA", raising=False)
    with pytest.raises(InputError, match=r"trained on 'clinic', .* is in the current folder \(SKINSEG_DATA is not set"):
        calibration_pictures(None, {"data_folder": "clinic"})
    monkeypatch.setenv("SKINSEG_DATA", str(tmp_path))
    with pytest.raises(InputError, match="is in SKINSEG_DATA and the current folder; name a folder"):
        calibration_pictures(None, {"data_folder": "clinic"})


def test_no_drawn_or_random_picture_is_ever_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SKINSEG_DATA", raising=False)
    for folder in (None, tmp_path):
        with pytest.raises(InputError, match="cannot calibrate"):
            calibration_pictures(folder, {})


def test_the_shared_training_list_gives_pictures_apart_from_its_validation_list(real_data: Path) -> None:
    folder = real_data / "isic2018"
    chosen = set(_stems(calibration_pictures(folder, {}).paths))
    assert len(chosen) == 128
    assert chosen <= set((folder / "train.txt").read_text().split())
    assert not chosen & set((folder / "validation.txt").read_text().split())
