"""What stands on a PDF that reportlab wrote, without a reader of PDFs: enough for pages of Latin letters."""

import base64
import re
import zlib

__all__ = ["pages_of", "pictures_of", "text_of"]

_STREAM = re.compile(rb"\d+ 0 obj\b((?:(?!endobj).)*?)\bstream\r?\n(.*?)endstream", re.DOTALL)
_ESCAPED = re.compile(rb"\\([0-7]{3}|.)")


def pages_of(pdf: bytes) -> int:
    """Return how many pages there are."""
    return len(re.findall(rb"/Type /Page\b(?!s)", pdf))


def pictures_of(pdf: bytes) -> list[tuple[int, int]]:
    """Return width and height of each picture, px."""
    found = (match[1] for match in _STREAM.finditer(pdf) if b"/Subtype /Image" in match[1])
    return [(_number(rb"/Width (\d+)", head), _number(rb"/Height (\d+)", head)) for head in found]


def text_of(pdf: bytes) -> str:
    """Return the words of all pages, a space between two pieces."""
    contents = (match for match in _STREAM.finditer(pdf) if b"/Subtype" not in match[1])
    pieces = [
        _plain(piece)
        for match in contents
        for piece in re.findall(rb"\(((?:\\.|[^\\()])*)\)\s*Tj", _decoded(match[1], match[2]))
    ]
    return " ".join(" ".join(pieces).split())


def _decoded(head: bytes, data: bytes) -> bytes:
    if b"/ASCII85Decode" in head:
        data = base64.a85decode(data.strip().removesuffix(b"~>"))
    return zlib.decompress(data) if b"/FlateDecode" in head else data


def _plain(piece: bytes) -> str:
    def letter(match: re.Match[bytes]) -> bytes:
        return bytes([int(match[1], 8)]) if len(match[1]) == 3 else match[1]

    return _ESCAPED.sub(letter, piece).decode("cp1252")


def _number(pattern: bytes, head: bytes) -> int:
    found = re.search(pattern, head)
    assert found is not None
    return int(found[1])
