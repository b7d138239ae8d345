"""Archives that tests make, and what a source lists of them."""

import io
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from skinseg_edge.errors import InputError
from skinseg_runtime.batch.items import Item
from skinseg_runtime.batch.reading import read_items
from skinseg_runtime.batch.sources import source_from_text

__all__ = ["contents", "listed", "names", "tar_bytes", "touch"]


def touch(folder: Path, *names: str) -> Path:
    """Write files whose content is their name; return the folder."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode(errors="surrogateescape"))
    return folder


def tar_bytes(
    members: Mapping[str, bytes] | Sequence[tuple[tarfile.TarInfo, bytes]], format: int = tarfile.PAX_FORMAT
) -> bytes:
    """Return a tar file with these members."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format) as tar:
        for info, data in members.items() if isinstance(members, Mapping) else members:
            entry = tarfile.TarInfo(info) if isinstance(info, str) else info
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


def listed(text: str | Path, column: str | None = None) -> list[Item]:
    return list(source_from_text(str(text), column=column).items())


def names(text: str | Path, column: str | None = None) -> list[str]:
    return [item.name for item in listed(text, column)]


def contents(items: Iterable[Item], max_bytes: int = 1_000_000) -> dict[str, bytes | str]:
    """Return what `read_items` gives by name; an error as its message."""
    read = read_items(list(items), max_bytes=max_bytes)
    return {item.name: str(data) if isinstance(data, InputError) else bytes(data) for item, data in read}
