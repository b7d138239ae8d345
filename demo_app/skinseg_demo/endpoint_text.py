"""The text that names where cases go, checked before anything runs: --help and the settings need no server for it."""

from urllib.parse import urlsplit

from skinseg_edge.errors import InputError

__all__ = ["FHIR", "TOKEN", "TOKEN_FILE", "check_endpoint"]

FHIR = "fhir+"
"""What stands before the address of a FHIR server."""
TOKEN = "SKINSEG_FHIR_TOKEN"
"""Environment variable with its bearer token."""
TOKEN_FILE = "SKINSEG_FHIR_TOKEN_FILE"
"""Environment variable with the path of a file that holds it; it is read each time, so it may be renewed."""

_BEGINNINGS = ("https://", f"{FHIR}https://", "folder:/", "mail:/")


def check_endpoint(text: str) -> None:
    """Check that a text names an endpoint: https://..., fhir+https://..., folder:/path or mail:/path.

    Raises InputError if it does not, or if the address of a FHIR server holds more than a host and a path: the admin's
    page shows it.
    """
    if not text.startswith(_BEGINNINGS):
        raise InputError(
            f"cannot send cases to {text}: expected https://..., fhir+https://..., folder:/path or mail:/path; "
            "a plain http address would be readable on its way"
        )
    if text.startswith(FHIR) and not _is_base(text.removeprefix(FHIR)):
        raise InputError(
            "cannot send cases to this FHIR server: expected fhir+https://host/path without user, password and query; "
            f"name a file with its token in {TOKEN_FILE}"
        )


def _is_base(address: str) -> bool:
    try:
        parts = urlsplit(address)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or a host that is none
        return False
    return is_whole and "@" not in parts.netloc and not parts.query and not parts.fragment
