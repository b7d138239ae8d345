"""A FHIR server over real TLS, small but strict: it validates what comes and keeps it as a server does."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fhir.resources.R4B.bundle import Bundle

from tests.demo_app.sending.receivers import Receiver, Request

__all__ = ["FhirServer"]


@dataclass
class FhirServer(Receiver):
    """*kept*: resources by the query that finds them; *versions*: how often each was written; *scripted*: as told."""

    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    scripted: bool = False

    def __post_init__(self) -> None:
        self.status = 200
        self.headers = {"Content-Type": "application/fhir+json; charset=utf-8"}

    def answer_to(self, request: Request) -> bytes:
        """Store a transaction and answer with what became of each entry."""
        if self.scripted:
            return self.answer
        assert request.content_type == "application/fhir+json"
        document = json.loads(request.body)
        Bundle.model_validate(document)
        assert document["type"] == "transaction"
        assert all("data" in each for each in _attachments(document))  # nothing leads elsewhere
        done = [{"response": {"status": self._store(entry)}} for entry in document["entry"]]
        return json.dumps({"resourceType": "Bundle", "type": "transaction-response", "entry": done}).encode()

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """Return what is kept of one type."""
        return [resource for query, resource in self.kept.items() if query.startswith(f"{kind}?")]

    def _store(self, entry: Mapping[str, Any]) -> str:
        request, resource = entry["request"], entry["resource"]
        query = request["url"] if request["method"] == "PUT" else f"{request['url']}?{request['ifNoneExist']}"
        _, _, named = query.partition("?identifier=")
        system, _, value = named.partition("%7C")
        assert {"system": system, "value": value} in resource["identifier"]
        was_there = query in self.kept
        if not was_there or request["method"] == "PUT":
            self.kept[query] = resource
            self.versions[query] = self.versions.get(query, 0) + 1
        return "200 OK" if was_there else "201 Created"


def _attachments(value: object) -> list[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        own = [value] if "contentType" in value else []
        return own + [each for child in value.values() for each in _attachments(child)]
    return [each for child in value for each in _attachments(child)] if isinstance(value, list) else []
