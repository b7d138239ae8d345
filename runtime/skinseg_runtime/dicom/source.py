"""What a SEG or SR takes over from its photograph: patient, study, who it is, and no more.

Names and numbers of a foreign file may break any rule. What must be right is checked; what may be empty is left empty
where it breaks one, so that the objects made of it hold what the standard says.
"""

from __future__ import annotations

import io
import re
from collections.abc import MutableSequence
from typing import TYPE_CHECKING, NamedTuple

from skinseg_edge.errors import PictureUnreadable
from skinseg_edge.picture_formats.dicom import described
from skinseg_edge.picture_formats.dicom_elements import PIXEL_DATA
from skinseg_edge.picture_formats.dicom_names import ACCEPTED_KINDS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.sr.coding import Code

__all__ = ["Moment", "body_sites", "moment_of", "source_from"]

_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+")
_DATE = re.compile(r"[12][0-9]{3}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])")
_TIME = re.compile(r"([01][0-9]|2[0-3])([0-5][0-9]([0-5][0-9](\.[0-9]{1,6})?)?)?")
_LARGEST = 2**31 - 1  # of a number in text (IS)
_LONGEST_CODE, _LONGEST_MEANING = 16, 64  # characters of a code and its scheme (SH), and of what it means (LO)
_WAY = re.compile(r"[AFHLPR]{1,3}")
_IDENTIFIERS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
_TEXTS = {
    "PatientID": 64,
    "AccessionNumber": 16,
    "StudyID": 16,
}
_MAY_BE_LEFT_OUT = {"StudyDescription": 64, "IssuerOfPatientID": 64}
_DATES = ("PatientBirthDate", "StudyDate", "ContentDate", "AcquisitionDate", "SeriesDate")
_TIMES = ("StudyTime", "ContentTime", "AcquisitionTime", "SeriesTime")
_NUMBERS = ("Rows", "Columns", "InstanceNumber", "SeriesNumber")


class Moment(NamedTuple):
    """A *date* (YYYYMMDD) and a *time* of day (HHMMSS, perhaps with a fraction)."""

    date: str
    time: str


def source_from(data: bytes, name: str) -> Dataset:
    """Read what a SEG and an SR take over from the DICOM photograph *data*; *name* is what errors call the file.

    Raises PictureUnreadable if it does not say which patient's study, series and picture it is.
    """
    try:
        return _taken_over(_head_of(data, name), name)
    except PictureUnreadable:
        raise
    except Exception as error:  # a foreign file breaks wherever it likes inside pydicom
        raise PictureUnreadable(
            f"cannot read {name}: what it says about its patient and study is damaged ({type(error).__name__}); get it "
            "again from where it came"
        ) from error


def _head_of(data: bytes, name: str) -> Dataset:
    """Read all before the pixels; pydicom would inflate whatever a deflated file holds, so that is done here."""
    import pydicom
    from pydicom.filereader import read_dataset

    image = described(data, name)
    if image.data is data:
        return pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
    return read_dataset(
        io.BytesIO(image.data),
        is_implicit_VR=not image.encoding.is_explicit,
        is_little_endian=not image.encoding.is_big_endian,
        stop_when=lambda tag, _vr, _length: tag == PIXEL_DATA,
    )


def _taken_over(whole: Dataset, name: str) -> Dataset:
    from pydicom.dataset import Dataset

    source = Dataset()
    source.SpecificCharacterSet = "ISO_IR 192"  # all text is decoded here and written as UTF-8
    for keyword in _IDENTIFIERS:
        setattr(source, keyword, _identifier(whole, keyword, name))
    for keyword, text in _texts(whole).items():
        setattr(source, keyword, text)
    for keyword in _NUMBERS:
        setattr(source, keyword, _number(whole, keyword))
    source.Modality = "XC"  # of a camera; both objects have their own
    source.PatientOrientation = _orientation(whole)
    source.AnatomicRegionSequence = [_site(site) for site in body_sites(whole)]
    return source


def _texts(whole: Dataset) -> dict[str, str]:
    """Return names, numbers in words, dates and times by keyword; empty where one breaks its rule."""
    texts = {keyword: _short_text(whole, keyword, longest) for keyword, longest in _TEXTS.items()}
    for keyword in ("PatientName", "ReferringPhysicianName"):
        texts[keyword] = "=".join(form[:64] for form in _text(whole, keyword).split("=")[:3])
    for keyword in (*_DATES, *_TIMES):
        told = _text(whole, keyword)
        texts[keyword] = told if (_DATE if keyword in _DATES else _TIME).fullmatch(told) else ""
    sex = _text(whole, "PatientSex")
    texts["PatientSex"] = sex if sex in ("F", "M", "O") else ""
    optional = {keyword: _short_text(whole, keyword, longest) for keyword, longest in _MAY_BE_LEFT_OUT.items()}
    return {**texts, **{keyword: text for keyword, text in optional.items() if text}}


def moment_of(source: Dataset) -> Moment | None:
    """Return when the photograph was taken; None where it does not say."""
    for kind in ("Content", "Acquisition", "Series", "Study"):
        if date := _text(source, f"{kind}Date"):
            return Moment(date, _text(source, f"{kind}Time") or "000000")
    return None


def body_sites(source: Dataset) -> list[Code]:
    """Return the part of the body that a photograph says it shows, as far as it is told by a code."""
    from pydicom.sr.coding import Code

    told = [
        Code(*(_text(site, keyword) for keyword in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")))
        for site in source.get("AnatomicRegionSequence") or []
    ]
    return [
        Code(code.value, code.scheme_designator, code.meaning[:_LONGEST_MEANING])
        for code in told
        if 0 < len(code.value) <= _LONGEST_CODE and 0 < len(code.scheme_designator) <= _LONGEST_CODE and code.meaning
    ][:1]


def _orientation(dataset: Dataset) -> list[str]:
    """Return where rows and columns point to on the patient, such as ["L", "F"]; empty where that is not told."""
    told = [str(way) for way in dataset.get("PatientOrientation") or []]
    return told if len(told) == 2 and all(_WAY.fullmatch(way) for way in told) else []


def _site(code: Code) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item


def _value(dataset: Dataset, keyword: str) -> object:
    """Return an element's value; None where there is none, several, or one that is not of its kind."""
    try:
        value: object = dataset.get(keyword)
    except Exception:  # noqa: BLE001  # pydicom takes a value apart when it is first asked for, and raises what it likes
        return None
    return None if isinstance(value, MutableSequence) else value


def _number(dataset: Dataset, keyword: str) -> int:
    """Return a number of at least 1; 1 where none is told."""
    value = _value(dataset, keyword)
    return min(max(1, int(value)), _LARGEST) if isinstance(value, int) else 1


def _text(dataset: Dataset, keyword: str) -> str:
    value = _value(dataset, keyword)
    text = "" if value is None else str(value).replace("\\", "/")
    return "".join(letter for letter in text if letter.isprintable()).strip()


def _short_text(dataset: Dataset, keyword: str, longest: int) -> str:
    """Return a text, empty where it is too long: the beginning of a number is another patient's."""
    text = _text(dataset, keyword)
    return text if len(text) <= longest else ""


def _identifier(dataset: Dataset, keyword: str, name: str) -> str:
    text = _text(dataset, keyword)
    if len(text) > 64 or not _UID.fullmatch(text) or (keyword == "SOPClassUID" and text not in ACCEPTED_KINDS):
        raise PictureUnreadable(
            f"cannot make DICOM objects of {name}: its {keyword} is {text[:70]!r}, expected a valid one, without "
            "which no archive could tell what they belong to; export the photograph again"
        )
    return text
