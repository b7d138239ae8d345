"""One POST over TLS with a verified certificate, and why it was not taken; what both receivers on the network share.

A clinic's own CA is named by the environment's SSL_CERT_FILE.
"""

import http.client
import re
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import BinaryIO
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from skinseg_demo.sending.endpoints import NotSent
from skinseg_edge._version import __version__

__all__ = ["Answer", "Poster", "Refusal"]

_SILENCE_S = 30.0  # of the network, at any point
_ANSWER_S = 30.0  # for the whole answer, once it begins
_ANSWER_BYTES = 64_000
_OF_THIS_PACKAGE = {400, 409, 412, 413, 415, 422}  # another one may be taken


@dataclass(frozen=True)
class Answer:
    """What a receiver says. *content_type*: such as "application/json"."""

    status: int
    content_type: str
    body: bytes


class Refusal(NotSent):
    """A package was refused; *answer*: the receiver's."""

    def __init__(self, message: str, answer: Answer, *, is_for_all: bool, wait: timedelta | None) -> None:
        super().__init__(message, is_for_all=is_for_all, wait=wait)
        self.answer = answer


class Poster:
    """Posts to https addresses; follows no redirect."""

    def __init__(self, context: ssl.SSLContext | None = None, *, silence_s: float = _SILENCE_S) -> None:
        """Trust as *context* says, by default as the system does."""
        self._silence_s = silence_s
        # A redirect would turn the POST into a GET, and whatever page it finds into an acknowledgement.
        self._opener = build_opener(_NoRedirects(), HTTPSHandler(context=context or ssl.create_default_context()))

    def post(
        self,
        address: str,
        body: BinaryIO | Iterable[bytes],
        size: int,
        headers: Mapping[str, str],
        *,
        most_bytes: int = _ANSWER_BYTES,
    ) -> Answer:
        """Post *body*, of *size* bytes, and return the answer of at most *most_bytes* that acknowledges it.

        Raises Refusal for an answer that is none of 200 to 299, NotSent if there is none, it is a web page, too long or
        too slow.
        """
        sent = {"Content-Length": str(size), "User-Agent": f"skinseg-edge/{__version__}", **headers}
        try:
            request = Request(address, data=body, headers=sent, method="POST")  # is https
            with self._opener.open(request, timeout=self._silence_s) as answer:
                return Answer(answer.status, answer.headers.get_content_type(), _read(answer, most_bytes))
        except HTTPError as error:
            with error:
                raise _refusal(error) from error
        except (OSError, http.client.HTTPException) as error:  # URLError, time-outs, TLS and half answers
            raise NotSent(f"the receiver cannot be reached: {_reason(error)}; it is tried again") from error
        except ValueError as error:  # letters that no request line and no name of a host can hold
            raise NotSent(f"the receiver's address cannot be used: {error}; look at it") from error


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow none: urllib then tells the answer as an error."""


def _read(answer: "http.client.HTTPResponse", most_bytes: int) -> bytes:
    """Read the answer up to a limit; Raises NotSent if it is a web page, too long or too slow."""
    if answer.headers.get_content_type() == "text/html":
        raise NotSent("a web page answered, not a receiver of cases; look at the address of the endpoint")
    pieces, length, ends = list[bytes](), 0, time.monotonic() + _ANSWER_S
    while piece := answer.read1(1 << 16):
        pieces.append(piece)
        length += len(piece)
        if length > most_bytes or time.monotonic() > ends:
            raise NotSent("the receiver's answer did not end; look at the address of the endpoint")
    return b"".join(pieces)


def _refusal(error: HTTPError) -> Refusal:
    return Refusal(
        f"the receiver answered {error.code} {error.reason or ''}".strip() + "; it is tried again",
        Answer(error.code, error.headers.get_content_type(), _beginning(error)),
        is_for_all=error.code not in _OF_THIS_PACKAGE,
        wait=_asked_wait(error.headers.get("Retry-After")),
    )


def _beginning(error: HTTPError) -> bytes:
    """Return the body of a refusal; what cannot be read of it explains nothing."""
    try:
        return _read(error.fp, _ANSWER_BYTES) if isinstance(error.fp, http.client.HTTPResponse) else b""
    except (OSError, http.client.HTTPException, NotSent):
        return b""


def _asked_wait(text: str | None) -> timedelta | None:
    return timedelta(seconds=int(text)) if text is not None and re.fullmatch("[0-9]{1,6}", text) else None


def _reason(error: Exception) -> str:
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({reason.verify_message})"
    return str(getattr(reason, "strerror", None) or reason or type(reason).__name__)
