"""The command writes lists that `pairs` reads, says what differs from the paper, and finds overlaps."""

import json
from pathlib import Path

import pytest

from skinseg_edge.datasets.readers import pairs
from skinseg_edge.datasets.splits import main


def _run(*arguments: str | Path) -> int:
    code: int = main.main([str(argument) for argument in arguments], standalone_mode=False)
    return code


def _data(root: Path, count: int = 20, pictures: str = "images", masks: str = "masks", ending: str = "") -> Path:
    for folder in (pictures, masks):
        (root / folder).mkdir(parents=True)
    for number in range(count):
        (root / pictures / f"{pictures[-9:]}{number:03d}.jpg").write_bytes(b"%d" % number)
        (root / masks / f"{pictures[-9:]}{number:03d}{ending}.png").touch()
    return root


def _names(file: Path) -> list[str]:
    return [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


def test_lists_are_written_and_read_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = _data(tmp_path / "data")
    assert _run(data, "--paper", "hhbsnet", "--seed", "7", "-o", tmp_path / "lists") == 0
    out, err = capsys.readouterr()
    assert "train.txt: 16 pictures" in out
    assert "the paper splits 501 pictures, here are 20: its shares are kept, not its counts" in err
    read = [
        {pair.name for pair in pairs(data, tmp_path / "lists" / f"{n}.txt")} for n in ("train", "validation", "test")
    ]
    assert [len(names) for names in read] == [16, 2, 2]
    assert len(set.union(*read)) == 20
    first = (tmp_path / "lists" / "train.txt").read_text(encoding="utf-8").splitlines()[0]
    assert first == "# split of hhbsnet's paper, seed 7; train: 16 pictures"


def test_one_json_object_tells_the_counts_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(_data(tmp_path / "data"), "--paper", "scsonet", "-o", tmp_path, "--json", "-q") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "skinseg.split/1"
    assert document["ok"] is True
    assert document["pictures"] == {"train": 14, "validation": 6}
    assert document["files"] == {name: str(tmp_path / f"{name}.txt") for name in ("train", "validation")}


def test_lists_are_replaced_only_when_forced_and_leave_no_old_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = _data(tmp_path / "data")
    honest = (data, "--paper", "scsonet", "-o", tmp_path, "--select-from-train")
    assert _run(*honest) == 0
    kept = _names(tmp_path / "test.txt")
    assert len(kept) == 6
    assert _run(*honest[:-1]) == 2
    assert "it exists already; add --force" in capsys.readouterr().err
    assert _names(tmp_path / "test.txt") == kept
    assert _run(*honest[:-1], "--force") == 0
    assert not (tmp_path / "test.txt").exists()
    assert _names(tmp_path / "validation.txt") == kept
    assert "--select-from-train parts the two" in capsys.readouterr().err


def test_an_official_test_part_that_the_paper_does_not_use_is_left_out_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _data(tmp_path, 10, "ISIC-2017_Training_Data", "ISIC-2017_Training_Part1_GroundTruth", "_segmentation")
    _data(tmp_path, 4, "ISIC-2017_Test_v2_Data", "ISIC-2017_Test_v2_Part1_GroundTruth", "_segmentation")
    assert _run(tmp_path, "--paper", "scsonet", "-o", tmp_path / "lists") == 0
    out, err = capsys.readouterr()
    assert "train.txt: 7 pictures" in out
    assert "left out: 4 pictures of an official test part, which the paper does not use" in err


def test_ham10000_is_split_by_lesion_unless_told_otherwise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = _data(tmp_path, 20, "HAM10000_images", "HAM10000_segmentations_lesion_tschandl", "_segmentation")
    assert _run(data, "--paper", "unet", "-o", tmp_path / "lists") == 2
    assert "holds no HAM10000_metadata.csv; put it there or use --by-image" in capsys.readouterr().err
    names = [pair.name for pair in pairs(data)]
    rows = [f"HAM_{number // 2},{name}" for number, name in enumerate(names)]
    (data / "HAM10000_metadata.csv").write_text("\n".join(["lesion_id,image_id", *rows]), encoding="utf-8")
    assert _run(data, "--paper", "unet", "-o", tmp_path / "lists") == 0
    kept = _names(tmp_path / "lists" / "validation.txt")
    assert [names.index(name) // 2 for name in kept[::2]] == [names.index(name) // 2 for name in kept[1::2]]
    assert _run(data, "--paper", "unet", "-o", tmp_path / "by_image", "--by-image") == 0


def test_lists_that_share_a_picture_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = _data(tmp_path / "data", 4)
    names = [pair.name for pair in pairs(data)]
    one, other = tmp_path / "one.txt", tmp_path / "other.txt"
    one.write_text("\n".join(names[:2]), encoding="utf-8")
    other.write_text("\n".join(names[2:]), encoding="utf-8")
    assert _run(data, "--check", one, "--check", other, "--by-content") == 0
    assert "no picture is in two of" in capsys.readouterr().out
    (data / "images" / f"{names[3]}.jpg").write_bytes((data / "images" / f"{names[0]}.jpg").read_bytes())
    assert _run(data, "--check", one, "--check", other, "--by-content") == 2
    assert "1 photos are in two lists under other names" in capsys.readouterr().err
    other.write_text("\n".join(names[1:]), encoding="utf-8")
    assert _run(data, "--check", one, "--check", other) == 2
    assert f"1 names are in both ({names[1]})" in capsys.readouterr().err


def test_a_drawn_split_is_held_against_the_bytes_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = _data(tmp_path / "data")
    for picture in (data / "images").iterdir():
        picture.write_bytes(b"the same")
    assert _run(data, "--paper", "hhbsnet", "-o", tmp_path / "lists", "--by-content") == 2
    assert "photos are in two lists under other names" in capsys.readouterr().err
    assert not (tmp_path / "lists").exists()


@pytest.mark.parametrize("arguments", [(), ("--paper", "scsonet"), ("-o", "lists")])
def test_half_a_command_is_refused(
    tmp_path: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(tmp_path, *arguments) == 2
    assert "got no --paper with -o, and no --check; give either" in capsys.readouterr().err


def test_an_unknown_paper_is_answered_with_the_known_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(tmp_path, "--paper", "scso-net", "-o", tmp_path) == 2
    assert "known are cmssm, hhbsnet, scsonet, ulffn, unet; did you mean 'scsonet'?" in capsys.readouterr().err
