"""Where packages go. An endpoint takes one or says why not; taking the same one twice does no harm."""

from datetime import timedelta
from pathlib import Path
from typing import Protocol

from skinseg_demo.endpoint_text import FHIR, check_endpoint
from skinseg_demo.sending.packages import Package

__all__ = ["Endpoint", "NotSent", "endpoint_from_text"]


class NotSent(Exception):
    """A package was not taken.

    *message*: why, in one sentence without anything of a patient. *is_for_all*: whether another package would fare no
    better now. *wait*: that the receiver asked for.
    """

    def __init__(self, message: str, *, is_for_all: bool = True, wait: timedelta | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.is_for_all = is_for_all
        self.wait = wait


class Endpoint(Protocol):
    """Takes packages."""

    def send(self, package: Package) -> None:
        """Hand over a package; it is safe there when this returns.

        Raises NotSent if it is not, or if that is not known.
        """


def endpoint_from_text(text: str | None) -> Endpoint | None:
    """Return the endpoint that the settings name, as of `check_endpoint`; None for none.

    Raises InputError for anything else.
    """
    # Imported here: these modules know the words above.
    from skinseg_demo.sending.fhir_endpoint import FhirEndpoint
    from skinseg_demo.sending.file_endpoints import FolderEndpoint, MailEndpoint
    from skinseg_demo.sending.https_endpoint import HttpsEndpoint

    if text is None:
        return None
    check_endpoint(text)
    if text.startswith(FHIR):
        return FhirEndpoint(text.removeprefix(FHIR))
    scheme, _, rest = text.partition(":")
    if scheme == "https":
        return HttpsEndpoint(text)
    return FolderEndpoint(Path(rest)) if scheme == "folder" else MailEndpoint(Path(rest))
