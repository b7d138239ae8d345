"""The first look at an upload: how large it is, what it is, and whether it is only that. No pixel is decoded."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from skinseg_demo.pictures.stripped_jpeg import end_of_jpeg
from skinseg_demo.pictures.stripped_png import end_of_png
from skinseg_demo.pictures.stripped_webp import end_of_webp
from skinseg_edge.errors import PictureTooLarge, PictureUnreadable
from skinseg_edge.picture_header import PictureFormat, PictureHeader, check_whole, read_header

__all__ = ["Limits", "ReceivedPicture"]

_CHUNK = 1 << 20
_SVG_WITHIN = 2048  # bytes; comments and a document type may come before the drawing

_END_OF: dict[PictureFormat, Callable[[bytes], int]] = {
    "JPEG": end_of_jpeg,
    "PNG": end_of_png,
    "WebP": end_of_webp,
}
# What a file may be besides a picture. Phones put previews and videos behind theirs: these are cut off, not refused, so
# nothing shorter is looked for than would hardly come by chance.
_SECOND_LIVES = (
    (b"%pdf-", "a PDF document"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"<script", "a web page"),
    (b"<?php", "a program"),
    (b"rar!\x1a\x07", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
)
_PDF_WITHIN = 1024  # bytes; where readers look for its beginning


@dataclass(frozen=True)
class Limits:
    """*upload_bytes*: of one file. *pixels*: of one picture, told by its header."""

    upload_bytes: int = 25_000_000
    pixels: int = 60_000_000


@dataclass(frozen=True)
class ReceivedPicture:
    """A picture as it came. *sha256*: of *data*."""

    data: bytes
    header: PictureHeader
    sha256: str

    @classmethod
    def read(cls, stream: IO[bytes], limits: Limits) -> "ReceivedPicture":
        """Read an upload and look at its structure; name and type that the phone gave it are not believed.

        Raises PictureTooLarge if it has too many bytes or pixels, PictureUnreadable if it is no picture of a known
        format, is cut off, or is something else at the same time.
        """
        data = _bytes_of(stream, limits.upload_bytes)
        _refuse_svg(data)
        header = read_header(data)
        if header.format == "DICOM":
            raise PictureUnreadable(
                "cannot take the picture: it is a DICOM file, which names the patient, expected JPEG, PNG, WebP, BMP "
                "or TIFF; export the picture in it as JPEG or PNG"
            )
        pixels = header.width * header.height
        if pixels > limits.pixels:
            raise PictureTooLarge(
                f"cannot take the picture: its header says {header.width} x {header.height} = {pixels:,} pixels, the "
                f"limit is {limits.pixels:,}; choose a smaller size in the camera's settings"
            )
        check_whole(data)
        _refuse_second_life(data, header.format)
        return cls(data, header, hashlib.sha256(data).hexdigest())


def _bytes_of(stream: IO[bytes], limit: int) -> bytes:
    data = bytearray()
    while chunk := stream.read(min(_CHUNK, limit + 1 - len(data))):
        data += chunk
        if len(data) > limit:
            raise PictureTooLarge(
                f"cannot take the picture: it has more than {limit / 1e6:g} MB, which is the limit; choose a smaller "
                "size in the camera's settings"
            )
    return bytes(data)


def _refuse_svg(data: bytes) -> None:
    start = data[:_SVG_WITHIN].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(b"<") and b"<svg" in start:
        raise PictureUnreadable(
            "cannot read the picture: it is an SVG drawing, expected JPEG, PNG, WebP, BMP or TIFF; a drawing shows no "
            "skin, so take a photo"
        )


def _refuse_second_life(data: bytes, picture_format: PictureFormat) -> None:
    """Refuse what a program other than a picture viewer would open as something else."""
    if what := _second_life(data, picture_format):
        raise PictureUnreadable(
            f"cannot take the picture: in the same file as the {picture_format} picture {what} is hidden; take the "
            "picture again with the phone's own camera"
        )


def _second_life(data: bytes, picture_format: PictureFormat) -> str | None:
    if zipfile.is_zipfile(io.BytesIO(data)):
        return "a ZIP archive"
    end = _END_OF.get(picture_format, len)(data)
    places = data[:_PDF_WITHIN].lower() if b"%PDF-" in data[:_PDF_WITHIN] else b""
    places += data[end:].lower()
    return next((what for beginning, what in _SECOND_LIVES if beginning in places), None)
