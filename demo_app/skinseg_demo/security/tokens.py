"""Secrets that are handed out once: pairing tokens and session cookies. Of each only the SHA-256 is stored."""

import base64
import hashlib
import secrets

__all__ = ["new_session_secret", "new_token", "sha256_of"]


def new_token() -> str:
    """Return a pairing token: 16 random bytes as 26 letters of base32, which fit a small QR code."""
    return base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=")


def new_session_secret() -> str:
    """Return what a session cookie holds: 32 random bytes as 43 letters."""
    return secrets.token_urlsafe(32)


def sha256_of(secret: str) -> str:
    """Return the SHA-256 of a secret, in hex; without a salt, since it is random and long."""
    return hashlib.sha256(secret.encode()).hexdigest()
