"""What a picture says about itself before any pixel is decoded."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

from skinseg_edge.errors import PictureUnreadable

__all__ = ["PictureFormat", "PictureHeader", "damaged", "ends_early", "not_too_many"]

# 60 megapixels of 16-bit PNG in the usual 8 kB chunks make 45,000; walking so many takes a tenth of a second.
_MOST_PARTS = 100_000

_Part = TypeVar("_Part")

PictureFormat: TypeAlias = Literal["JPEG", "PNG", "WebP", "BMP", "TIFF", "DICOM"]


@dataclass(frozen=True)
class PictureHeader:
    """The header of one picture file.

    *width*, *height*: columns and rows as stored, before the orientation is applied, px, each at least 1.
    *orientation*: EXIF tag 274, 1 to 8; 1 when the file tells none or nonsense. BMP and DICOM have none, so always 1.
    """

    format: PictureFormat
    width: int
    height: int
    orientation: int = 1

    @property
    def is_turned(self) -> bool:
        """Whether rows become columns when the orientation is applied (5 to 8)."""
        return self.orientation >= 5

    @property
    def upright_hw(self) -> tuple[int, int]:
        """Rows and columns after the orientation is applied, px."""
        return (self.width, self.height) if self.is_turned else (self.height, self.width)


def damaged(name: str, picture_format: PictureFormat, reason: str) -> PictureUnreadable:
    """Return the error for a file whose structure is broken; *reason* says where."""
    return PictureUnreadable(
        f"cannot read {name}: this {picture_format} file is damaged: {reason}; get the picture again from where it came"
    )


def ends_early(name: str, picture_format: PictureFormat, reason: str) -> PictureUnreadable:
    """Return the error for a file that was cut off; *reason* says what is missing."""
    return PictureUnreadable(
        f"cannot read {name}: this {picture_format} file ends early: {reason}; copy or upload the picture again"
    )


def not_too_many(parts: Iterator[_Part], name: str, picture_format: PictureFormat) -> Iterator[_Part]:
    """Pass *parts* (segments, chunks) on, so that a file made of millions of empty ones does not hold a device up.

    Raises PictureUnreadable at the 100,001st.
    """
    for count, part in enumerate(parts):
        if count == _MOST_PARTS:
            raise damaged(name, picture_format, f"it is made of more than {_MOST_PARTS:,} parts")
        yield part
