"""That a request which changes something was sent by our own page.

Three independent signs: the token that only our pages hold, the Origin header, and Sec-Fetch-Site where a browser sends
it; the cookie's SameSite=Strict stands behind them.
"""

import hashlib
import hmac

from flask import g, request

from skinseg_demo.config import DemoConfig
from skinseg_demo.refusals import Refused
from skinseg_demo.security.sessions import session_secret

__all__ = ["CSRF_FIELD", "CSRF_HEADER", "check_csrf", "csrf_token"]

CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf"

_SAFE = {"GET", "HEAD", "OPTIONS"}
_OWN_SITES = {"same-origin", "none"}
_FORM = "application/x-www-form-urlencoded"
_MOST_FORM_BYTES = 64_000  # MAX_FORM_MEMORY_SIZE holds for multipart forms alone (werkzeug 3.1)
# Pairing makes the session that a token would be derived from, and a language is chosen before it, too. The Origin of
# both is checked like any other's.
_WITHOUT_TOKEN = {"pairing.pair", "language.choose"}


def csrf_token(config: DemoConfig) -> str:
    """Return the token of this session for a page; empty where nobody is paired."""
    secret = session_secret(config)
    if secret is None or g.get("phone") is None:
        return ""
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()


def check_csrf(config: DemoConfig) -> None:
    """Check a request that may change something; g.phone is set already.

    A form without files may be 64 kB long; reading a longer one is answered with 413.

    Raises Refused with 403 if it comes from another site, or without the token of its session.
    """
    if request.method in _SAFE:
        return
    _check_origin(config)
    if request.mimetype == _FORM:
        request.max_content_length = _MOST_FORM_BYTES
    if request.endpoint in _WITHOUT_TOKEN:
        return
    sent = request.headers.get(CSRF_HEADER) or request.form.get(CSRF_FIELD, "")
    expected = csrf_token(config)
    if not expected or not hmac.compare_digest(sent.encode(), expected.encode()):
        raise Refused(
            403,
            "CsrfMissing",
            "cannot do this: the request came without the sign of our own page; load the page again and repeat it",
        )


def _check_origin(config: DemoConfig) -> None:
    site = request.headers.get("Sec-Fetch-Site")
    if request.headers.get("Origin") != f"{config.scheme}://{request.host}" or site not in {*_OWN_SITES, None}:
        raise Refused(
            403,
            "ForeignPage",
            "cannot do this: the request came from another site than this box; open the box's own page",
        )
