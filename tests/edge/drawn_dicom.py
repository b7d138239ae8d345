"""DICOM files that tests draw: one photograph, in any form that a camera, a dermoscope or an archive may give it.

By pydicom, which must be installed; compressed frames by Pillow, OpenCV and pyjpegls.
"""

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

pytest.importorskip("pydicom", reason="needs pydicom to write the files (extra dicom)")

# Below the line that skips whoever needs this file where it is missing.
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

__all__ = ["CAPTURE", "CT", "DERMOSCOPIC", "PHOTOGRAPH", "dataset_of", "encapsulated", "file_of", "jpeg_of"]

PHOTOGRAPH = "1.2.840.10008.5.1.4.1.1.77.1.4"
DERMOSCOPIC = "1.2.840.10008.5.1.4.1.1.77.1.7"
CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
CT = "1.2.840.10008.5.1.4.1.1.2"


def dataset_of(
    pixels: NDArray[np.uint8 | np.uint16], kind: str = PHOTOGRAPH, photometric: str = "RGB", **elements: Any
) -> Dataset:
    """Describe *pixels*, (H, W) or (H, W, 3), as they stand, uncompressed; *elements*: others, by keyword."""
    bits = pixels.dtype.itemsize * 8
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = kind, generate_uid(entropy_srcs=[kind, pixels.tobytes().hex()[:99]])
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3.4", "1.2.3.4.5"
    dataset.PatientName, dataset.PatientID, dataset.PatientSex, dataset.PatientBirthDate = "Drawn^Anna", "7", "F", ""
    dataset.StudyID, dataset.StudyDate, dataset.StudyTime, dataset.AccessionNumber = "1", "20260105", "101500", "A1"
    dataset.ReferringPhysicianName, dataset.Modality = "", "XC"
    dataset.SeriesNumber, dataset.InstanceNumber = 3, 2
    dataset.ContentDate, dataset.ContentTime = "20260105", "101530"
    dataset.ImageType, dataset.PatientOrientation = ["ORIGINAL", "PRIMARY"], ["L", "F"]
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
    if pixels.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = photometric
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits, bits, bits - 1, 0
    dataset.LossyImageCompression, dataset.BurnedInAnnotation = "00", "NO"
    data = pixels.tobytes()
    dataset.add_new(0x7FE00010, "OB" if bits == 8 else "OW", data + bytes(len(data) % 2))
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def file_of(dataset: Dataset, *, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """Write a data set as a file; *syntax*: its transfer syntax, uncompressed ones are turned into that."""
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def encapsulated(dataset: Dataset, frame: bytes, syntax: str, photometric: str, *, parts: int = 1) -> bytes:
    """Put a compressed *frame* in the place of a data set's pixels, cut into *parts*, and write that."""
    dataset.add_new(0x7FE00010, "OB", encapsulate([frame], fragments_per_frame=parts))
    dataset["PixelData"].is_undefined_length = True
    dataset.PhotometricInterpretation = photometric
    return file_of(dataset, syntax=syntax)


def jpeg_of(photo: NDArray[np.uint8], **options: object) -> bytes:
    """Compress (H, W, 3) RGB by Pillow: with a JFIF segment as Y, Cb, Cr, or with `keep_rgb` and Adobe's segment."""
    out = io.BytesIO()
    Image.fromarray(photo).save(out, "JPEG", quality=95, **options)
    return out.getvalue()
