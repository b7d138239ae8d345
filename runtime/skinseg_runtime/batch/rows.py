"""A picture's row as plain values: what was measured, or why it could not be.

The columns are those of `columns.COLUMNS`; name, hash and the mask's place are added by whoever writes the row.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import SkinsegError
from skinseg_runtime.batch.run_lengths import run_lengths_from_mask
from skinseg_runtime.batch.work import Masks

__all__ = ["error_row", "measured_row"]

# The same for every lesion of every picture, so the table says it once; the polygon is in the mask.
_NOT_IN_A_ROW = ("polygon", "perimeter_estimator")


def measured_row(
    described: Mapping[str, object], mask: NDArray[np.bool_], mask_png: bytes | None, masks: Masks
) -> dict[str, object]:
    """Return the row of a picture that was segmented.

    *described*: see `one_photo.described_photo`. *mask*: (H, W) bool. *mask_png*: its file, where *masks* is "png".
    """
    lesions = [_plain(lesion) for lesion in _mappings(described["lesions"])]
    quality = described["quality"]
    assert isinstance(quality, Mapping)
    return {
        "error_kind": None,
        "error_message": None,
        "rows": mask.shape[0],
        "columns": mask.shape[1],
        "mask_bytes": None if mask_png is None else len(mask_png),
        "mask_rle": run_lengths_from_mask(mask) if masks == "rle" else None,
        "lesion_count": len(lesions),
        "lesion_area_px": int(np.count_nonzero(mask)),
        "lesions": lesions,
        "quality_verdict": quality["verdict"],
        "quality_findings": [finding["name"] for finding in _mappings(quality["findings"])],
        "scale_problem": described.get("scale_problem"),
    }


def error_row(error: BaseException) -> dict[str, object]:
    """Return the row of a picture that gave *error*; what was not measured is not in it, and so null in the table."""
    is_ours = isinstance(error, SkinsegError)
    message = str(error) if is_ours else f"stopped by a mistake of this program ({error!r}); report it with the picture"
    if isinstance(error, MemoryError):
        message = "cannot segment the picture: the memory is full; give each worker more, or start fewer with --jobs"
    return {"error_kind": type(error).__name__, "error_message": message}


def _plain(lesion: Mapping[str, object]) -> dict[str, object]:
    """Leave out what the table says once, and an object without a field, which Parquet does not know."""
    plain = {name: value for name, value in lesion.items() if name not in _NOT_IN_A_ROW}
    if isinstance(colour := plain["colour"], Mapping):
        plain["colour"] = {name: value for name, value in colour.items() if name != "space"}
    plain["ranges"] = plain["ranges"] or None
    return plain


def _mappings(values: object) -> list[Mapping[str, object]]:
    assert isinstance(values, list)
    return values
