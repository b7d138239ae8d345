"""No two pictures of a source share a name: told as they are listed, at 8 to 16 bytes a picture instead of its name."""

import hashlib
import secrets
from array import array
from collections.abc import Callable, Iterator
from itertools import islice

from skinseg_edge.errors import FileMissing, InputError
from skinseg_runtime.batch.items import Item, ParquetPlace, Place, TarPlace
from skinseg_runtime.batch.sources.addresses import told

__all__ = ["checked"]

_FIRST_SLOTS = 1024


class _Seen:
    """A set of 64-bit digests in one array, with open addressing; at most half of it is filled."""

    def __init__(self) -> None:
        self._slots = array("Q", [0]) * _FIRST_SLOTS
        self._count = 0
        self._key = secrets.token_bytes(16)  # so that nobody prepares names that meet

    def add(self, name: str) -> bool:
        """Return whether the name is new, but for one of 2**64 chances."""
        digest = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8, key=self._key).digest(), "little") or 1
        if not self._put(digest):
            return False
        self._count += 1
        if 2 * self._count > len(self._slots):
            self._grow()
        return True

    def _put(self, digest: int) -> bool:
        slots, last = self._slots, len(self._slots) - 1
        place = digest & last
        while slots[place]:
            if slots[place] == digest:
                return False
            place = (place + 1) & last
        slots[place] = digest
        return True

    def _grow(self) -> None:
        digests = self._slots
        self._slots = array("Q", [0]) * (2 * len(digests))
        for digest in digests:
            if digest:
                self._put(digest)


def checked(listing: Callable[[], Iterator[Item]], text: str, wanted: str) -> Iterator[Item]:
    """Yield what *listing* yields; *text*: what messages call the source, *wanted*: what it should hold.

    Raises InputError if a name comes twice, with both places: they are found by listing once more; FileMissing if
    nothing comes.
    """
    seen = _Seen()
    number = -1
    for number, item in enumerate(listing()):
        if not seen.add(item.name):
            _check_no_twin(islice(listing(), number), item, text)
        yield item
    if number < 0:
        raise FileMissing(f"cannot read {text}: it holds no {wanted}; name the right file or folder")


def _check_no_twin(earlier: Iterator[Item], item: Item, text: str) -> None:
    for other in earlier:
        if other.name == item.name:
            raise InputError(
                f"cannot list {text}: {_told_place(other.place)} and {_told_place(item.place)} would both be called "
                f"{item.name}; rename one, or give each a name in a column 'name'"
            )


def _told_place(place: Place) -> str:
    if isinstance(place, TarPlace):
        return f"byte {place.offset} of {told(place.url)}"
    if isinstance(place, ParquetPlace):
        return f"row {place.row} of row group {place.row_group} of {told(place.url)}"
    return told(place.url)
