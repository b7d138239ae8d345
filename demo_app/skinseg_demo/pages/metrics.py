"""/metrics for Prometheus, to programs on the box itself alone."""

from flask import Blueprint, Flask, Response
from flask.blueprints import BlueprintSetupState

from skinseg_demo.monitoring.box_health import look_at
from skinseg_demo.monitoring.exposition import CONTENT_TYPE, text_of
from skinseg_demo.monitoring.gauges import families_of
from skinseg_demo.monitoring.meters import add_meters, meters
from skinseg_demo.refusals import Refused
from skinseg_demo.security.roles import is_at_the_box, open_to_all
from skinseg_demo.services import services

__all__ = ["blueprint", "metrics"]

blueprint = Blueprint("metrics", __name__)


@blueprint.record_once
def _measure(state: BlueprintSetupState) -> None:
    app = state.app
    assert isinstance(app, Flask)
    add_meters(app)


@blueprint.get("/metrics")
@open_to_all
def metrics() -> Response:
    """Show how the box is and what it did, with no word of a patient.

    Raises Refused with 403 if the caller is not on the box.
    """
    if not is_at_the_box():
        raise Refused(
            403, "NotAtTheBox", "cannot show the box's figures: they are for programs on the box; ask its localhost"
        )
    page = text_of((*families_of(look_at(services())), *meters().families()))
    return Response(page, content_type=CONTENT_TYPE)
