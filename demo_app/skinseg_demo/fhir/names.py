"""The names by which a server knows again what came from a case, and the references between its parts.

Every name hangs on ids of the store, so a bundle that is made twice is the same. The host of the systems ends in
".invalid": nobody can own it, and nothing is there to be looked up.
"""

from dataclasses import dataclass
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

__all__ = ["SYSTEM", "Entry", "identifier", "reference", "subject_of"]

SYSTEM = "https://skinseg.invalid/fhir"

_NAMESPACE = uuid5(NAMESPACE_URL, SYSTEM)


@dataclass(frozen=True)
class Entry:
    """A resource of a bundle.

    *kind*: of what it tells: "network", "photo", "measure" or "report". *value*: its name among those.
    """

    kind: str
    value: str
    resource: dict[str, object]

    @property
    def full_url(self) -> str:
        """Its name inside the bundle; in a transaction, the server puts its own in its place."""
        return f"urn:uuid:{uuid5(_NAMESPACE, f'{self.kind}|{self.value}')}"

    @property
    def request(self) -> dict[str, object]:
        """What a server should do: make it once, or bring it up to date."""
        resource_type = str(self.resource["resourceType"])
        query = f"identifier={quote(f'{SYSTEM}/{self.kind}|{self.value}', safe=':/')}"
        if self.kind == "network":  # the same for every case, and it never changes
            return {"method": "POST", "url": resource_type, "ifNoneExist": query}
        return {"method": "PUT", "url": f"{resource_type}?{query}"}


def identifier(kind: str, value: str) -> dict[str, object]:
    """Return the identifier of a part of a case."""
    return {"system": f"{SYSTEM}/{kind}", "value": value}


def reference(entry: Entry) -> dict[str, object]:
    """Return a reference to another entry of the same bundle."""
    return {"reference": entry.full_url}


def subject_of(case_id: str, number: str) -> dict[str, object]:
    """Return whom a case is about.

    It is no resource: the box knows nobody's name, and two cases may be of one person. Who receives a case knows whose
    it is, by its number.
    """
    return {"type": "Patient", "identifier": identifier("case", case_id), "display": f"Person of case {number}"}
