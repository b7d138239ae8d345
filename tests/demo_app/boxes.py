"""A store with something in it, for tests: bytes that stand for pictures, cases that may be sent."""

import hashlib

from skinseg_demo.store import Store
from skinseg_demo.store.cases import Case
from skinseg_demo.store.pictures import Picture

__all__ = ["add_case", "add_picture"]

RESULT: dict[str, object] = {"schema": "skinseg.demo.result/1", "outlines": [[[0.1, 0.2], [0.3, 0.2], [0.3, 0.4]]]}


def add_picture(
    store: Store, visit_id: str | None = None, *, original: bytes = b"a photo", sha256: str = ""
) -> Picture:
    """Keep a picture whose bytes are *original*."""
    return store.pictures.add(
        visit_id,
        "closeup",
        original=original,
        extension="jpg",
        sha256=sha256 or hashlib.sha256(original).hexdigest(),
        received_sha256=hashlib.sha256(b"with its metadata").hexdigest(),
        hw=(60, 80),
        working_jpeg=b"smaller",
        mask_png=b"mask",
        result=RESULT,
        verdict="good",
        sent_anyway=False,
    )


def add_case(store: Store, *, is_sendable: bool = True, **fields: object) -> Case:
    """Begin a case with a visit, a picture and, if it is to be sent, the consent to care."""
    case = store.cases.create(fields)
    add_picture(store, store.visits.add(case.id).id, original=f"photo of {case.id}".encode())
    if is_sendable:
        store.consents.record(case.id, "care", True, who="Nurse Njeri")
    return store.cases.get(case.id)
