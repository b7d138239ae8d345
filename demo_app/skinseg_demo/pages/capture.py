"""Taking a picture: the two doors (the phone's own camera, the guided one) and the guided camera's page."""

from dataclasses import dataclass

from flask import Blueprint, render_template, request

from skinseg_demo.pages.care import check_care
from skinseg_demo.security.roles import for_phones
from skinseg_demo.store.pictures import PictureRole
from skinseg_runtime.quality.limits import CHECKS

__all__ = ["LOOSE", "CaptureTask", "blueprint", "camera", "doors"]

blueprint = Blueprint("capture", __name__)

_LEAST_SHARPNESS = next(check.usable for check in CHECKS if check.figure == "sharpness")


@dataclass(frozen=True)
class CaptureTask:
    """What the next picture is for. *case*: the id of its case; None for a picture that belongs to none yet."""

    case: str | None
    role: PictureRole


LOOSE = CaptureTask(None, "closeup")


@blueprint.get("/capture")
@for_phones
def doors() -> str:
    """Show both ways of taking a picture for the case and role in the address.

    Raises FileMissing if there is no such case, Refused with 409 if it has no consent to care.
    """
    return render_template("capture/doors_page.html", task=_task())


@blueprint.get("/camera")
@for_phones
def camera() -> str:
    """Show the guided camera for the case and role in the address.

    Raises FileMissing if there is no such case, Refused with 409 if it has no consent to care.
    """
    return render_template("capture/camera.html", task=_task(), sharpness=_LEAST_SHARPNESS)


def _task() -> CaptureTask:
    case = request.args.get("case") or None
    if case is not None:
        check_care(case)
    return CaptureTask(case, "overview" if request.args.get("role") == "overview" else "closeup")
