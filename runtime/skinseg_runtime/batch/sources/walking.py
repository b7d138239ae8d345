"""Which files a folder, a pattern or a row of numbered files names, with one folder's names in memory at a time."""

import fnmatch
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from skinseg_edge.errors import InputError
from skinseg_runtime.batch.items import safe_name
from skinseg_runtime.batch.sources.addresses import child, last_name, protocol_of, told
from skinseg_runtime.batch.sources.stores import Entry, entries, read_whole
from skinseg_runtime.sources import is_mask_name, is_passed_over, is_picture_name, is_result_name

__all__ = ["Found", "files_below", "files_like", "has_numbers", "has_wildcards", "is_picture_file", "numbered_files"]

_DICOM = (".dcm", ".dicom")
_NUMBERS = re.compile(r"\{(\d{1,12})\.\.(\d{1,12})\}")
_MOST_NUMBERED = 1_000_000
# What skinseg-batch leaves in its output folder, which may lie in its source, or be it; see `archive.folder`.
_RESULTS, _RECORD, _SCHEMA = ("pictures", "masks"), "batch.json", b'"skinseg.batch/1"'
_LONGEST_RECORD = 1 << 20  # bytes
_DEEPEST = 100  # folders: a web server may invent one below the other for ever


@dataclass(frozen=True)
class Found:
    """A file: its *address*, and its *name* relative to where the search began, with "/"."""

    address: str
    name: str


@dataclass(frozen=True)
class _Folder:
    """A folder to be searched: its address, what comes before the names in it, and whether it holds masks only."""

    address: str
    before: str = ""
    holds_masks: bool = False


def is_picture_file(name: str) -> bool:
    """Answer whether a file ends like a picture, those of hospitals included; no hidden file does."""
    return is_picture_name(name) or (name.lower().endswith(_DICOM) and not name.startswith("."))


def files_below(folder: str, is_wanted: Callable[[str], bool]) -> Iterator[Found]:
    """Find files in a folder and all below it, each folder's own files first, sorted by name.

    Hidden files and folders, bundles, results of earlier runs, and masks beside their photos are passed over, as
    `skinseg-run` does, and so is what `skinseg-batch` has written. *is_wanted*: hears a file's name.

    Raises FileMissing or InputError if one of the folders cannot be read or two names differ in unsafe letters only.
    """
    waiting = [_Folder(folder)]
    while waiting:
        here = waiting.pop()
        files, folders = _shown(_entries(here))
        _check_apart(here.address, files)
        _check_apart(here.address, folders)
        if not here.holds_masks:
            yield from (_found(here, file) for file in files if is_wanted(file.name))
        has_images = any(entry.name == "images" for entry in folders)
        waiting.extend(_below(here, entry, has_images) for entry in reversed(folders))


def files_like(pattern: str) -> Iterator[Found]:
    """Find the files that a pattern with *, ? and [...] names, sorted part by part; ** is any folders.

    No wildcard enters what `skinseg-batch` has written: its masks would be pictures of the next start, and so on.

    Raises FileMissing if a folder that it names is not there, InputError if one cannot be read or ** comes twice.
    """
    base, parts = _fixed_part(pattern)
    if parts.count("**") > 1:
        raise InputError(f"cannot read {told(pattern)}: ** comes {parts.count('**')} times, expected at most once")
    yield from _matching(_Folder(base), parts)


def has_wildcards(address: str) -> bool:
    """Answer whether an address holds what makes it a pattern; in the web's, a "?" begins a query."""
    return _first_wildcard(address) is not None


def has_numbers(text: str) -> bool:
    """Answer whether a text holds a range of numbers, such as {000..009}."""
    return bool(_NUMBERS.search(text))


def numbered_files(text: str) -> Iterator[Found]:
    """Write out each range of numbers, as WebDataset does: with as many digits as its first one has.

    >>> [found.name for found in numbered_files("/data/train-{08..10}.tar")]
    ['train-08.tar', 'train-09.tar', 'train-10.tar']

    Raises InputError if a range runs backwards or there are more than a million files.
    """
    ranges = [_numbers(text, first, last) for first, last in _NUMBERS.findall(text)]
    count = 1
    for numbers in ranges:
        count *= len(numbers)
    if count > _MOST_NUMBERED:
        raise InputError(f"cannot read {told(text)}: it names {count:,} files, expected at most {_MOST_NUMBERED:,}")
    widths = [len(first) for first, _ in _NUMBERS.findall(text)]
    between = _NUMBERS.sub("\0", text).split("\0")
    for chosen in product(*ranges):
        digits = [f"{number:0{width}d}" for number, width in zip(chosen, widths, strict=True)]
        address = "".join(part for pair in zip(between, [*digits, ""], strict=True) for part in pair)
        yield Found(address, last_name(address))


