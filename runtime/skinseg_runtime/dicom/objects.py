"""The DICOM files that belong to one photograph, from its bytes and what was made of them."""

from __future__ import annotations

import io
import logging
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import PictureUnreadable
from skinseg_runtime.dicom.identity import Network
from skinseg_runtime.dicom.seg import seg_from
from skinseg_runtime.dicom.source import source_from
from skinseg_runtime.dicom.sr import sr_from
from skinseg_runtime.measurements import Lesion

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["OBJECT_NAMES", "objects_of_photo"]

_ONE_AT_A_TIME = threading.Lock()

OBJECT_NAMES: Mapping[str, str] = {"dicom_seg": "seg.dcm", "dicom_sr": "sr.dcm"}
"""What is made of a DICOM photograph, by kind: the end of the file's name."""


def objects_of_photo(
    data: bytes, name: str, mask: NDArray[np.bool_], lesions: Sequence[Lesion], network: Network
) -> dict[str, bytes]:
    """Make the files of `OBJECT_NAMES` for the DICOM photograph *data*; *name* is what errors call it.

    *mask*, *lesions*, *network*: see `seg_from` and `sr_from`.

    Raises PictureUnreadable if the photograph does not say whose it is, or what it says makes no valid object.
    """
    with _quiet():
        source = source_from(data, name)
        try:
            seg = seg_from(mask, lesions, source, network)
            return {"dicom_seg": _file(seg), "dicom_sr": _file(sr_from(lesions, seg, source, network))}
        except (ValueError, TypeError, AttributeError) as error:  # what highdicom and pydicom find at last
            raise PictureUnreadable(
                f"cannot make DICOM objects of {name}: what it says about itself makes no valid object "
                f"({type(error).__name__}); run again without --dicom, and report it"
            ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep pydicom and highdicom from warning of every name and date that a foreign file has in a form of its own.

    pydicom logs what it warns of, with the value: whatever the file tells of a patient belongs in no log.
    Filters of warnings are one for the whole process, so one photograph at a time; Python's lock allows no more anyway.
    """
    log = logging.getLogger("pydicom")
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before, log.disabled = log.disabled, True
        try:
            yield
        finally:
            log.disabled = before


def _file(dataset: Dataset) -> bytes:
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()
