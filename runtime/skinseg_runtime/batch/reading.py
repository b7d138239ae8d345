"""The bytes of pictures, wherever they lie: a tar file or a row group of Parquet is opened once for neighbours."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import groupby

from skinseg_edge.errors import InputError, PictureTooLarge, PictureUnreadable
from skinseg_edge.image_io import PictureBytes
from skinseg_runtime.batch.items import FilePlace, Item, ParquetPlace, Place, TarPlace
from skinseg_runtime.batch.sources.addresses import beside
from skinseg_runtime.batch.sources.row_groups import RowGroup, row_group_of
from skinseg_runtime.batch.sources.stores import Opened, opened, read_whole, telling_errors

__all__ = ["read_items"]


def read_items(items: Sequence[Item], *, max_bytes: int) -> Iterator[tuple[Item, bytes | InputError]]:
    """Yield each picture's bytes in the given order; one that cannot be read gives its error, and the next goes on.

    *max_bytes*: of a picture; one that has more gives PictureTooLarge. The bytes are `PictureBytes` that carry the
    item's name, which errors tell instead of an address.

    Raises ToolMissing if the driver of a store is not installed: then no picture of it can be read.
    """
    for container, neighbours in groupby(items, key=lambda item: _container(item.place)):
        with ExitStack() as stack:
            read = _reader(container, stack, max_bytes)
            for item in neighbours:
                yield item, _tried(read, item)


def _container(place: Place) -> Place | None:
    """Return what is the same for pictures that one opening serves; None for files of their own."""
    if isinstance(place, TarPlace):
        return TarPlace(place.url, 0, 0)
    if isinstance(place, ParquetPlace):
        return ParquetPlace(place.url, place.row_group, 0, place.column)
    return None


def _reader(container: Place | None, stack: ExitStack, max_bytes: int) -> Callable[[Item], bytes]:
    try:
        if isinstance(container, TarPlace):
            return partial(_member, stack.enter_context(opened(container.url)), max_bytes)
        if isinstance(container, ParquetPlace):
            return partial(_cell, row_group_of(container), max_bytes)
    except InputError as error:
        return partial(_refuse, error)
    return partial(_file, max_bytes)


def _tried(read: Callable[[Item], bytes], item: Item) -> bytes | InputError:
    try:
        picture = PictureBytes(read(item))
    except InputError as error:
        return error
    picture.name = item.name
    return picture


def _refuse(error: InputError, _: Item) -> bytes:
    raise type(error)(str(error)) from error


def _file(max_bytes: int, item: Item) -> bytes:
    assert isinstance(item.place, FilePlace)  # they were grouped so
    return read_whole(item.place.url, item.name, max_bytes)


def _member(tar: Opened, max_bytes: int, item: Item) -> bytes:
    place = item.place
    assert isinstance(place, TarPlace)  # they were grouped so
    if place.size > max_bytes:
        raise _too_large(item, place.size, max_bytes)
    with telling_errors(item.name):
        tar.file.seek(place.offset)
        data = tar.file.read(place.size)
    if len(data) < place.size:
        raise PictureUnreadable(
            f"cannot read {item.name}: its tar file ends after {len(data)} of its {place.size} bytes, so it changed "
            "after it was listed; copy it again and run again"
        )
    return data


def _cell(row_group: RowGroup, max_bytes: int, item: Item) -> bytes:
    place = item.place
    assert isinstance(place, ParquetPlace)  # they were grouped so
    cell = row_group.cell(place.row)
    if not cell:
        raise PictureUnreadable(
            f"cannot read {item.name}: column {place.column} of its row is empty, expected a picture; mend the table"
        )
    if isinstance(cell, str):
        return read_whole(beside(place.url, cell), item.name, max_bytes)
    if len(cell) > max_bytes:
        raise _too_large(item, len(cell), max_bytes)
    return cell


def _too_large(item: Item, size: int, max_bytes: int) -> PictureTooLarge:
    return PictureTooLarge(
        f"cannot read {item.name}: it has {size:,} bytes, more than the limit of {max_bytes:,}; scale the picture down"
    )