def _first_wildcard(address: str) -> int | None:
    signs = "*" if protocol_of(address) in ("http", "https") else "*?["
    return min((address.index(sign) for sign in signs if sign in address), default=None)


def _numbers(text: str, first: str, last: str) -> range:
    if int(last) < int(first):
        raise InputError(f"cannot read {told(text)}: {{{first}..{last}}} runs backwards; write {{{last}..{first}}}")
    return range(int(first), int(last) + 1)


def _entries(folder: _Folder) -> list[Entry]:
    if folder.before.count("/") > _DEEPEST:
        raise InputError(
            f"cannot read {told(folder.address)}: it lies more than {_DEEPEST} folders deep; name a folder in it"
        )
    found = entries(folder.address)
    ours = {entry.name for entry in found if entry.is_folder and entry.name in _RESULTS}
    if not ours or not any(entry.name == _RECORD and not entry.is_folder for entry in found):
        return found
    return [entry for entry in found if entry.name not in ours] if _is_record(child(folder.address, _RECORD)) else found


def _is_record(address: str) -> bool:
    """Answer whether a file is what `skinseg-batch` writes beside its results, which are no source of pictures."""
    try:
        return _SCHEMA in read_whole(address, told(address), _LONGEST_RECORD)
    except InputError:
        return False


def _shown(found: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Return the files and the folders that are not passed over."""
    names = {entry.name for entry in found if not entry.is_folder}
    folders = [entry for entry in found if entry.is_folder and not is_passed_over(entry.name)]
    files = [entry for entry in found if not entry.is_folder and not _is_left_out(entry.name, names)]
    return files, folders


def _is_left_out(name: str, beside: set[str]) -> bool:
    return name.startswith(".") or is_result_name(name) or is_mask_name(name, beside.__contains__)


def _below(above: _Folder, entry: Entry, has_images: bool) -> _Folder:
    holds_masks = has_images and entry.name.lower() == "masks"
    return _Folder(child(above.address, entry.name), f"{above.before}{entry.name}/", holds_masks)


def _found(folder: _Folder, entry: Entry) -> Found:
    return Found(child(folder.address, entry.name), folder.before + entry.name)


def _check_apart(folder: str, found: Sequence[Entry]) -> None:
    """Refuse two names in a folder that `safe_name` makes one; so no two files of a walk share a name."""
    unsafe = [entry.name for entry in found if safe_name(entry.name) != entry.name]
    if not unsafe:
        return
    names: dict[str, str] = {}
    for entry in found:
        other = names.setdefault(safe_name(entry.name), entry.name)
        if other != entry.name:
            raise InputError(
                f"cannot list {told(folder)}: {other!r} and {entry.name!r} would both be called "
                f"{safe_name(entry.name)}; rename one of them"
            )


def _fixed_part(pattern: str) -> tuple[str, list[str]]:
    """Split a pattern into the folder before its first wildcard, and the parts from there on."""
    pattern = pattern.replace(os.sep, "/")
    cut = pattern.rfind("/", 0, _first_wildcard(pattern))
    return pattern[:cut] or "/", [part for part in pattern[cut + 1 :].split("/") if part]


def _matching(here: _Folder, parts: Sequence[str]) -> Iterator[Found]:
    part, rest = parts[0], parts[1:]
    found = _entries(here)
    if part == "**":
        yield from _matching(here, rest or ["*"])
        deeper = (entry for entry in found if entry.is_folder and not entry.name.startswith("."))
        for folder in deeper:
            yield from _matching(_below(here, folder, has_images=False), parts)
        return
    for entry in found:
        is_hidden = entry.name.startswith(".") and not part.startswith(".")
        if is_hidden or not fnmatch.fnmatchcase(entry.name, part):
            continue
        if not rest and not entry.is_folder:
            yield _found(here, entry)
        elif rest and entry.is_folder:
            yield from _matching(_below(here, entry, has_images=False), rest)
