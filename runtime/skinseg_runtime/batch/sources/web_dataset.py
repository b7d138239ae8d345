"""Pictures in tar files, as WebDataset keeps them: a sample is a run of members that share what stands before a dot."""

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import chain, groupby, islice

from skinseg_runtime.batch.items import Item, TarPlace, safe_name
from skinseg_runtime.batch.sources.addresses import told
from skinseg_runtime.batch.sources.stores import opened
from skinseg_runtime.batch.sources.tar_members import Member, members
from skinseg_runtime.batch.sources.twins import checked
from skinseg_runtime.batch.sources.walking import Found, is_picture_file
from skinseg_runtime.sources import is_mask_name, is_result_name

__all__ = ["WebDatasetSource"]

_log = logging.getLogger(__name__)

_SAMPLE = 256  # members of a sample that are looked at before one is chosen
_NEAR = 64  # photos before a mask among which its own is looked for


@dataclass(frozen=True)
class WebDatasetSource:
    """The pictures of some tar files; *ending*: what follows a sample's key, such as "left.jpg"; None takes pictures.

    A member KEY.jpg is a picture; KEY.seg.png beside it is something else of the same sample, and is taken only where
    no member KEY.jpg (or .png ...) is. Masks that follow their photo, links and devices are passed over.
    """

    text: str
    files: Callable[[], Iterator[Found]]
    ending: str | None = None

    def items(self) -> Iterator[Item]:
        """See `BatchSource`."""
        wanted = "picture" if self.ending is None else f"member that ends with .{self.ending.lstrip('.')}"
        return checked(self._listed, self.text, wanted)

    def count(self) -> int | None:
        """Return None: only the headers of all members would tell."""
        return None

    def _listed(self) -> Iterator[Item]:
        for found in self.files():
            with opened(found.address) as tar:
                for member in _pictures(_files(members(tar, told(found.address)), found.address), self.ending):
                    yield Item(safe_name(member.name), TarPlace(found.address, member.offset, member.size))


def _files(found: Iterator[Member], address: str) -> Iterator[Member]:
    passed_over = 0
    for member in found:
        if member.is_file:
            yield member
        elif is_picture_file(_last(member.name)):
            passed_over += 1
    if passed_over:
        _log.warning(
            "%s: links or devices that are called like pictures were passed over: %d", told(address), passed_over
        )


def _pictures(found: Iterator[Member], ending: str | None) -> Iterator[Member]:
    photos: deque[str] = deque(maxlen=_NEAR)
    for _, sample in groupby(found, key=lambda member: _key(member.name)):
        for member in _chosen(sample, ending):
            if ending is None and _is_mask_of(member.name, photos):
                continue
            photos.append(member.name)
            yield member


def _is_mask_of(name: str, photos: Collection[str]) -> bool:
    folder, slash, last = name.rpartition("/")
    return is_mask_name(last, lambda other: f"{folder}{slash}{other}" in photos)


def _chosen(sample: Iterator[Member], ending: str | None) -> Iterator[Member]:
    if ending is not None:
        yield from (member for member in sample if _ending(member.name) == ending.lower().lstrip("."))
        return
    pictures = (member for member in sample if is_picture_file(_last(member.name)) and not is_result_name(member.name))
    first = list(islice(pictures, _SAMPLE))
    plain = [member for member in first if "." not in _ending(member.name)]
    yield from plain or chain(first, pictures)


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _key(name: str) -> str:
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.partition('.')[0]}"


def _ending(name: str) -> str:
    return _last(name).partition(".")[2].lower()
