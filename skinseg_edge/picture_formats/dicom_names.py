"""The kinds of DICOM objects: which hold photographs, and how the others that lie beside them are called."""

__all__ = ["ACCEPTED_KINDS", "DERMOSCOPIC", "SYNTAXES", "VL_PHOTOGRAPHIC", "name_of_uid"]

VL_PHOTOGRAPHIC = "1.2.840.10008.5.1.4.1.1.77.1.4"
DERMOSCOPIC = "1.2.840.10008.5.1.4.1.1.77.1.7"
_CAPTURED = "1.2.840.10008.5.1.4.1.1.7"

ACCEPTED_KINDS = (VL_PHOTOGRAPHIC, DERMOSCOPIC, _CAPTURED, f"{_CAPTURED}.2", f"{_CAPTURED}.4")
"""VL Photographic, Dermoscopic Photography, Secondary Capture, and its multi-frame forms in grey and true colour."""

_STORED = "1.2.840.10008.5.1.4.1.1."
_NAMES = {
    "1": "a CR image",
    "1.1": "a digital X-ray image",
    "1.2": "a mammogram",
    "2": "a CT image",
    "2.1": "an enhanced CT image",
    "4": "an MR image",
    "4.1": "an enhanced MR image",
    "6.1": "an ultrasound image",
    "3.1": "an ultrasound video",
    "7.1": "a black-and-white capture of one bit a pixel",
    "7.3": "a grey capture of two bytes a pixel",
    "12.1": "an X-ray angiogram",
    "20": "a nuclear medicine image",
    "66.4": "a segmentation",
    "77.1.1": "an endoscopic image",
    "77.1.2": "a microscopic image",
    "77.1.4.1": "a video",
    "77.1.5.1": "an ophthalmic photograph",
    "77.1.6": "a whole-slide image",
    "88.11": "a structured report",
    "88.22": "a structured report",
    "88.33": "a structured report",
    "88.34": "a structured report",
    "104.1": "a PDF document",
    "128": "a PET image",
    "481.3": "a radiotherapy structure set",
}
SYNTAXES = {
    "1.2.840.10008.1.2.4.57": "lossless JPEG",
    "1.2.840.10008.1.2.4.70": "lossless JPEG",
    "1.2.840.10008.1.2.4.80": "JPEG-LS",
    "1.2.840.10008.1.2.4.81": "JPEG-LS",
    "1.2.840.10008.1.2.4.201": "High-Throughput JPEG 2000",
    "1.2.840.10008.1.2.4.202": "High-Throughput JPEG 2000",
    "1.2.840.10008.1.2.4.203": "High-Throughput JPEG 2000",
    **dict.fromkeys((f"1.2.840.10008.1.2.4.10{last}" for last in range(9)), "a video"),
}
"""What transfer syntaxes compress pixels with that OpenCV does not decode, or not everywhere."""


def name_of_uid(uid: str) -> str:
    """Return what a kind of object is called, "a CT image"; an unknown one by its number, of which not all is shown."""
    if uid == "1.2.840.10008.1.3.10":
        return "the directory of a medium (DICOMDIR)"
    known = _NAMES.get(uid.removeprefix(_STORED)) if uid.startswith(_STORED) else None
    return known or (f"an object of the kind {uid[:64]!r}" if uid else "an object that does not tell its kind")
