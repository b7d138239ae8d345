"""Cases with drawn lesions whose results were really measured: visits of one lesion that grew, or did not."""

import hashlib
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_demo.body_sites import SITES
from skinseg_demo.pictures.polygons import mask_outlines, on_screen
from skinseg_demo.store import Store
from skinseg_demo.store.pictures import Picture, PictureRole
from skinseg_edge.datasets.synthetic_lesions import Scene, draw
from skinseg_runtime.measurements import measure, scale_from_mm_per_px
from tests.demo_app.browsers import HandClock

__all__ = ["add_drawn", "followed_case", "result_of", "waiting_case"]

_HW = (240, 320)
_MM_PER_PX = 0.08


def add_drawn(
    store: Store,
    visit_id: str | None,
    role: PictureRole = "closeup",
    *,
    share: float = 0.06,
    has_scale: bool = True,
    error: float = 0.03,
    changes: Mapping[str, object] = MappingProxyType({}),
) -> Picture:
    """Keep a drawn picture.

    *share*: of the photo that is lesion. *error*: of the scale. *changes*: of its result.
    """
    jpeg, mask = _drawn(share)
    return store.pictures.add(
        visit_id,
        role,
        original=jpeg,
        extension="jpg",
        sha256=hashlib.sha256(jpeg).hexdigest(),
        received_sha256=hashlib.sha256(jpeg).hexdigest(),
        hw=_HW,
        working_jpeg=jpeg,
        mask_png=cv2.imencode(".png", mask.astype(np.uint8) * 255)[1].tobytes(),
        result=result_of(mask, error if has_scale else None) | dict(changes),
        verdict="good",
        sent_anyway=False,
    )


def followed_case(store: Store, clock: HandClock) -> str:
    """Keep a case of four visits, 40 days apart, that was sent and answered; return its id."""
    site = SITES["front_forearm_left"]
    place = {"body_site": site.english, "body_view": site.view, "body_x": site.x, "body_y": site.y}
    case = store.cases.create(
        place | {"history": {"grown": True, "bled": False}, "skin_type": "IV", "note": "Dark rim."}
    )
    store.consents.record(case.id, "care", True, who="NN")
    for share, has_scale in ((0.05, True), (0.052, True), (0.06, False), (0.1, True)):
        visit = store.visits.add(case.id)
        add_drawn(store, visit.id, "overview", share=0.01)
        add_drawn(store, visit.id, share=share, has_scale=has_scale)
        clock.wind(days=40)
    store.outbox.queue(case.id)
    store.outbox.mark_sent(case.id, "a" * 64)
    store.replies.add(case.id, "Please refer within two weeks.", author="Dr Okoth")
    return case.id


def waiting_case(store: Store, clock: HandClock) -> str:
    """Keep a case that could not be sent for three hours; return its id."""
    case = store.cases.create({"body_site": "right cheek"})
    store.consents.record(case.id, "care", True, who="NN")
    add_drawn(store, store.visits.add(case.id).id)
    store.outbox.queue(case.id)
    clock.wind(hours=3)
    store.outbox.mark_failed(case.id, "the receiver cannot be reached: no route to host; it is tried again")
    return case.id


def result_of(mask: NDArray[np.bool_], error: float | None) -> dict[str, object]:
    """Return the document of a mask, (H, W) bool; *error*: of the scale, None without one."""
    scale = None if error is None else scale_from_mm_per_px(_MM_PER_PX, relative_error=error)
    lesions = measure(mask, scale=scale)
    wider, narrower = (_grown(mask, by) for by in (1, -1))
    return {
        "schema": "skinseg.demo.result/1",
        "photo_hw": list(mask.shape),
        "outlines": on_screen([lesion.polygon for lesion in lesions], (mask.shape[0], mask.shape[1])),
        "band": {
            "margin": 0.2,
            "inner": on_screen(mask_outlines(narrower), (mask.shape[0], mask.shape[1])),
            "outer": on_screen(mask_outlines(wider), (mask.shape[0], mask.shape[1])),
        },
        "lesions": [{name: value for name, value in each.to_json().items() if name != "polygon"} for each in lesions],
        "scale": None if scale is None else scale.to_json(),
        "scale_why": None if scale else "the card is not in the picture",
        "quality": {"verdict": "good", "findings": [], "figures": {}},
        "model": {"name": "scsonet", "version": "1", "engine": "onnxruntime-cpu"},
        "ms": {"whole": 100.0, "engine": 40.0},
    }


@cache
def _drawn(share: float) -> tuple[bytes, NDArray[np.bool_]]:
    """Return a photo as JPEG and its mask, (H, W) bool."""
    made = draw(11, _HW, Scene(fitzpatrick=3, area_fraction=share))
    jpeg = cv2.imencode(".jpg", cv2.cvtColor(made.photo, cv2.COLOR_RGB2BGR))[1].tobytes()
    return jpeg, made.mask


def _grown(mask: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    change = cv2.dilate if by > 0 else cv2.erode
    return change(mask.view(np.uint8), np.ones((3, 3), np.uint8)).astype(np.bool_)
