"""A receiver on the network: one POST a package, over TLS with a verified certificate.

    POST <address>
    Content-Type: application/zip
    Idempotency-Key: <SHA-256 of the body>

Any answer 200 to 299 that is no web page acknowledges. A package whose acknowledgement was lost comes again with the
same key. A clinic's own CA is named by the environment's SSL_CERT_FILE.
"""

import http.client
import re
import ssl
import time
from datetime import timedelta
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from skinseg_demo.sending.endpoints import NotSent
from skinseg_demo.sending.packages import Package
from skinseg_edge._version import __version__

__all__ = ["HttpsEndpoint"]

_SILENCE_S = 30.0  # of the network, at any point
_ANSWER_S = 30.0  # for the whole answer
_ANSWER_BYTES = 64_000
_OF_THIS_PACKAGE = {400, 409, 413, 415, 422}  # another one may be taken


class HttpsEndpoint:
    """Sends packages to an https address."""

    def __init__(self, address: str, *, context: ssl.SSLContext | None = None, silence_s: float = _SILENCE_S) -> None:
        """Send to *address*; *context* says whom to trust, by default as the system does."""
        self._address = address
        self._silence_s = silence_s
        # A redirect would turn the POST into a GET, and whatever page it finds into an acknowledgement.
        self._opener = build_opener(_NoRedirects(), HTTPSHandler(context=context or ssl.create_default_context()))

    def send(self, package: Package) -> None:
        """Post the package.

        Raises NotSent.
        """
        headers = {
            "Content-Type": "application/zip",
            "Content-Length": str(package.size),
            "Idempotency-Key": package.sha256,
            "User-Agent": f"skinseg-edge/{__version__}",
        }
        try:
            with package.path.open("rb") as body:
                request = Request(self._address, data=body, headers=headers, method="POST")  # is https
                with self._opener.open(request, timeout=self._silence_s) as answer:
                    _check_answer(answer)
        except HTTPError as error:
            with error:
                raise _refusal(error) from error
        except (OSError, http.client.HTTPException) as error:  # URLError, time-outs, TLS and half answers
            raise NotSent(f"the receiver cannot be reached: {_reason(error)}; it is tried again") from error


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow none: urllib then tells the answer as an error."""


def _check_answer(answer: "http.client.HTTPResponse") -> None:
    """Read the answer up to a limit; Raises NotSent if it is a web page, too long or too slow."""
    if answer.headers.get_content_type() == "text/html":
        raise NotSent("a web page answered, not a receiver of cases; look at the address of the endpoint")
    length, ends = 0, time.monotonic() + _ANSWER_S
    while piece := answer.read1(4096):
        length += len(piece)
        if length > _ANSWER_BYTES or time.monotonic() > ends:
            raise NotSent("the receiver's answer did not end; look at the address of the endpoint")


def _refusal(error: HTTPError) -> NotSent:
    return NotSent(
        f"the receiver answered {error.code} {error.reason or ''}".strip() + "; it is tried again",
        is_for_all=error.code not in _OF_THIS_PACKAGE,
        wait=_asked_wait(error.headers.get("Retry-After")),
    )


def _asked_wait(text: str | None) -> timedelta | None:
    return timedelta(seconds=int(text)) if text is not None and re.fullmatch("[0-9]{1,6}", text) else None


def _reason(error: Exception) -> str:
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({reason.verify_message})"
    return str(getattr(reason, "strerror", None) or reason or type(reason).__name__)
