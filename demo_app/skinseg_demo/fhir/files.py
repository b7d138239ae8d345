"""Photos and reports in a bundle: led to by the names they have in a package, or written into it in base64.

A bundle that stands alone holds megabytes of pictures in base64: it is written in pieces, never as one text. Where a
file belongs, its attachment has `"url": "pictures/..."`; a quotation mark inside a JSON text is escaped, so nothing
that a person wrote can look like one.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO

from skinseg_demo.store.clock import text_from_time

__all__ = ["OpenFile", "attachment", "inlined", "inlined_size"]

OpenFile = Callable[[str], IO[bytes]]
"""Opens a file by its name in the package."""

_PIECE = 3 << 18  # bytes; a multiple of three becomes base64 without a rest
_LINK = re.compile(r'"url": "((?:pictures|reports)/[a-z0-9./]+)"')


def attachment(
    name: str, content: Path | bytes, *, content_type: str, title: str, made_at: datetime
) -> dict[str, object]:
    """Return the attachment of a file that lies under *name* in the package.

    Its hash is SHA-1, as R4 asks for.

    Raises OSError if it cannot be read.
    """
    sha1, size = hashlib.sha1(usedforsecurity=False), 0
    for piece in _pieces(content):
        sha1.update(piece)
        size += len(piece)
    return {
        "contentType": content_type,
        "url": name,
        "size": size,
        "hash": base64.b64encode(sha1.digest()).decode(),
        "title": title,
        "creation": text_from_time(made_at),
    }


def inlined(document: Mapping[str, object], open_file: OpenFile) -> Iterator[bytes]:
    """Write a bundle with every file in it, in pieces; together they have `inlined_size` bytes.

    Raises OSError if a file cannot be read, or has not the size that the bundle tells.
    """
    sizes = _sizes(document)
    text, end = _text(document), 0
    for link in _LINK.finditer(text):
        yield text[end : link.start()].encode() + b'"data": "'
        yield from _in_base64(link[1], sizes[link[1]], open_file)
        yield b'"'
        end = link.end()
    yield text[end:].encode()


def inlined_size(document: Mapping[str, object]) -> int:
    """Return how many bytes `inlined` writes."""
    sizes, text = _sizes(document), _text(document)
    names = _LINK.findall(text)
    links = sum(len(f'"url": "{name}"') for name in names)
    data = sum(len('"data": ""') + 4 * -(-sizes[name] // 3) for name in names)
    return len(text.encode()) - links + data


def _text(document: Mapping[str, object]) -> str:
    return json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def _sizes(value: object) -> dict[str, int]:
    """Return the sizes of all attachments by their names."""
    if isinstance(value, Mapping):
        own = {str(value["url"]): int(value["size"])} if {"contentType", "url", "size"} <= value.keys() else {}
        return own | {name: size for child in value.values() for name, size in _sizes(child).items()}
    children = value if isinstance(value, list) else ()
    return {name: size for child in children for name, size in _sizes(child).items()}


def _in_base64(name: str, size: int, open_file: OpenFile) -> Iterator[bytes]:
    read = 0
    with open_file(name) as stream:
        while read <= size and (piece := stream.read(_PIECE)):
            read += len(piece)
            yield base64.b64encode(piece)
    if read != size:
        raise OSError(f"{name} has {read} bytes, and had {size} a moment ago")


def _pieces(content: Path | bytes) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as stream:
        while piece := stream.read(_PIECE):
            yield piece
