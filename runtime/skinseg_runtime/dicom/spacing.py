"""The scale that a DICOM photograph tells by itself, where it says that it was calibrated on what it shows.

A wrong scale is worse than none. Pixel Spacing counts where the file says what it was calibrated by (Pixel Spacing
Calibration Type), or is a dermoscopic photograph, whose plate lies on the skin. Imager Pixel Spacing is the distance of
the sensor's pixels and Nominal Scanned Pixel Spacing that of a scanner's: neither is the skin's.
"""

import math

from skinseg_edge.errors import InputError
from skinseg_edge.picture_formats.dicom import described, recognises
from skinseg_edge.picture_formats.dicom_names import DERMOSCOPIC
from skinseg_runtime.measurements import Scale, scale_from_mm_per_px

__all__ = ["scale_from_spacing"]

_KIND, _SPACING, _CALIBRATION = 0x00080016, 0x00280030, 0x00280A02
_KNOWN = ("GEOMETRY", "FIDUCIAL")
_MOST_UNEQUAL = 0.01  # of rows and columns; a photograph's pixels are squares
_PLAUSIBLE_MM = (0.0005, 2.0)  # a microscope's pixel, and that of a whole body on a small picture


def scale_from_spacing(data: bytes, name: str = "the picture") -> Scale:
    """Read the scale from the Pixel Spacing of the DICOM photograph *data*; *name* is what errors call it.

    Its error is that of any factor for a whole photo (`scale_from_mm_per_px`): nobody sees a tilt.

    Raises InputError if there is none to be trusted.
    """
    if not recognises(data):
        raise InputError(
            f"cannot read the scale of {name}: it is no DICOM file, expected one; give --mm-per-px or --card"
        )
    values = described(data, name)
    calibrated_by = values.text(_CALIBRATION).upper()
    if calibrated_by not in _KNOWN and values.text(_KIND) != DERMOSCOPIC:
        raise InputError(
            f"cannot take the scale of {name} from its Pixel Spacing: it says to be calibrated by "
            f"{calibrated_by[:16] or 'nothing'!r}, expected {' or '.join(_KNOWN)}; give --mm-per-px or --card"
        )
    rows, columns = _two_numbers(values.text(_SPACING))
    least, most = _PLAUSIBLE_MM
    if not (least <= rows <= most and least <= columns <= most and abs(rows / columns - 1) <= _MOST_UNEQUAL):
        raise InputError(
            f"cannot take the scale of {name} from its Pixel Spacing: it says {values.text(_SPACING)[:40]!r}, expected "
            f"two equal numbers from {least:g} to {most:g} mm; give --mm-per-px or --card"
        )
    factor = scale_from_mm_per_px(math.sqrt(rows * columns))
    return Scale(factor.mm_per_px, factor.relative_error, "Pixel Spacing of the DICOM file")


def _two_numbers(text: str) -> tuple[float, float]:
    """Read two numbers with a backslash between them; zeros where that is none."""
    try:
        rows, columns = (float(part) for part in text.split("\\"))
    except ValueError:
        return 0.0, 0.0
    return rows, columns
