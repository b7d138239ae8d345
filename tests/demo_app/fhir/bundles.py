"""What tests look for in a bundle."""

from collections.abc import Iterator, Mapping
from typing import Any

from fhir.resources.R4B.bundle import Bundle

__all__ = ["by_status", "figure", "keys_of", "resources", "valid"]

Resource = dict[str, Any]


def valid(document: Mapping[str, object]) -> Mapping[str, object]:
    """Return a bundle that holds to FHIR's schema; R4B's, which has these resources as R4 does.

    The models take empty lists and texts, which FHIR knows none of.
    """
    Bundle.model_validate(document)
    assert not list(_empty(document, "Bundle"))
    return document


def resources(document: Mapping[str, Any], kind: str) -> list[Resource]:
    """Return the resources of one type."""
    return [entry["resource"] for entry in document["entry"] if entry["resource"]["resourceType"] == kind]


def by_status(document: Mapping[str, Any], status: str) -> list[Resource]:
    """Return the observations of one status."""
    return [each for each in resources(document, "Observation") if each["status"] == status]


def figure(observations: list[Resource], name: str) -> list[tuple[float, str]]:
    """Return values and units of the figures of one name."""
    found = [each for each in observations if each["code"]["coding"][0]["code"] == name]
    return [(each["valueQuantity"]["value"], each["valueQuantity"]["code"]) for each in found]


def keys_of(value: object) -> Iterator[str]:
    """Return every key of a document."""
    if isinstance(value, Mapping):
        yield from value
        for child in value.values():
            yield from keys_of(child)
    for child in value if isinstance(value, list) else ():
        yield from keys_of(child)


def _empty(value: object, path: str) -> Iterator[str]:
    if value in (None, "", [], {}):
        yield path
    for key, child in value.items() if isinstance(value, Mapping) else ():
        yield from _empty(child, f"{path}.{key}")
    for place, child in enumerate(value) if isinstance(value, list) else ():
        yield from _empty(child, f"{path}[{place}]")
