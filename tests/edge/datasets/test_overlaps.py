"""Lists that share a picture, by name or by bytes, are refused with the names."""

from pathlib import Path

import pytest

from skinseg_edge.datasets.overlaps import check_disjoint
from skinseg_edge.datasets.readers import PicturePair
from skinseg_edge.errors import DatasetUnusable


def _pairs(folder: Path, **contents: bytes) -> list[PicturePair]:
    folder.mkdir(exist_ok=True)
    for name, data in contents.items():
        (folder / f"{name}.jpg").write_bytes(data)
    return [PicturePair(name, folder / f"{name}.jpg", folder / f"{name}.png") for name in contents]


def test_lists_without_a_common_picture_pass(tmp_path: Path) -> None:
    lists = {"train": _pairs(tmp_path, a=b"1", b=b"2"), "validation": _pairs(tmp_path, c=b"3"), "test": []}
    check_disjoint(lists)
    check_disjoint(lists, by_content=True)


def test_a_name_in_two_lists_is_refused(tmp_path: Path) -> None:
    lists = {"train": _pairs(tmp_path, a=b"1", b=b"2", c=b"3"), "test": _pairs(tmp_path, c=b"3", b=b"2")}
    with pytest.raises(DatasetUnusable, match=r"train beside test: 2 names are in both \(b, c\), so the network would"):
        check_disjoint(lists)


def test_the_same_bytes_under_two_names_are_refused_when_asked(tmp_path: Path) -> None:
    lists = {
        "train.txt": _pairs(tmp_path / "2016", a=b"one", b=b"two", e=b"one"),
        "validation.txt": _pairs(tmp_path / "2017", c=b"six", d=b"three"),
        "test.txt": _pairs(tmp_path / "2018", f=b"two"),
    }
    check_disjoint(lists)
    check_disjoint({"train.txt": lists["train.txt"]}, by_content=True)  # twice in one list harms no judgement
    with pytest.raises(DatasetUnusable, match=r"1 photos are in two .*\(b of train.txt is f of test.txt\); leave"):
        check_disjoint(lists, by_content=True)


def test_only_photos_of_equal_size_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    read_bytes = Path.read_bytes

    def counted(path: Path) -> bytes:
        read.append(path.stem)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", counted)
    check_disjoint({"train": _pairs(tmp_path, a=b"1", b=b"22"), "test": _pairs(tmp_path, c=b"333")}, by_content=True)
    assert read == []
    check_disjoint({"train": _pairs(tmp_path, a=b"1", b=b"22"), "test": _pairs(tmp_path, c=b"2")}, by_content=True)
    assert read == ["a", "c"]
