"""Which kind of source a text names.

photos/  photos/**/*.jpg           pictures in a folder or that a pattern matches
list.txt  list.csv                 a list of paths or addresses
table.parquet  tables/             Parquet files with pictures or paths
shard.tar  train-{000..099}.tar    WebDataset; also a folder or a pattern of them
s3://bucket/photos                 each of these in a store that fsspec reaches
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from skinseg_edge.errors import FileMissing, InputError
from skinseg_runtime.batch.items import BatchSource, FilePlace, Item, safe_name
from skinseg_runtime.batch.sources.addresses import address_from_text, is_remote, last_name, told
from skinseg_runtime.batch.sources.picture_list import ListSource
from skinseg_runtime.batch.sources.picture_table import ParquetSource
from skinseg_runtime.batch.sources.stores import kind_of
from skinseg_runtime.batch.sources.walking import (
    Found,
    files_below,
    files_like,
    has_numbers,
    has_wildcards,
    is_picture_file,
    numbered_files,
)
from skinseg_runtime.batch.sources.web_dataset import WebDatasetSource

__all__ = ["source_from_text"]

_LISTS = (".txt", ".csv")
_TABLES = (".parquet", ".pq")
_TAR = ".tar"
_PACKED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst", ".zip", ".7z", ".rar")


@dataclass(frozen=True)
class _PictureSource:
    """Pictures that are files of their own; *counts*: whether listing them all is cheap enough to count them."""

    text: str
    files: Callable[[], Iterator[Found]]
    counts: bool

    def items(self) -> Iterator[Item]:
        return (Item(safe_name(found.name), FilePlace(found.address)) for found in self.files())

    def count(self) -> int | None:
        return sum(1 for _ in self.files()) if self.counts else None


def source_from_text(text: str, *, column: str | None = None) -> BatchSource:
    """Find out what *text* names; its pictures are listed later, when `items` is called.

    *column*: of a CSV or Parquet file, the one with the pictures or their paths; of a WebDataset, what follows a
    sample's key, such as left.jpg. None finds it.

    Raises FileMissing if it names nothing, InputError if it cannot be told what it means or *column* has no meaning
    there, UnknownName if its protocol is none that is read, ToolMissing if a store's driver is not installed.
    """
    address = address_from_text(text)
    kind = kind_of(address)
    if kind == "folder":
        return _folder(address, column)
    if has_numbers(address) and (kind is None or is_remote(address)):
        return _files(address, partial(numbered_files, address), column)
    if has_wildcards(address) and (kind is None or is_remote(address)):
        return _files(address, partial(files_like, address), column)
    if kind is None:
        raise FileMissing(f"cannot segment {told(address)}: there is no such file or folder; check the path")
    return _files(address, lambda: iter((Found(address, last_name(address)),)), column)


def _folder(address: str, column: str | None) -> BatchSource:
    """A folder with a picture anywhere below it is one of pictures; else one of Parquet files, else of tar files."""
    kinds = (
        (is_picture_file, _pictures),
        (_is_table, ParquetSource),
        (_is_tar, WebDatasetSource),
    )
    for is_wanted, source in kinds:
        files = partial(files_below, address, is_wanted)
        if next(files(), None) is not None:
            return source(told(address), files, column)
    raise FileMissing(
        f"cannot segment {told(address)}: no file below it ends like a picture, a Parquet or a tar file; name the "
        "right folder"
    )


def _files(address: str, files: Callable[[], Iterator[Found]], column: str | None) -> BatchSource:
    """Return the source that some files make, which are of one kind; the first tells which."""
    first = next(files(), None)
    if first is None:
        raise FileMissing(f"cannot segment {told(address)}: no file is called so; check the pattern")
    name = last_name(first.address).lower()
    if name.endswith(_LISTS):
        if sum(1 for _ in zip(files(), range(2), strict=False)) > 1:
            raise InputError(f"cannot segment {told(address)}: it names several lists, expected one; join them")
        return ListSource(told(address), first.address, column)
    if name.endswith(_PACKED):
        raise InputError(
            f"cannot segment {told(address)}: a packed archive gives no single picture; unpack it, or make plain "
            "tar files"
        )
    for is_kind, source in ((_is_table, ParquetSource), (_is_tar, WebDatasetSource)):
        if is_kind(name):
            return source(told(address), partial(_of_one_kind, files, is_kind), column)
    return _pictures(told(address), files, column)


def _pictures(text: str, files: Callable[[], Iterator[Found]], column: str | None) -> BatchSource:
    if column is not None:
        raise InputError(
            f"cannot segment {text}: it has no column {column!r}, its pictures are files of their own; leave "
            "--column out"
        )
    return _PictureSource(text, files, counts=not is_remote(text))


def _of_one_kind(files: Callable[[], Iterator[Found]], is_kind: Callable[[str], bool]) -> Iterator[Found]:
    first = None
    for found in files():
        first = first or found
        if not is_kind(last_name(found.address)):
            raise InputError(
                f"cannot list {told(found.address)} after {told(first.address)}: expected files of one kind; "
                "write the ending into the pattern"
            )
        yield found


def _is_table(name: str) -> bool:
    return name.lower().endswith(_TABLES)


def _is_tar(name: str) -> bool:
    return name.lower().endswith(_TAR)
