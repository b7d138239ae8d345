"""The scale that a DICOM file tells: taken where it says what it was calibrated on, and never guessed."""

from typing import Any

import pytest

from skinseg_edge.errors import InputError
from skinseg_runtime.dicom import scale_from_spacing
from tests.edge.drawn_pictures import plain, smooth_photo

pytest.importorskip("pydicom", reason="needs pydicom to write the files (extra dicom)")

# Below the line that skips this file where it is missing.
from tests.edge.drawn_dicom import CAPTURE, DERMOSCOPIC, PHOTOGRAPH, dataset_of, file_of

PHOTO = smooth_photo(8, 10)
FIDUCIAL = {"PixelSpacingCalibrationType": "FIDUCIAL"}


@pytest.mark.parametrize(
    ("kind", "calibration"),
    [(PHOTOGRAPH, "FIDUCIAL"), (CAPTURE, "GEOMETRY"), (DERMOSCOPIC, None), (DERMOSCOPIC, "GEOMETRY")],
)
def test_a_calibrated_spacing_is_the_scale_with_the_error_of_any_factor(kind: str, calibration: str | None) -> None:
    told: dict[str, Any] = {} if calibration is None else {"PixelSpacingCalibrationType": calibration}

    scale = scale_from_spacing(file_of(dataset_of(PHOTO, kind, PixelSpacing=[0.021, 0.021], **told)))

    assert scale.mm_per_px == pytest.approx(0.021)
    assert scale.relative_error == 0.1
    assert scale.source == "Pixel Spacing of the DICOM file"


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"PixelSpacing": [0.02, 0.02]}, "it says to be calibrated by 'nothing', expected GEOMETRY or FIDUCIAL"),
        ({"ImagerPixelSpacing": [0.003, 0.003]}, "calibrated by 'nothing'"),
        ({**FIDUCIAL}, "it says '', expected two equal numbers from 0.0005 to 2 mm"),
        (
            {**FIDUCIAL, "PixelSpacing": [0.02, 0.03]},
            r"it says '0.02\\\\0.03', expected",
        ),
        ({**FIDUCIAL, "PixelSpacing": [0, 0]}, "expected two equal numbers"),
        ({**FIDUCIAL, "PixelSpacing": [25, 25]}, "expected two equal numbers"),
    ],
)
def test_a_spacing_that_may_be_another_things_is_refused(elements: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        scale_from_spacing(file_of(dataset_of(PHOTO, PHOTOGRAPH, **elements)))


def test_what_is_no_dicom_file_has_no_spacing() -> None:
    with pytest.raises(InputError, match="it is no DICOM file, expected one; give --mm-per-px or --card"):
        scale_from_spacing(plain("RGB", (1, 2, 3)))
