"""The session of a paired phone: a cookie that no script can read, and the row in the store that it points at."""

from contextlib import suppress
from datetime import timedelta

from flask import Response, g, request

from skinseg_demo.config import DemoConfig
from skinseg_demo.security.tokens import sha256_of
from skinseg_demo.store.phones import CLOCK_SLACK, Phone, Phones
from skinseg_edge.errors import DeviceUnready

__all__ = ["clear_cookie", "cookie_name", "load_phone", "session_secret", "set_cookie", "why_logged_off"]

_SECRET_LETTERS = 43  # of 32 bytes
_SCAN = "scan the code on the box"


def cookie_name(config: DemoConfig) -> str:
    """Return the cookie's name; the prefix makes browsers refuse it without https, with a domain or another path."""
    return "skinseg" if config.is_practice else "__Host-skinseg"


def set_cookie(response: Response, config: DemoConfig, secret: str) -> None:
    """Give the phone its session; whatever cookie it brought is replaced."""
    response.set_cookie(
        cookie_name(config),
        secret,
        max_age=config.hours * 3600,
        path="/",
        secure=not config.is_practice,
        httponly=True,
        samesite="Strict",
    )


def clear_cookie(response: Response, config: DemoConfig) -> None:
    """Take the session from the browser."""
    response.delete_cookie(
        cookie_name(config), path="/", secure=not config.is_practice, httponly=True, samesite="Strict"
    )


def session_secret(config: DemoConfig) -> str | None:
    """Return what the request's cookie holds, or None if it has none of the right length."""
    secret = request.cookies.get(cookie_name(config), "")
    return secret if len(secret) == _SECRET_LETTERS else None


def load_phone(config: DemoConfig, phones: Phones) -> None:
    """Set g.phone to the phone whose session the request carries, else to None, and g.session_end to why it ended.

    A session ends when it was revoked, *idle_minutes* after its last request, *hours* after the pairing, and when the
    clock was set back to before it.
    """
    g.phone = None
    g.session_end = None
    secret = session_secret(config)
    phone = None if secret is None else phones.by_secret(sha256_of(secret))
    if phone is None:
        return
    g.session_end = _end_of(phone, config, phones)
    if g.session_end is None:
        with suppress(DeviceUnready):  # a full disk keeps nobody from reading
            phones.touch(phone)
        g.phone = phone


def why_logged_off() -> str:
    """Return the sentence for a request without a session: it never had one, or how it ended."""
    return g.session_end or f"cannot show this page: this phone is not paired with the box; {_SCAN}"


def _end_of(phone: Phone, config: DemoConfig, phones: Phones) -> str | None:
    now = phones.now()
    if phone.revoked_at is not None:
        return f"cannot go on: this phone was logged off on the box; {_SCAN} to pair it again"
    if phone.paired_at - now > CLOCK_SLACK:  # it would live until the clock is there again
        return f"cannot go on: the box's clock was set back, and all phones were logged off; {_SCAN} again"
    if now - phone.paired_at >= timedelta(hours=config.hours):
        return f"cannot go on: the pairing ended after {config.hours} hours; {_SCAN} again"
    if now - phone.seen_at >= timedelta(minutes=config.idle_minutes):
        return f"cannot go on: this phone rested for {config.idle_minutes} minutes and was logged off; {_SCAN} again"
    return None
