"""Photos as Media, and the network that outlined them as a Device."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from skinseg_demo.fhir.files import attachment
from skinseg_demo.fhir.names import Entry, identifier
from skinseg_demo.fhir.words import coding, concept, narrative, notes, plain
from skinseg_demo.json_values import mapping_of, mappings_of, text_of
from skinseg_demo.store.clock import text_from_time
from skinseg_demo.store.pictures import Picture

__all__ = ["engine_words", "network_entry", "photo_entry"]

_TYPE = coding("http://terminology.hl7.org/CodeSystem/media-type", "image", "Image")
_MODALITY = coding("http://dicom.nema.org/resources/ontology/DCM", "XC", "External-camera Photography")
_CONTENT_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_VIEWS = {"overview": "Overview from about 20 cm", "closeup": "Close-up"}


def photo_entry(
    picture: Picture, original: Path, subject: dict[str, object], number: str, body_site: dict[str, object] | None
) -> Entry:
    """Return a photo: the kept original, which is what the camera took less its hidden data.

    *original*: its file. *number*: of the case.

    Raises OSError if it cannot be read.
    """
    view = _VIEWS[picture.role]
    told = list(_about_quality(picture))
    taken_at = text_from_time(picture.received_at)
    resource: dict[str, object] = {
        "resourceType": "Media",
        "text": narrative(f"Case {number}: photo, {view.lower()}.", *told),
        "identifier": [identifier("photo", picture.id), identifier("sha256", picture.sha256)],
        "status": "completed",
        "type": concept("Image", _TYPE),
        "modality": concept("Photograph", _MODALITY),
        "view": concept(view, coding("view", picture.role, view)),
        "subject": subject,
        "createdDateTime": taken_at,
        "height": picture.hw[0],
        "width": picture.hw[1],
        "content": attachment(
            f"pictures/{picture.id}/{original.name}",
            original,
            content_type=_CONTENT_TYPES.get(picture.extension, "application/octet-stream"),
            title=f"Case {number}, {view.lower()}",
            made_at=picture.received_at,
        ),
        "note": notes(told),
    }
    return Entry("photo", picture.id, resource | ({} if body_site is None else {"bodySite": body_site}))


def _about_quality(picture: Picture) -> Iterator[str]:
    yield f"Picture quality, as a program judged it: {picture.quality_verdict or 'not judged'}."
    quality = mapping_of(picture.result.get("quality"))
    yield from filter(None, (text_of(finding.get("sentence")) for finding in mappings_of(quality.get("findings"))))
    if picture.sent_anyway:
        yield "A person kept this photo although the program advised to take another one."


def network_entry(picture: Picture) -> Entry | None:
    """Return the network that outlined a photo; None if its result names none."""
    model = mapping_of(picture.result.get("model"))
    name, version, sha256 = (plain(text_of(model.get(key)) or "") for key in ("name", "version", "bundle_sha256"))
    if not name:
        return None
    # A result without the hash of its bundle is told apart by what it says.
    value = sha256 or hashlib.sha256(f"{name}\n{version}".encode()).hexdigest()
    resource: dict[str, object] = {
        "resourceType": "Device",
        "text": narrative(f"The network {name} {version}, which outlines skin lesions on photos."),
        "identifier": [identifier("network", value)],
        "deviceName": [{"name": name, "type": "model-name"}],
        "type": concept("Program that outlines skin lesions on photos, for measuring"),
        "note": notes([f"SHA-256 of its bundle: {sha256 or 'not told'}."]),
    }
    versions = {"version": [{"value": version}]} if version else {}
    return Entry("network", value, resource | versions)


def engine_words(picture: Picture) -> str:
    """Return what ran the network, such as "onnxruntime-cpu fp32"; empty where the result does not say."""
    model = mapping_of(picture.result.get("model"))
    return plain(" ".join(filter(None, (text_of(model.get(key)) for key in ("engine", "precision")))))
