"""A picture's name can be joined to a folder and written to a table, whatever an archive calls it."""

import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skinseg_runtime.batch.items import FilePlace, Item, ParquetPlace, TarPlace, safe_name


@settings(deadline=None)  # a busy machine is no mistake of ours
@given(st.text(st.characters() | st.sampled_from("/\\.:\0\n\udc80"), max_size=300))
def test_a_safe_name_never_leaves_its_folder_and_is_text(text: str) -> None:
    name = safe_name(text)

    assert name.encode()
    assert all(part not in ("", ".", "..") and len(part.encode()) <= 200 for part in name.split("/"))
    assert not any(sign in name for sign in "\0\n\\")
    assert (Path("/masks") / name).is_relative_to("/masks")
    assert safe_name(name) == name


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("visit-2/Größe 7.jpg", "visit-2/Größe 7.jpg"),
        ("./a//b.jpg", "a/b.jpg"),
        ("C:/windows/x.jpg", "C%3A/windows/x.jpg"),
        ("..\\x.jpg", "..%5Cx.jpg"),
        ("a\x1b[2J.jpg", "a%1B[2J.jpg"),
        ("photo\udce9.jpg", "photo%E9.jpg"),
        ("", "%2E"),
    ],
)
def test_what_is_unsafe_is_escaped_and_what_is_not_stays(told: str, expected: str) -> None:
    assert safe_name(told) == expected


def test_long_names_that_differ_at_their_ends_stay_different() -> None:
    one, other = safe_name("x" * 400 + "1.jpg"), safe_name("x" * 400 + "2.jpg")

    assert one != other
    assert one.startswith("x" * 100)
    assert len(one) == len(other) == 200


@pytest.mark.parametrize("part", ["deep", "x" * 199, "é" * 99, "y" * 175])
def test_a_deep_name_is_shortened_as_a_whole_and_each_of_its_parts_can_be_a_files(part: str) -> None:
    name = safe_name("/".join([part] * 1_000))

    assert len(name.encode()) <= 2_000
    assert max(len(one.encode()) for one in name.split("/")) <= 200
    assert safe_name(name) == name  # else the archive would refuse it, and end


@pytest.mark.parametrize(
    "place", [FilePlace("/a"), TarPlace("/a.tar", 512, 3), ParquetPlace("/a.parquet", 0, 1, "image")]
)
def test_an_item_travels_to_another_process_as_it_is(place: FilePlace | TarPlace | ParquetPlace) -> None:
    item = Item("a", place)

    assert pickle.loads(pickle.dumps(item)) == item  # noqa: S301  # what was just pickled
