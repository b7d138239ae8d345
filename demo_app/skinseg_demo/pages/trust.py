"""How to trust the box: its CA as a file, and the steps on an iPhone and on an Android phone."""

from flask import Blueprint, Response, render_template

from skinseg_demo.refusals import Refused
from skinseg_demo.security.roles import open_to_all
from skinseg_demo.services import services
from skinseg_demo.serving.local_ca import ca_file

__all__ = ["blueprint"]

blueprint = Blueprint("trust", __name__)


@blueprint.get("/trust")
@open_to_all
def steps() -> str:
    """Show the steps."""
    return render_template("trust.html")


@blueprint.get("/trust/skinseg-ca.crt")
@open_to_all
def certificate() -> Response:
    """Send the CA's certificate (DER), which phones offer to install.

    Raises Refused with 404 if this box has none of its own.
    """
    path = ca_file(services().config)
    if not path.is_file():
        raise Refused(404, "NoCertificate", "cannot show a certificate: this box made none; ask who set it up")
    return Response(path.read_bytes(), mimetype="application/x-x509-ca-cert")
