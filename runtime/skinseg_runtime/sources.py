"""Which photos a command was given, and what the files made from each are called."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path, PurePosixPath

from skinseg_edge.errors import FileMissing, InputError

__all__ = ["Source", "sources_from"]

_PICTURES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff")
_VIDEOS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v")
_OURS = (".mask.png", ".overlay.png", ".classes.png")  # results of an earlier run are no photos


@dataclass(frozen=True)
class Source:
    """A photo's *path*, and *stem*: where its results go, relative to the output folder and without a suffix."""

    path: Path
    stem: PurePosixPath


def sources_from(paths: Sequence[str]) -> tuple[Source, ...]:
    """Find the photos that *paths* name: files as they are, folders with everything below them, in sorted order.

    Below a folder, only names that end like a picture's count; hidden files, results of an earlier run and what lies
    in a bundle do not.
    A photo that is named twice comes once. Results of a folder's photos keep its sub-folders; where two photos would
    share a name, the suffix is kept, and where that is not enough a number is added.

    Raises FileMissing if a path names nothing or a folder holds no picture, InputError if one is a video or a camera.
    """
    found: dict[Path, tuple[Path, PurePosixPath]] = {}
    for text in paths:
        for path, below in _photos(text):
            found.setdefault(path.resolve(), (path, below))
    return _named(list(found.values()))


def _photos(text: str) -> Iterator[tuple[Path, PurePosixPath]]:
    path = Path(text)
    if text.startswith("camera:") or path.suffix.lower() in _VIDEOS:
        raise InputError(f"cannot segment {text}: this version takes photos and folders of photos, no video or camera")
    if not path.exists():
        raise FileMissing(f"cannot segment {text}: there is no such file or folder; check the path")
    if not path.is_dir():
        yield path, PurePosixPath(path.name)
        return
    photos = list(_walk(path))
    yield from ((photo, PurePosixPath(photo.relative_to(path).as_posix())) for photo in photos)
    if not photos:
        raise FileMissing(f"cannot segment {text}: no file below it ends like a picture ({', '.join(_PICTURES)})")


def _walk(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and not name.endswith(".skinseg"))
        for name in sorted(files):
            if name.lower().endswith(_PICTURES) and not name.startswith(".") and not name.lower().endswith(_OURS):
                yield Path(where) / name


def _named(found: list[tuple[Path, PurePosixPath]]) -> tuple[Source, ...]:
    # Capitals make no difference on some disks, so they make none here.
    shared = Counter(str(below.with_suffix("")).lower() for _, below in found)
    taken: set[str] = set()
    sources = []
    for path, below in found:
        stem = below.with_suffix("")
        candidates = [stem] if shared[str(stem).lower()] == 1 else [below]
        numbered = (below.with_name(f"{below.name}-{number}") for number in count(2))
        chosen = next(name for name in chain(candidates, numbered) if str(name).lower() not in taken)
        taken.add(str(chosen).lower())
        sources.append(Source(path, chosen))
    return tuple(sources)
