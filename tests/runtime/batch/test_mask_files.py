"""Where masks lie: two pictures never share a file, whatever they are called and whatever file system they lie on."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skinseg_edge.errors import OutputRefused
from skinseg_runtime.batch.archive.mask_files import MaskFiles, mask_path
from skinseg_runtime.batch.items import safe_name


@pytest.fixture
def masks(tmp_path: Path) -> MaskFiles:
    (tmp_path / "working").mkdir()
    return MaskFiles(tmp_path, tmp_path / "working")


def test_ordinary_names_stay_as_they_are() -> None:
    assert mask_path("visit 2/Mole-é.JPG", folds_case=False) == "masks/visit 2/Mole-é.JPG.mask.png"


@pytest.mark.parametrize(
    "name",
    ["a/../../b", "..", "a//b", "/etc/x", "C:/x", "con", "Nul.jpg", "a?.jpg", "a.", "a /b", "a\\b", "~/x", "a\nb"],
)
def test_what_a_file_system_might_take_for_something_else_is_replaced(name: str) -> None:
    assert mask_path(name, folds_case=False).startswith("masks/~/")


def test_no_mask_stands_where_a_folder_of_another_is_needed() -> None:
    file, below = (mask_path(name, folds_case=False) for name in ("a", "a.mask.png/b"))

    assert file == "masks/a.mask.png"
    assert not below.startswith("masks/a.mask.png/")


def test_names_that_differ_in_capitals_or_accents_alone_have_files_of_their_own() -> None:
    names = ["a.jpg", "A.jpg", "é.jpg", "e\u0301.jpg"]

    paths = [mask_path(name, folds_case=True) for name in names]

    assert len({path.casefold() for path in paths}) == 4
    assert paths[0] == "masks/a.jpg.mask.png"


@settings(deadline=None)
@given(st.lists(st.text(), min_size=1, max_size=4), st.booleans())
def test_every_path_stays_below_the_folder_and_is_the_pictures_own(texts: list[str], folds_case: bool) -> None:
    names = {safe_name(text) for text in texts}

    paths = {mask_path(name, folds_case=folds_case) for name in names}

    assert len(paths) == len(names)
    for path in paths:
        parts = path.split("/")
        assert parts[0] == "masks"
        assert ".." not in parts
        assert all(0 < len(part.encode()) <= 255 for part in parts)


def test_a_mask_is_whole_while_it_has_its_size(masks: MaskFiles, tmp_path: Path) -> None:
    path = tmp_path / masks.write("a/b.jpg", b"12345")
    masks.sync()

    assert path.read_bytes() == b"12345"
    assert masks.is_whole("a/b.jpg", 5)
    assert not masks.is_whole("a/b.jpg", 4)
    assert not masks.is_whole("a/c.jpg", 5)
    path.unlink()
    assert not masks.is_whole("a/b.jpg", 5)


def test_a_link_in_the_place_of_a_mask_is_replaced_and_not_followed(masks: MaskFiles, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_bytes(b"12345")
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "a.mask.png").symlink_to(target)

    assert not masks.is_whole("a", 5)
    masks.write("a", b"mask!")

    assert target.read_bytes() == b"12345"
    assert masks.is_whole("a", 5)


def test_a_mask_goes_with_the_folder_that_it_alone_needed(masks: MaskFiles, tmp_path: Path) -> None:
    masks.write("a/b/c.jpg", b"1")
    masks.write("a/d.jpg", b"2")

    masks.remove("a/b/c.jpg")
    masks.remove("nothing/there.jpg")

    assert not (tmp_path / "masks" / "a" / "b").exists()
    assert (tmp_path / "masks" / "a" / "d.jpg.mask.png").is_file()
    masks.write("a/b/c.jpg", b"1")  # its folder is made again
    assert masks.is_whole("a/b/c.jpg", 1)


def test_a_mask_that_cannot_be_written_is_told_and_leaves_nothing(masks: MaskFiles, tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "a").write_bytes(b"a file where a folder should be")

    with pytest.raises(OutputRefused, match=r"cannot write .*a/b\.jpg\.mask\.png"):
        masks.write("a/b.jpg", b"1")

    assert list((tmp_path / "working").iterdir()) == []
