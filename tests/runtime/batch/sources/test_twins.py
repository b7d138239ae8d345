"""Names that come twice are found in little memory."""

import tracemalloc
from collections.abc import Iterator

import pytest

from skinseg_edge.errors import FileMissing, InputError
from skinseg_runtime.batch.items import FilePlace, Item
from skinseg_runtime.batch.sources.twins import checked


def items(*names: str) -> Iterator[Item]:
    return (Item(name, FilePlace(f"/{number}/{name}")) for number, name in enumerate(names))


def test_a_name_that_comes_twice_is_told_with_both_places_after_all_before_it() -> None:
    names = [f"{number}.jpg" for number in range(5_000)] + ["17.jpg", "new.jpg"]
    seen: list[Item] = []
    with pytest.raises(InputError, match=r"cannot list x: /17/17\.jpg and /5000/17\.jpg would both be called 17\.jpg"):
        seen.extend(checked(lambda: items(*names), "x", "picture"))
    assert [item.name for item in seen] == names[:5_000]


def test_what_lists_nothing_is_an_error() -> None:
    with pytest.raises(FileMissing, match="cannot read x: it holds no picture; name the right file or folder"):
        list(checked(lambda: items(), "x", "picture"))


def test_the_memory_of_a_listing_is_far_less_than_its_names() -> None:
    def many() -> Iterator[Item]:
        return (Item(f"{'folder' * 20}/{number}.jpg", FilePlace("/x")) for number in range(20_000))

    tracemalloc.start()
    try:
        assert sum(1 for _ in checked(many, "x", "picture")) == 20_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 60 * 20_000  # a set of the names alone takes above 250 bytes each
