"""Demo mode's page: drawn pictures to try instead of a camera's."""

from flask import Blueprint, Response, make_response, redirect, render_template, url_for

from skinseg_demo.demo_mode.drawn_lesions import DRAWN, DrawnPicture, drawn_jpeg, drawn_named
from skinseg_demo.demo_mode.keeping import keep_drawn
from skinseg_demo.pages.pictures import outlining
from skinseg_demo.refusals import Refused
from skinseg_demo.security.rate_limits import rate_limited
from skinseg_demo.security.roles import current_phone, for_phones
from skinseg_demo.services import services
from skinseg_demo.waiting_line import QueueFull

__all__ = ["blueprint", "choose", "picture", "use"]

blueprint = Blueprint("demo", __name__)


@blueprint.get("/demo")
@for_phones
def choose() -> str:
    """Show the drawn pictures.

    Raises Refused with 404 if this box is no demo.
    """
    _check_demo()
    return render_template("demo/choose.html", drawn=DRAWN)


@blueprint.get("/demo/<name>.jpg")
@for_phones
def picture(name: str) -> Response:
    """Send a drawn picture. Raises Refused with 404 if there is none, or this box is no demo."""
    return Response(drawn_jpeg(_named(name)), mimetype="image/jpeg")


@blueprint.post("/demo/<name>")
@for_phones
@rate_limited("pictures", 20, 60)
def use(name: str) -> Response:
    """Outline a drawn picture as if it had been taken, and show its result.

    Raises Refused with 404 if there is none, with 503 if too many wait or the network is missing; EngineNotReady.
    """
    drawn, busy = _named(name), outlining()
    busy.check_ready()
    try:
        kept = keep_drawn(services().store, busy, drawn, who=current_phone().id)
    except QueueFull as error:
        raise Refused(503, "QueueFull", str(error), retry_after_s=error.retry_after_s) from error
    return make_response(redirect(url_for("result.show", picture_id=kept.id), 303))


def _named(name: str) -> DrawnPicture:
    _check_demo()
    found = drawn_named(name)
    if found is None:
        raise Refused(
            404, "PictureUnknown", "cannot find this drawn picture: there is none of its name; choose another"
        )
    return found


def _check_demo() -> None:
    if not services().config.is_demo:
        raise Refused(
            404, "NoDemo", "cannot show drawn pictures: this box is no demo; start it with skinseg-demo --demo"
        )
