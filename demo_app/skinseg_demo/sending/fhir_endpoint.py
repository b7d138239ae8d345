"""A FHIR R4 server: a case as one transaction, all of it or nothing.

    POST <base>
    Content-Type: application/fhir+json
    Authorization: Bearer <token>                 where SKINSEG_FHIR_TOKEN or SKINSEG_FHIR_TOKEN_FILE gives one

Each part of the case has a name that the server looks for: what it has is brought up to date, so a case whose
acknowledgement was lost comes again and does no harm. Only a transaction-response that names every entry acknowledges.
"""

import json
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from skinseg_demo.endpoint_text import TOKEN, TOKEN_FILE
from skinseg_demo.fhir.bundle import CONTENT_TYPE, as_transaction
from skinseg_demo.fhir.files import inlined, inlined_size
from skinseg_demo.json_values import items_of
from skinseg_demo.sending.endpoints import NotSent
from skinseg_demo.sending.fhir_answers import check_transaction_response, outcome_sentence
from skinseg_demo.sending.packages import Package
from skinseg_demo.sending.posting import Answer, Poster, Refusal

__all__ = ["FhirEndpoint"]

_SILENCE_S = 120.0  # a server stores all pictures before it says anything
_ANSWER_BYTES = 1_000_000  # and no more than came: some servers send everything back
_BEARER = re.compile(r"[A-Za-z0-9\-._~+/]+=*")  # RFC 6750, 2.1
_TOKEN_BYTES = 16_000


class FhirEndpoint:
    """Sends the FHIR bundle of each package to a server."""

    def __init__(self, base: str, *, poster: Poster | None = None, environment: Mapping[str, str] = os.environ) -> None:
        """Send to *base*, https://...; *poster* says whom to trust. *environment*: holds the token, if any."""
        self._base = base
        self._poster = poster or Poster(silence_s=_SILENCE_S)
        self._environment = environment

    def send(self, package: Package) -> None:
        """Post the bundle of a package.

        Raises NotSent, OSError if the package cannot be read.
        """
        token = _token(self._environment)
        with zipfile.ZipFile(package.path) as archive, _without(token):
            document = as_transaction(json.loads(archive.read("fhir.json")))
            try:
                answer = self._post(document, archive, package.sha256, token)
            except Refusal as refusal:
                raise _explained(refusal, token) from refusal
            check_transaction_response(answer, entries=len(items_of(document["entry"])), token=token)

    def _post(self, document: Mapping[str, object], archive: zipfile.ZipFile, key: str, token: str | None) -> Answer:
        headers = {
            "Content-Type": CONTENT_TYPE,
            "Accept": CONTENT_TYPE,
            "Prefer": "return=minimal",
            "Idempotency-Key": key,
        }
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        size, body = inlined_size(document), inlined(document, archive.open)
        return self._poster.post(self._base, body, size, headers, most_bytes=_ANSWER_BYTES + size)


@contextmanager
def _without(token: str | None) -> Iterator[None]:
    """Take the token out of every message: a server may repeat it in any part of its answer."""
    try:
        yield
    except NotSent as error:
        if token is None or token.lower() not in error.message.lower():  # a kind of content comes in small letters
            raise
        message = re.sub(re.escape(token), "(token)", error.message, flags=re.IGNORECASE)
        # Not "from" the error: that one holds the token.
        raise NotSent(message, is_for_all=error.is_for_all, wait=error.wait) from None


def _explained(refusal: Refusal, token: str | None) -> NotSent:
    """Return a refusal with the server's own words, if it has any."""
    told = outcome_sentence(refusal.answer.body, token=token)
    message = refusal.message.removesuffix("; it is tried again")
    return NotSent(
        f"{message}{f': {told}' if told else ''}; it is tried again", is_for_all=refusal.is_for_all, wait=refusal.wait
    )


def _token(environment: Mapping[str, str]) -> str | None:
    """Return the bearer token, the file's before the variable's; None if neither is named.

    Raises NotSent, without a letter of it, if it cannot be read or is none.
    """
    if path := environment.get(TOKEN_FILE):
        return _checked(_first_bytes(Path(path)), TOKEN_FILE)
    token = environment.get(TOKEN)
    return _checked(token, TOKEN) if token else None


def _first_bytes(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(_TOKEN_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        # Not "from" the error: that of a decoder holds the bytes.
        raise NotSent(f"the FHIR server's token cannot be read; look at the file that {TOKEN_FILE} names") from None


def _checked(token: str, where: str) -> str:
    if not _BEARER.fullmatch(token):
        raise NotSent(f"what {where} gives is no bearer token: expected letters, digits and -._~+/=; look at it")
    return token
