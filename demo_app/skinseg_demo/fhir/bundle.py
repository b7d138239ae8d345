"""A case as a FHIR R4 bundle: its photos, a figure an Observation, the network, a report of each visit.

    Device            the network
    Media             a photo
    Observation       a figure of an outline, derived from its photo
    DocumentReference the report of a visit

No diagnosis is in it, and no Patient: see `names.subject_of`. docs/fhir.md tells what each field holds.
"""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from skinseg_demo.fhir.body_codes import body_site
from skinseg_demo.fhir.files import inlined
from skinseg_demo.fhir.measures import Photographed, measure_entries
from skinseg_demo.fhir.names import SYSTEM, Entry, identifier, subject_of
from skinseg_demo.fhir.outlines import versions_of
from skinseg_demo.fhir.photos import engine_words, network_entry, photo_entry
from skinseg_demo.fhir.reports import report_entry, report_name, report_of_visit
from skinseg_demo.json_values import mapping_of, mappings_of
from skinseg_demo.store import Store
from skinseg_demo.store.cases import Case
from skinseg_demo.store.clock import text_from_time
from skinseg_demo.store.pictures import Picture
from skinseg_edge.errors import InputError

__all__ = ["CONTENT_TYPE", "CaseBundle", "as_transaction", "bundle_of_case", "case_bundle"]

CONTENT_TYPE = "application/fhir+json"


@dataclass(frozen=True)
class CaseBundle:
    """A bundle whose attachments lead to files, and what makes it whole.

    *entries*: its resources. *reports*: PDFs by their names in the package; pictures lie in the store under theirs.
    """

    store: Store
    case: Case
    entries: tuple[Entry, ...]
    reports: Mapping[str, bytes]

    @property
    def document(self) -> dict[str, object]:
        """The bundle as a collection: for a file, and for whom no server waits."""
        written = [{"fullUrl": entry.full_url, "resource": entry.resource} for entry in self.entries]
        return {
            "resourceType": "Bundle",
            "identifier": identifier("case", self.case.id),
            "type": "collection",
            "timestamp": text_from_time(self.case.updated_at),
            **({"entry": written} if written else {}),  # FHIR knows no empty list
        }

    def open_file(self, name: str) -> IO[bytes]:
        """Open a file that the bundle leads to, by its name in the package.

        Raises OSError if it was deleted meanwhile.
        """
        report = self.reports.get(name)
        return (self.store.folder / name).open("rb") if report is None else io.BytesIO(report)


def bundle_of_case(store: Store, case_id: str) -> dict[str, object]:
    """Return a case as a transaction, with photos and reports in base64.

    Raises FileMissing if there is no such case, OSError if a picture cannot be read.
    """
    made = case_bundle(store, store.cases.get(case_id))
    document: dict[str, object] = json.loads(b"".join(inlined(as_transaction(made.document), made.open_file)))
    return document


def case_bundle(store: Store, case: Case) -> CaseBundle:
    """Return a case as a bundle whose attachments lead to the files of its package.

    The same case gives the same bundle.

    Raises FileMissing if the case was deleted meanwhile, OSError if a picture cannot be read.
    """
    subject, entries, reports = subject_of(case.id, case.number), dict[str, Entry](), dict[str, bytes]()
    consents = _consents(store, case.id)
    for visit in store.visits.of_case(case.id):
        pictures = store.pictures.of_visit(visit.id)
        of_visit = [entry for picture in pictures for entry in _of_picture(store, case, picture)]
        entries |= {entry.full_url: entry for entry in of_visit}
        report = report_of_visit(store, case, visit) if of_visit else None
        if report is not None:
            reports[report_name(visit)] = report
            about = [entry for entry in of_visit if _holds(entry)]
            made = report_entry(case, visit, report, subject, about, consents)
            entries[made.full_url] = made
    return CaseBundle(store, case, tuple(entries.values()), reports)


def as_transaction(collection: Mapping[str, object]) -> dict[str, object]:
    """Return a collection as `CaseBundle.document` makes it as the transaction that brings it to a server.

    Raises InputError if it is none of those.
    """
    entries = [
        {**entry, "request": _entry_from(mapping_of(entry.get("resource"))).request}
        for entry in mappings_of(collection.get("entry"))
    ]
    if not entries:
        raise InputError("cannot make a transaction: the bundle has no entry; take a picture first")
    return {**collection, "type": "transaction", "entry": entries}


def _of_picture(store: Store, case: Case, picture: Picture) -> Iterator[Entry]:
    """Return a photo, the network that outlined it, and, of a close-up, what was measured on each outline."""
    subject, site = subject_of(case.id, case.number), body_site(case.body_site)
    photo = photo_entry(picture, store.pictures.file(picture.id, "original"), subject, case.number, site)
    yield photo
    if picture.role != "closeup":
        return
    network = network_entry(picture)
    if network is not None:
        yield network
    of = Photographed(
        photo=photo,
        picture_id=picture.id,
        taken_at=text_from_time(picture.received_at),
        subject=subject,
        number=case.number,
        body_site=site,
        network=network,
        engine=engine_words(picture),
    )
    for version in versions_of(picture, store.corrections.of_picture(picture.id)):
        yield from measure_entries(of, version)


def _holds(entry: Entry) -> bool:
    """Answer whether an entry is a photo, or a figure that nobody withdrew."""
    return entry.kind == "photo" or (entry.kind == "measure" and entry.resource["status"] != "entered-in-error")


def _consents(store: Store, case_id: str) -> str:
    """Return which consents hold, in a sentence."""
    told = {kind: "given" if store.consents.holds(case_id, kind) else "not given" for kind in ("care", "teaching")}
    return f"Consent to care: {told['care']}; to teaching: {told['teaching']}."


def _entry_from(resource: Mapping[str, object]) -> Entry:
    """Return the entry of a resource: its first identifier names it; Raises InputError if it has none of ours."""
    name = next(mappings_of(resource.get("identifier")), {})
    kind, value = str(name.get("system")).removeprefix(f"{SYSTEM}/"), name.get("value")
    if not isinstance(value, str) or not isinstance(resource.get("resourceType"), str) or not kind.isalpha():
        raise InputError("cannot make a transaction: an entry has no name of this program; export the case again")
    return Entry(kind, value, dict(resource))
