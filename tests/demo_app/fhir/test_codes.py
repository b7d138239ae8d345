"""Codes are those of DICOM's dictionary, as pydicom has it: a wrong one would be believed."""

from typing import Any

import pytest

pytest.importorskip("pydicom", reason="needs pydicom's dictionary; the extra dicom brings it")

from pydicom.sr._cid_dict import cid_concepts
from pydicom.sr._concepts_dict import concepts

from skinseg_demo.body_sites import SITES
from skinseg_demo.fhir.body_codes import SITE_CODES, body_site
from skinseg_demo.fhir.measures import MEASURES

_DERMATOLOGY_SITES = 4029


def _meanings(keyword: str, scheme: str = "SCT") -> dict[str, str]:
    """Return the words of every code of a keyword."""
    by_keyword: dict[str, Any] = concepts[scheme]
    return {code: meaning for code, (meaning, _) in by_keyword[keyword].items()}


def test_every_place_is_a_concept_of_the_dermatology_sites_with_its_words() -> None:
    known: dict[str, str] = {}
    for keyword in cid_concepts[_DERMATOLOGY_SITES]["SCT"]:
        known |= _meanings(keyword)

    assert {code: known.get(code) for code, _ in SITE_CODES.values()} == dict(SITE_CODES.values())


def test_every_figure_with_a_code_is_that_concept() -> None:
    known: dict[str, str] = {}
    for keyword in ("Area", "Diameter", "Perimeter"):
        known |= _meanings(keyword)

    coded = [measure.snomed_ct for measure in MEASURES if measure.snomed_ct is not None]
    assert len(coded) == 3
    assert [known[code] for code, _ in coded] == [words for _, words in coded]


def test_a_photograph_is_of_the_modality_that_dicom_has_for_it() -> None:
    assert _meanings("ExternalCameraPhotography", "DCM") == {"XC": "External-camera Photography"}


def test_every_place_of_the_body_map_but_groin_and_hip_has_a_code() -> None:
    without = [code for code, site in SITES.items() if "coding" not in (body_site(site.english) or {})]

    assert without == ["front_hip_right", "front_hip_left"]


def test_words_of_somebodys_own_have_no_code_and_no_place_is_none() -> None:
    assert body_site("behind the knee") == {"text": "behind the knee"}
    assert body_site(" ") is None
