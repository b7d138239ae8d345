"""Whether the box lives, and whether it can take a picture now; for systemd, a load balancer or a curious admin."""

from flask import Blueprint, Response, jsonify

from skinseg_demo.monitoring.box_health import checks_of
from skinseg_demo.security.roles import open_to_all
from skinseg_demo.services import services

__all__ = ["blueprint", "healthz", "readyz"]

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@open_to_all
def healthz() -> Response:
    """Answer 200 while the process answers at all."""
    return jsonify({"ok": True})


@blueprint.get("/readyz")
@open_to_all
def readyz() -> Response:
    """Answer 200 if a picture can be taken and outlined, else 503 with what is in the way."""
    checks = checks_of(services())
    response = jsonify({"ok": all(checks.values()), "checks": checks})
    if not all(checks.values()):
        response.status_code = 503
        response.headers["Retry-After"] = "5"
    return response
