"""A case as one ZIP that a receiver can read without us, and that is the same bytes each time it is made.

case.json                                  "skinseg.demo.case/1"
fhir.json                                  the same as a FHIR R4 collection; its attachments lead to the files beside it
pictures/<id>/original.<ext>, working.jpg, mask.png, overlay.jpg (where one was made)
reports/<visit id>.pdf
"""

import shutil
import zipfile
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from skinseg_demo.fhir.bundle import case_bundle
from skinseg_demo.store import Store
from skinseg_demo.store.backup import digest_of
from skinseg_demo.store.cases import Case
from skinseg_demo.store.clock import text_from_time
from skinseg_demo.store.pictures import Picture
from skinseg_demo.store.visits import Visit
from skinseg_edge.strict_json import canonical_bytes

__all__ = ["SCHEMA", "WORDING", "Package", "case_document", "write_package"]

SCHEMA = "skinseg.demo.case/1"
WORDING = "A measuring aid, not a diagnosis. Refer a changing, bleeding or worrying lesion whatever this screen shows."

_CASE_FIELDS = (
    "id",
    "number",
    "body_site",
    "body_view",
    "body_x",
    "body_y",
    "skin_type",
    "history",
    "checklist",
    "note",
    "created_at",
    "updated_at",
)


@dataclass(frozen=True)
class Package:
    """A ZIP at *path* of *size* bytes. *revision*, *changed_at*: of the case when it was packed."""

    path: Path
    case_id: str
    number: str
    revision: int
    changed_at: datetime
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """A file name that tells it from every other package, such as "case-2026-0001-0123456789ab.zip"."""
        return f"case-{self.number}-{self.sha256[:12]}.zip"


def write_package(store: Store, case_id: str, path: Path) -> Package:
    """Write the package of a case to *path*, over what is there; the same case gives the same bytes.

    Raises FileMissing if there is no such case, FileNotFoundError if it is deleted meanwhile.
    """
    case = store.cases.get(case_id)  # first: a change from here on shows in its revision
    document, bundle = case_document(store, case), case_bundle(store, case)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        path.chmod(0o600)
        archive.writestr(_info("case.json"), canonical_bytes(document))
        archive.writestr(_info("fhir.json"), canonical_bytes(bundle.document))
        for name, report in bundle.reports.items():
            archive.writestr(_info(name), report)
        for picture in store.pictures.of_case(case_id):
            for name in store.pictures.names(picture.id):
                source = store.folder / "pictures" / picture.id / name
                info = _info(f"pictures/{picture.id}/{name}")
                info.file_size = source.stat().st_size
                with source.open("rb") as read, archive.open(info, "w") as write:
                    shutil.copyfileobj(read, write, 1 << 20)
    with path.open("rb") as stream:
        size, sha256 = digest_of(iter(lambda: stream.read(1 << 20), b""))
    return Package(path, case.id, case.number, case.revision, case.updated_at, size, sha256)


def case_document(store: Store, case: Case) -> dict[str, object]:
    """Return what case.json says of a case: what was written, consented, photographed, outlined and corrected."""
    told = {name: value for name, value in asdict(case).items() if name in _CASE_FIELDS}
    consents = [
        {"kind": one.kind, "is_given": one.is_given, "who": one.who, "at": text_from_time(one.at)}
        for one in store.consents.of_case(case.id)
    ]
    return {
        "schema": SCHEMA,
        "wording": WORDING,
        "case": told | {"created_at": text_from_time(case.created_at), "updated_at": text_from_time(case.updated_at)},
        "consents": consents,
        "visits": [_visit_document(store, visit) for visit in store.visits.of_case(case.id)],
    }


def _visit_document(store: Store, visit: Visit) -> dict[str, object]:
    pictures = [_picture_document(store, picture) for picture in store.pictures.of_visit(visit.id)]
    return {"id": visit.id, "made_at": text_from_time(visit.made_at), "pictures": pictures}


def _picture_document(store: Store, picture: Picture) -> dict[str, object]:
    corrections = [
        {"kind": one.kind, "polygons": one.polygons, "made_at": text_from_time(one.made_at)}
        for one in store.corrections.of_picture(picture.id)
    ]
    return {
        "id": picture.id,
        "role": picture.role,
        "files": [f"pictures/{picture.id}/{name}" for name in store.pictures.names(picture.id)],
        "sha256": picture.sha256,
        "received_sha256": picture.received_sha256,
        "received_at": text_from_time(picture.received_at),
        "photo_hw": list(picture.hw),
        "quality_verdict": picture.quality_verdict,
        "sent_anyway": picture.sent_anyway,
        "result": picture.result,
        "corrections": corrections,
    }


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)  # of 1 January 1980, whenever it is made
    info.create_system = 3
    info.external_attr = 0o600 << 16
    return info
