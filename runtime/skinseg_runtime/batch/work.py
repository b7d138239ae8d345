"""All that the rows of an archive follow from beside its pictures: the model, what runs it, and what is asked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from skinseg_edge._version import __version__
from skinseg_edge.image_io import MAX_PIXELS
from skinseg_edge.strict_json import canonical_bytes
from skinseg_runtime.photo_scale import PhotoScale, photo_scale

__all__ = ["MAX_BYTES", "ROW_SCHEMA", "Masks", "Work"]

Masks = Literal["png", "rle"]

ROW_SCHEMA = "skinseg.batch-row/1"

MAX_BYTES = 512 * 1024 * 1024
"""Default limit of one picture's file: what `MAX_PIXELS` may need without compression."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is asked of every picture; picklable, so that each worker does the same.

    *bundle*: its folder, on each machine that works. *bundle_sha256*: `Bundle.sha256`, which every worker compares.
    *engine*, *precision*: see `engines.choose_engine`; name them, for "auto" may be another one on another machine.
    *masks*: a PNG file each, or run lengths in the row. *mm_per_px*, *card_mm*, *dicom_scale*: where the scale comes
    from, at most one of them; the last is the Pixel Spacing of DICOM files. *max_bytes*, *max_pixels*: of one picture.
    *trusted_key*: public key that must have signed the bundle.
    *engine_batch*: pictures that the engine is given at once; with 1 a row has the same bits whatever its neighbours.
    """

    bundle: Path
    bundle_sha256: str
    engine: str = "auto"
    precision: str | None = None
    masks: Masks = "png"
    mm_per_px: float | None = None
    card_mm: float | None = None
    dicom_scale: bool = False
    max_bytes: int = MAX_BYTES
    max_pixels: int = MAX_PIXELS
    trusted_key: Path | None = None
    engine_batch: int = 1

    @property
    def scale_of(self) -> PhotoScale | None:
        """Where the scale of each picture comes from; None where it has none.

        Raises InputError if two are given, or one is not more than 0.
        """
        return photo_scale(self.mm_per_px, self.card_mm, is_from_file=self.dicom_scale)

    @property
    def identity(self) -> bytes:
        """What must be the same for a row to be taken over: two starts with the same one give the same rows."""
        return canonical_bytes(
            {
                "code": __version__,
                "row": ROW_SCHEMA,
                "bundle_sha256": self.bundle_sha256,
                "engine": self.engine,
                "precision": self.precision,
                "masks": self.masks,
                "mm_per_px": self.mm_per_px,
                "card_mm": self.card_mm,
                "dicom_scale": self.dicom_scale,
                "max_bytes": self.max_bytes,
                "max_pixels": self.max_pixels,
                "engine_batch": self.engine_batch,
            }
        )
