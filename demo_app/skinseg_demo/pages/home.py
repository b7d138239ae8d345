"""The first page: the doors of the demo on a paired phone, the QR code at the box, a hint for everybody else."""

from flask import Blueprint, g, render_template

from skinseg_demo.pages.capture import LOOSE
from skinseg_demo.security.roles import is_at_the_box, open_to_all
from skinseg_demo.services import services
from skinseg_demo.serving.local_ca import ca_file, fingerprint
from skinseg_demo.serving.pairing_code import pairing_address, trust_address
from skinseg_demo.serving.qr import svg_data_uri

__all__ = ["blueprint", "index"]

blueprint = Blueprint("home", __name__)

_RENEW_S = 100  # a code lives for 120 s


@blueprint.get("/")
@open_to_all
def index() -> str:
    """Show what the caller may do next."""
    if g.phone is not None and g.phone.role == "phone":
        return render_template("home.html", task=LOOSE)
    if g.phone is not None or is_at_the_box():
        return _code()
    return render_template("not_paired.html", ended=g.session_end)


def _code() -> str:
    box = services()
    has_ca = box.config.tls == "local-ca" and ca_file(box.config).is_file()
    address = pairing_address(box.config, box.pairing.offer().token)
    return render_template(
        "pair_code.html",
        code=svg_data_uri(address),
        address=address,
        renew_s=_RENEW_S,
        trust_address=trust_address(box.config),
        fingerprint=fingerprint(box.config) if has_ca else None,
    )
