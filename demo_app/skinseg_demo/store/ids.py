"""Random names of rows: nobody can count them or guess the next."""

import base64
import secrets

__all__ = ["new_id"]


def new_id() -> str:
    """Return 12 letters out of a-z and 2-7: 60 random bits."""
    return base64.b32encode(secrets.token_bytes(8)).decode().lower()[:12]
