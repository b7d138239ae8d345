"""Where a scanned code leads: a page that hands the token over once, and the answer that holds the session."""

from flask import Blueprint, Response, g, make_response, redirect, render_template, request

from skinseg_demo.refusals import Refused
from skinseg_demo.security.roles import current_phone, for_phones, open_to_all
from skinseg_demo.security.sessions import clear_cookie, set_cookie
from skinseg_demo.services import services

__all__ = ["blueprint", "leave", "pair", "scanned"]

blueprint = Blueprint("pairing", __name__)

_TOKEN_LETTERS = 26
_MOST_BYTES = 1000
_BROWSERS = ("iPhone", "iPad", "Android", "Macintosh", "Windows", "Linux")


@blueprint.get("/p")
@open_to_all
def scanned() -> str:
    """Show the page whose script takes the token out of the address and sends it to `pair`."""
    return render_template("pair.html")


@blueprint.post("/pair")
@open_to_all
def pair() -> Response:
    """Take {"token"} and answer 204 with the session's cookie.

    Raises Refused with 400 if there is no token, and what `Pairing.redeem` raises.
    """
    token = _token_sent()
    box = services()
    phone, secret = box.pairing.redeem(token, address=request.remote_addr or "", label=_label())
    if g.phone is not None:  # paired anew: its old session ends here
        box.store.phones.revoke(g.phone.id, who=phone.id)
    response = Response(status=204)
    set_cookie(response, box.config, secret)
    return response


@blueprint.post("/leave")
@for_phones
def leave() -> Response:
    """Log this phone off."""
    box = services()
    phone = current_phone()
    box.store.phones.revoke(phone.id, who=phone.id)
    response = make_response(redirect("/"))
    clear_cookie(response, box.config)
    return response


def _token_sent() -> str:
    request.max_content_length = _MOST_BYTES
    document = request.get_json(silent=True)
    token = document.get("token") if isinstance(document, dict) else None
    if not isinstance(token, str) or len(token) != _TOKEN_LETTERS:
        raise Refused(400, "TokenMissing", "cannot pair this phone: no code came; scan the code on the box again")
    return token


def _label() -> str:
    """Return a name for the admin page: only words of our own, since a browser may send anything."""
    agent = request.headers.get("User-Agent", "")
    return next((name for name in _BROWSERS if name in agent), "Browser")
