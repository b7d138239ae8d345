"""Who may see a view. Every view says it; one that says nothing is shown to nobody.

The decorators only mark the view, and stand below `@blueprint.get(...)`; `check_role` asks before each request.
"""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, Literal, TypeVar

from flask import Flask, current_app, g, request

from skinseg_demo.refusals import Refused
from skinseg_demo.security.hosts import name_of
from skinseg_demo.security.sessions import why_logged_off
from skinseg_demo.store.phones import Phone

__all__ = ["check_role", "current_phone", "for_admins", "for_phones", "is_at_the_box", "open_to_all", "role_of"]

_View = TypeVar("_View", bound=Callable[..., Any])
_Needed = Literal["all", "phone", "admin"]

_MARK = "skinseg_role"
_LOOPBACK_NAMES = {"localhost", "127.0.0.1", "[::1]"}
_OF_PROXIES = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


def for_phones(view: _View) -> _View:
    """Show a view to paired phones, and to the admin's."""
    return _marked(view, "phone")


def for_admins(view: _View) -> _View:
    """Show a view to a browser that was paired with an admin's code."""
    return _marked(view, "admin")


def open_to_all(view: _View) -> _View:
    """Show a view to everybody on the network: it holds nothing of a patient."""
    return _marked(view, "all")


def role_of(app: Flask, endpoint: str) -> _Needed | None:
    """Return who may see an endpoint; None if its view does not say."""
    needed: _Needed | None = getattr(app.view_functions[endpoint], _MARK, None)
    return needed


def current_phone() -> Phone:
    """Return the phone that asks, in a view for phones or admins."""
    phone: Phone | None = g.phone
    if phone is None:
        raise RuntimeError(f"{request.endpoint} is open to all, so no phone need be there; read g.phone instead")
    return phone


def check_role() -> None:
    """Let the request through to its view or not; g.phone is set already.

    Raises Refused with 401 if the view wants a phone and none is paired, with 403 if it wants the admin, with 500 if
    the view does not say whom it is for.
    """
    if request.endpoint is None:  # no such page: the answer is 404
        return
    needed = role_of(current_app, request.endpoint)
    if needed is None:
        raise Refused(500, "RoleMissing", f"cannot show this page: {request.endpoint} does not say whom it is for")
    if needed == "all":
        return
    phone: Phone | None = g.phone
    if phone is None:
        raise Refused(401, "NotPaired", why_logged_off())
    if needed == "admin" and phone.role != "admin":
        raise Refused(
            403,
            "NotAdmin",
            "cannot show this page: it is for the admin, and this phone was paired as a phone; "
            "run skinseg-demo --admin on the box and open what it prints",
        )


def is_at_the_box() -> bool:
    """Say whether the browser runs on the box itself and no proxy stands between."""
    if name_of(request.host) not in _LOOPBACK_NAMES or any(name in request.headers for name in _OF_PROXIES):
        return False
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _marked(view: _View, needed: _Needed) -> _View:
    setattr(view, _MARK, needed)
    return view
