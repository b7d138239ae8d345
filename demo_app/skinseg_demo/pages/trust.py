"""How to trust the box: its CA as a file, and the steps on an iPhone and on an Android phone.

The plain port shows the same (`serving.trust_listener`); here it is for a phone that came past the warning, or for a
print-out.
"""

from flask import Blueprint, Response, render_template

from skinseg_demo.refusals import Refused
from skinseg_demo.security.roles import open_to_all
from skinseg_demo.services import services
from skinseg_demo.serving.local_ca import ca_file, fingerprint
from skinseg_demo.serving.trust_listener import CERTIFICATE_TYPE

__all__ = ["blueprint", "certificate", "steps"]

blueprint = Blueprint("trust", __name__)


@blueprint.get("/trust")
@open_to_all
def steps() -> str:
    """Show the steps.

    Raises Refused with 404 if this box has no CA of its own.
    """
    _check_ca()
    return render_template("trust.html", https="", fingerprint=fingerprint(services().config))


@blueprint.get("/trust/skinseg-ca.crt")
@open_to_all
def certificate() -> Response:
    """Send the CA's certificate (DER), which phones offer to install.

    Raises Refused with 404 if this box has none of its own.
    """
    _check_ca()
    return Response(ca_file(services().config).read_bytes(), mimetype=CERTIFICATE_TYPE)


def _check_ca() -> None:
    config = services().config
    if config.tls != "local-ca" or not ca_file(config).is_file():
        raise Refused(404, "NoCertificate", "cannot show a certificate: this box made none; ask who set it up")
