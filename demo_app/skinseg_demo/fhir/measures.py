"""Observations: what was measured on an outline, a figure each, with its unit, its range and who drew the outline.

No figure is interpreted: there is no reference range, no code of a finding, no total.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from skinseg_demo.fhir.body_codes import SNOMED_CT
from skinseg_demo.fhir.names import Entry, identifier, reference
from skinseg_demo.fhir.outlines import OutlineVersion
from skinseg_demo.fhir.words import Coding, coding, concept, narrative, notes
from skinseg_demo.json_values import mapping_of, number_of, pair_of, text_of
from skinseg_demo.store.clock import text_from_time

__all__ = ["MEASURES", "Measure", "Photographed", "measure_entries"]

_UCUM = "http://unitsofmeasure.org"
_CATEGORY = coding("http://terminology.hl7.org/CodeSystem/observation-category", "imaging", "Imaging")


@dataclass(frozen=True)
class Measure:
    """A figure of a lesion.

    *power*: of the length in it, 0 for a ratio. *snomed_ct*: code and words, where they mean this.
    """

    name: str
    words: str
    power: int
    snomed_ct: tuple[str, str] | None = None

    @property
    def in_mm(self) -> str:
        """The field of a result that holds it in mm or mm2."""
        return f"{self.name}_mm2" if self.power == 2 else f"{self.name}_mm"

    @property
    def code(self) -> dict[str, object]:
        """What is measured."""
        own = coding("measure", self.name, self.words)
        known: list[Coding] = [] if self.snomed_ct is None else [coding(SNOMED_CT, *self.snomed_ct)]
        return concept(self.words, own, *known)


MEASURES = (
    Measure("area", "Area of the outlined region", 2, ("42798000", "Area")),
    Measure("max_diameter", "Largest diameter of the outlined region", 1, ("81827009", "Diameter")),
    Measure("min_diameter", "Smallest diameter of the outlined region", 1),
    Measure("perimeter", "Perimeter of the outlined region", 1, ("131191004", "Perimeter")),
    Measure("compactness", "Compactness of the outlined region, P^2 / (4 pi A)", 0),
    Measure("asymmetry", "Asymmetry of the outlined region, its share without a counterpart when folded", 0),
)
"""What is told of a lesion. The smallest diameter has no code of SNOMED CT: its "Short axis" is another one."""


@dataclass(frozen=True)
class Photographed:
    """What all figures of a photo share.

    *number*: of the case. *network*: None where the result does not name it. *engine*: what ran it.
    """

    photo: Entry
    picture_id: str
    taken_at: str
    subject: dict[str, object]
    number: str
    body_site: dict[str, object] | None
    network: Entry | None
    engine: str


def measure_entries(of: Photographed, version: OutlineVersion) -> Iterator[Entry]:
    """Return the figures of one version of the outlines of a photo."""
    for place, lesion in enumerate(version.lesions, 1):
        for measure in MEASURES:
            quantity = _quantity(measure, lesion)
            if quantity is not None:
                name = f"{of.picture_id}.{version.name}.{place}.{measure.name}"
                resource = _observation(of, version, measure, lesion, place) | {"valueQuantity": quantity}
                yield Entry("measure", name, resource | {"identifier": [identifier("measure", name)]})


def _observation(
    of: Photographed, version: OutlineVersion, measure: Measure, lesion: Mapping[str, object], place: int
) -> dict[str, object]:
    """Return the resource less its value and identifier; *place*: of the lesion, from 1."""
    told = [*_about_outline(of, version, place), *_about_figure(measure, lesion, version)]
    resource: dict[str, object] = {
        "resourceType": "Observation",
        "text": narrative(f"Case {of.number}: {measure.words.lower()}, {_shown(measure, lesion)}.", *told),
        "status": _status(version),
        "category": [concept("Imaging", _CATEGORY)],
        "code": measure.code,
        "subject": of.subject,
        "effectiveDateTime": of.taken_at,
        "issued": text_from_time(version.made_at),
        "method": concept(_method(of, version)),
        "derivedFrom": [reference(of.photo)],
    }
    if told:  # FHIR knows no empty list
        resource["note"] = notes(told)
    if of.body_site is not None:
        resource["bodySite"] = of.body_site
    if of.network is not None and version.drawn_by == "network":
        resource["device"] = reference(of.network)
    ends = _ends(measure, lesion)
    return resource | ({"component": ends} if ends else {})


def _status(version: OutlineVersion) -> str:
    """Return whether the figure holds, and whether a person stands behind its outline."""
    if not version.holds:
        return "entered-in-error"
    return "final" if version.drawn_by == "hand" else "preliminary"


def _method(of: Photographed, version: OutlineVersion) -> str:
    if version.drawn_by == "hand":
        return "Measured on an outline that a person drew by hand"
    return "Measured on an outline that a network drew" + (f" ({of.engine})" if of.engine else "")


def _about_outline(of: Photographed, version: OutlineVersion, place: int) -> Iterator[str]:
    if version.drawn_by == "hand":
        yield "The outline was corrected by hand; the network's was withdrawn."
    if not version.holds:
        yield "Withdrawn: a person said that this outline is wrong, or drew another one."
    if len(version.lesions) > 1:
        yield f"Region {place} of {len(version.lesions)} on this photo, counted from the largest."


def _about_figure(measure: Measure, lesion: Mapping[str, object], version: OutlineVersion) -> Iterator[str]:
    if lesion.get("touches_border") is True:
        yield "The region touches the border of the photo: the lesion may be larger."
    if measure.name == "perimeter" and text_of(lesion.get("perimeter_estimator")):
        yield f"Estimator of the perimeter: {lesion['perimeter_estimator']}; it cannot be compared with another one's."
    if measure.power and number_of(lesion.get(measure.in_mm)) is None:
        yield f"In pixels: {version.scale_why or 'no scale is known'}."
    elif measure.power:
        source = text_of(mapping_of(lesion.get("scale")).get("source"))
        yield f"Scale: {source or 'unknown source'}."
        yield "The range is the scale's alone; what the outline is off comes on top."
        if version.scale_why:
            yield f"Of the scale: {version.scale_why}."


def _quantity(measure: Measure, lesion: Mapping[str, object]) -> dict[str, object] | None:
    """Return the figure with its unit: mm where they are known, else pixels; None if the result has none."""
    if measure.power == 0:
        value = number_of(lesion.get(measure.name))
        return None if value is None else {"value": value, "unit": "1", "system": _UCUM, "code": "1"}
    value = number_of(lesion.get(measure.in_mm))
    if value is not None:
        return _in_mm(measure, value)
    value = number_of(lesion.get(f"{measure.name}_px"))
    return None if value is None else {"value": value, "unit": "pixels", "system": _UCUM, "code": "{pixels}"}


def _in_mm(measure: Measure, value: float) -> dict[str, object]:
    unit = "mm2" if measure.power == 2 else "mm"
    return {"value": value, "unit": unit, "system": _UCUM, "code": unit}


def _ends(measure: Measure, lesion: Mapping[str, object]) -> list[dict[str, object]]:
    """Return the range of a figure in mm, and the scale's error, as components."""
    ends = pair_of(mapping_of(lesion.get("ranges")).get(measure.in_mm)) if measure.power else None
    error = number_of(mapping_of(lesion.get("scale")).get("relative_error"))
    if ends is None or error is None or not 0 <= error < 1:
        return []
    percent = {"value": round(100 * error, 2), "unit": "%", "system": _UCUM, "code": "%"}
    return [
        {"code": _part("low", "Lower end of the range"), "valueQuantity": _in_mm(measure, ends[0])},
        {"code": _part("high", "Upper end of the range"), "valueQuantity": _in_mm(measure, ends[1])},
        {"code": _part("scale_error", "Relative error of a length by the scale"), "valueQuantity": percent},
    ]


def _part(name: str, words: str) -> dict[str, object]:
    return concept(words, coding("part", name, words))


def _shown(measure: Measure, lesion: Mapping[str, object]) -> str:
    quantity = _quantity(measure, lesion) or {}
    unit = "" if measure.power == 0 else f" {quantity.get('unit')}"
    return f"{quantity.get('value'):g}{unit}"
