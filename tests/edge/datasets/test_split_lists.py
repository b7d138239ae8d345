from pathlib import Path

import pytest

from skinseg_edge.datasets.split_lists import names_if_there, names_sha256, read_names
from skinseg_edge.errors import DatasetUnusable, FileMissing


def test_names_come_in_their_order_without_blank_lines_and_comments(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("# two\n\nb\n a \n")

    assert read_names(tmp_path / "train.txt") == ["b", "a"]
    assert names_if_there(tmp_path / "train.txt") == {"a", "b"}


def test_a_list_that_is_not_there_is_an_error_or_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="there is no such file"):
        read_names(tmp_path / "train.txt")
    assert names_if_there(tmp_path / "train.txt") == frozenset()


@pytest.mark.parametrize(("content", "words"), [("# none\n", "it names no picture"), ("a\nb\na\n", "occur more than")])
def test_a_list_without_names_or_with_one_twice_is_refused(content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(content)

    with pytest.raises(DatasetUnusable, match=words):
        names_if_there(tmp_path / "train.txt")


def test_the_digest_hangs_on_the_order() -> None:
    # printf 'a\nb' | sha256sum
    assert names_sha256(["a", "b"]) == "7e18f737311b2dc3b2f269dd78396b0351f14fb66efa879f768cb23181883c78"
    assert names_sha256(["b", "a"]) != names_sha256(["a", "b"])
