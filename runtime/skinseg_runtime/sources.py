"""Which photos a command was given, and what the files made from each are called."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path, PurePosixPath

from skinseg_edge.errors import FileMissing, InputError
from skinseg_runtime.video.stream_names import is_stream

__all__ = [
    "Source",
    "Sources",
    "is_mask_name",
    "is_passed_over",
    "is_picture_name",
    "is_result_name",
    "sources_from",
]

_PICTURES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".dcm", ".dicom")
# Photos that the decoder refuses, each in a sentence: a folder of an iPhone's photos must not seem to be done without.
_PICTURES_OF_OTHERS = (".heic", ".heif", ".avif", ".gif", ".jxl")
# Results of an earlier run are no photos.
_OURS = (".mask.png", ".overlay.png", ".classes.png", ".panel.png", ".seg.dcm", ".sr.dcm")
_MASK_ENDINGS = ("_mask", "_segmentation")  # as the data readers of skinseg-train and skinseg-eval know them


@dataclass(frozen=True)
class Source:
    """A photo's *path*, and *stem*: where its results go, relative to the output folder and without a suffix."""

    path: Path
    stem: PurePosixPath


@dataclass(frozen=True)
class Sources:
    """*photos*: what to segment; *masks*: drawn masks that lie beside their photos and were left out, sorted."""

    photos: tuple[Source, ...]
    masks: tuple[Path, ...]


def sources_from(paths: Sequence[str]) -> Sources:
    """Find the photos that *paths* name: files as they are, folders with everything below them, in sorted order.

    Below a folder, only names that end like a picture's count, and DICOM files whose names have no ending, as on media
    for patients; hidden files, results of an earlier run and what lies in a bundle do not. Masks are left out where a
    data set keeps them: NAME_mask or NAME_segmentation beside a picture NAME, and a folder `masks` beside `images`. A
    file that is named itself is taken whatever it is called.
    A photo that is named twice comes once. Results of a folder's photos keep its sub-folders; where two photos would
    share a name, the suffix is kept, and where that is not enough a number is added.

    Raises FileMissing if a path names nothing or a folder holds no photo, InputError if one is a video or a camera,
    for which `skinseg_runtime.video` is.
    """
    found: dict[Path, tuple[Path, PurePosixPath]] = {}
    masks: set[Path] = set()
    for text in paths:
        for path, below in _photos(text, masks):
            found.setdefault(path.resolve(), (path, below))
    return Sources(_named(list(found.values())), tuple(sorted(mask for mask in masks if mask.resolve() not in found)))


def is_passed_over(folder: str) -> bool:
    """Answer whether a folder of this name below a given one is hidden, or a bundle."""
    return folder.startswith(".") or folder.endswith(".skinseg")


def is_picture_name(name: str) -> bool:
    """Answer whether a file in a folder ends like a picture, one that the decoder refuses included; no hidden one does.

    >>> [is_picture_name(name) for name in ("mole.JPG", "IMG_1.heic", ".mole.jpg", "notes.txt")]
    [True, True, False, False]
    """
    return name.lower().endswith(_PICTURES + _PICTURES_OF_OTHERS) and not name.startswith(".")


def is_result_name(name: str) -> bool:
    """Answer whether a picture is called as `skinseg-run` calls what it makes."""
    return name.lower().endswith(_OURS)


def is_mask_name(name: str, is_there: Callable[[str], bool]) -> bool:
    """Answer whether a picture is called as the mask of a photo beside it; *is_there*: whether a name stands there.

    >>> is_mask_name("mole_mask.png", {"mole.jpg"}.__contains__), is_mask_name("on_mask.png", {"in.jpg"}.__contains__)
    (True, False)
    """
    stem = PurePosixPath(name).stem
    endings = [ending for ending in _MASK_ENDINGS if stem.lower().endswith(ending)]
    photo = stem[: -len(endings[0])] if endings else ""
    return bool(photo) and any(is_there(f"{photo}{suffix}") for lower in _PICTURES for suffix in (lower, lower.upper()))


def _photos(text: str, masks: set[Path]) -> Iterator[tuple[Path, PurePosixPath]]:
    path = Path(text)
    if is_stream(text):
        raise InputError(
            f"cannot segment {text} as a photo: it is a video or a camera; give it to skinseg-run by itself"
        )
    if not path.exists():
        raise FileMissing(f"cannot segment {text}: there is no such file or folder; check the path")
    if not path.is_dir():
        yield path, PurePosixPath(path.name)
        return
    pictures = list(_walk(path))
    theirs = {picture for picture in pictures if is_result_name(picture.name) or _is_mask(picture, path)}
    photos = [picture for picture in pictures if picture not in theirs]
    masks.update(mask for mask in theirs if not is_result_name(mask.name))
    yield from ((photo, PurePosixPath(photo.relative_to(path).as_posix())) for photo in photos)
    if not photos and pictures:
        raise FileMissing(
            f"cannot segment {text}: all {len(pictures)} pictures below it are masks or results, no photo"
        )
    if not photos:
        raise FileMissing(f"cannot segment {text}: no file below it ends like a picture ({', '.join(_PICTURES)})")


def _walk(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_passed_over(name))
        for name in sorted(files):
            if is_picture_name(name) or _is_nameless_dicom(Path(where) / name):
                yield Path(where) / name


def _is_nameless_dicom(path: Path) -> bool:
    """Answer whether a file called as those on media for patients, IM000001 or 1.2.840.3, is a DICOM file."""
    if path.name == "DICOMDIR" or path.name.startswith(".") or (path.suffix and not path.suffix[1:].isdecimal()):
        return False
    try:
        if not path.is_file():  # a pipe would be waited for
            return False
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def _is_mask(picture: Path, root: Path) -> bool:
    above = picture.parent
    if above != root and above.name.lower() == "masks" and (above.parent / "images").is_dir():
        return True
    return is_mask_name(picture.name, lambda name: (above / name).is_file())


def _named(found: list[tuple[Path, PurePosixPath]]) -> tuple[Source, ...]:
    # Capitals make no difference on some disks, so they make none here.
    shared = Counter(str(_without_ending(below)).lower() for _, below in found)
    taken: set[str] = set()
    sources = []
    for path, below in found:
        stem = _without_ending(below)
        candidates = [stem] if shared[str(stem).lower()] == 1 else [below]
        numbered = (below.with_name(f"{below.name}-{number}") for number in count(2))
        chosen = next(name for name in chain(candidates, numbered) if str(name).lower() not in taken)
        taken.add(str(chosen).lower())
        sources.append(Source(path, chosen))
    return tuple(sources)


def _without_ending(name: PurePosixPath) -> PurePosixPath:
    """Take the suffix away, but not the last number of 1.2.840.3, as DICOM files are called."""
    return name if name.suffix[1:].isdecimal() else name.with_suffix("")
