"""Files of a case: the picture that the next one should look like, and what a receiver or a FHIR server would get."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from flask import Blueprint, Response, send_file

from skinseg_demo.fhir.bundle import CONTENT_TYPE, case_bundle
from skinseg_demo.fhir.files import inlined
from skinseg_demo.following.visit_story import ghost_of, stories_of
from skinseg_demo.security.roles import current_phone, for_phones
from skinseg_demo.sending.packages import Package, write_package
from skinseg_demo.services import services
from skinseg_demo.store import Store
from skinseg_demo.store.picture_files import refusing_disk
from skinseg_edge.errors import FileMissing

__all__ = ["blueprint", "export", "export_fhir", "ghost"]

blueprint = Blueprint("case_files", __name__)


@blueprint.get("/cases/<case_id>/ghost.jpg")
@for_phones
def ghost(case_id: str) -> Response:
    """Send the close-up that the next one should look like, for the camera to lay over its picture.

    Raises FileMissing if there is no such case, or it has no close-up that can be used.
    """
    store = services().store
    store.cases.get(case_id)
    picture = ghost_of(stories_of(store, case_id))
    if picture is None:
        raise FileMissing("cannot show an earlier picture: this case has no close-up yet; take the first one without")
    return send_file(store.pictures.file(picture.id, "working"), mimetype="image/jpeg", etag=False, conditional=False)


@blueprint.get("/cases/<case_id>/export.zip")
@for_phones
def export(case_id: str) -> Response:
    """Send the case as the package that a receiver would get.

    Raises FileMissing if there is no such case, DeviceUnready if the disk is full.
    """
    store = services().store
    store.cases.get(case_id)
    with refusing_disk("export the case"), TemporaryDirectory(prefix=".export-", dir=store.folder) as folder:
        package = _packed(store, case_id, Path(folder) / "case.zip")
        stream = package.path.open("rb")  # lives on without its name
    return _download(case_id, stream, "application/zip", package.name)


@blueprint.get("/cases/<case_id>/fhir.json")
@for_phones
def export_fhir(case_id: str) -> Response:
    """Send the case as a FHIR bundle with its photos and reports in it.

    Raises FileMissing if there is no such case, DeviceUnready if the disk is full.
    """
    store = services().store
    case = store.cases.get(case_id)
    with refusing_disk("export the case"), TemporaryDirectory(prefix=".export-", dir=store.folder) as folder:
        bundle, path = case_bundle(store, case), Path(folder) / "case.json"
        with path.open("wb") as whole:
            whole.writelines(inlined(bundle.document, bundle.open_file))
        stream = path.open("rb")  # lives on without its name
    return _download(case_id, stream, CONTENT_TYPE, f"case-{case.number}.fhir.json")


def _packed(store: Store, case_id: str, path: Path) -> Package:
    """Write the package; Raises FileMissing if the case is deleted meanwhile, which is no fault of the disk."""
    try:
        return write_package(store, case_id, path)
    except FileNotFoundError:
        store.cases.get(case_id)
        raise


def _download(case_id: str, stream: BinaryIO, content_type: str, name: str) -> Response:
    """Send an open file, which is closed afterwards, and write it down."""
    store = services().store
    with store.database.writing() as connection:
        store.audit.record(connection, who=current_phone().id, what="case exported", case_id=case_id)
    answer = send_file(stream, content_type, as_attachment=True, download_name=name)
    answer.content_length = os.fstat(stream.fileno()).st_size
    return answer
