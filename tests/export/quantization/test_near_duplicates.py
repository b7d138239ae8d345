"""One photo in two lists is found by its content, whatever happened to it on the way; two photos are left apart."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.errors import DatasetUnusable, FileMissing
from skinseg_edge.image_io import write_png
from skinseg_edge.preprocessing import resize_pixels
from skinseg_export.quantization.near_duplicates import ALIKE, check_apart, near_duplicates, photo_likeness

# Drawn photos have little detail; real ones separate more widely (see the module and benchmarks/near_duplicates.py).
_HW = (240, 320)


def _photo(seed: int) -> NDArray[np.uint8]:
    return draw(seed, _HW).photo


def _written(folder: Path, seeds: range) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"photo_{seed}.png" for seed in seeds]
    for seed, path in zip(seeds, paths, strict=True):
        write_png(path, _photo(seed))
    return paths


def _jpeg(photo: NDArray[np.uint8], path: Path, quality: int = 60) -> Path:
    cv2.imwrite(str(path), cv2.cvtColor(photo, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return path


def test_drawn_photos_are_apart(tmp_path: Path) -> None:
    check_apart(_written(tmp_path / "train", range(8)), _written(tmp_path / "validation", range(20, 30)))


def test_an_empty_list_is_apart_from_everything(tmp_path: Path) -> None:
    assert near_duplicates([], _written(tmp_path / "some", range(2))) == ()


def test_the_same_bytes_under_another_name_are_refused_naming_both_files(tmp_path: Path) -> None:
    train, validation = _written(tmp_path / "train", range(4)), _written(tmp_path / "validation", range(10, 13))
    copy = train[2].rename(tmp_path / "train" / "renamed.png")
    (tmp_path / "validation" / "case.png").write_bytes(copy.read_bytes())
    train[2], validation = copy, [*validation, tmp_path / "validation" / "case.png"]
    words = (
        r"1 of them show the same photo as a validation picture \(renamed.png is case.png; 1 with the same bytes, 0 "
    )
    with pytest.raises(DatasetUnusable, match=words):
        check_apart(train, validation)


@pytest.mark.parametrize("turn", range(8))
def test_a_turned_or_mirrored_photo_is_the_same_photo(turn: int) -> None:
    photo = _photo(3)
    turned = np.rot90(photo, turn % 4)[:, :: -1 if turn >= 4 else 1]
    coarse, detail = photo_likeness(photo, np.ascontiguousarray(turned))
    assert min(coarse, detail) > 0.99


def test_a_resized_cropped_brightened_copy_saved_again_is_refused_naming_both_files(tmp_path: Path) -> None:
    train, validation = _written(tmp_path / "train", range(4)), _written(tmp_path / "validation", range(10, 13))
    photo = np.clip(_photo(1)[6:, 8:-4].astype(np.float32) * 0.8 + 10, 0, 255).astype(np.uint8)
    altered = np.ascontiguousarray(resize_pixels(photo, (390, 520))[:, ::-1])
    validation.append(_jpeg(altered, tmp_path / "validation" / "case.jpg"))
    (found,) = near_duplicates(train, validation)
    assert (found.one, found.other, found.same_bytes) == (train[1], validation[-1], False)
    with pytest.raises(DatasetUnusable, match=r"photo_1.png is case.jpg; 0 with the same bytes, 1 altered.*leave them"):
        check_apart(train, validation)


def test_one_photo_that_is_twice_in_the_other_list_is_reported_once_with_the_likest(tmp_path: Path) -> None:
    (train,) = _written(tmp_path / "train", range(1))
    worse = _jpeg(resize_pixels(_photo(0)[5:], (120, 160)), tmp_path / "worse.jpg", 30)
    better = _jpeg(_photo(0), tmp_path / "better.jpg", 95)
    assert [pair.other for pair in near_duplicates([train], [worse, better])] == [better]


def test_blank_photos_are_like_nothing() -> None:
    black, white = (np.full((64, 64, 3), level, np.uint8) for level in (0, 255))
    for one, other in ((black, black), (black, white), (_photo(0), black)):
        assert max(photo_likeness(one, other)) == 0


def test_a_photo_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match=r"cannot compare .*lost.png with other pictures"):
        near_duplicates([tmp_path / "lost.png"], [])


def test_a_dermoscopic_photo_that_the_collection_holds_twice_is_found(real_data: Path) -> None:
    # Seen by eye: ISIC 2018 holds one photo under both names, once white-balanced, a few pixels aside.
    images = real_data / "isic2018" / "images"
    others = [images / f"ISIC_{number}.jpg" for number in ("0000072", "0000290", "0010255", "0000171")]
    found = near_duplicates([images / "ISIC_0015124.jpg"], others)
    assert [pair.other.stem for pair in found] == ["ISIC_0000171"]
    assert found[0].likeness > 0.95 > ALIKE


def test_like_lesions_of_two_people_stay_apart(real_data: Path) -> None:
    # Among the likest pairs of the two lists that are two photos (0.6 to 0.67).
    images = real_data / "isic2018" / "images"
    for one, other in (("0013798", "0014090"), ("0013275", "0013830"), ("0000004", "0000290")):
        check_apart([images / f"ISIC_{one}.jpg"], [images / f"ISIC_{other}.jpg"])
