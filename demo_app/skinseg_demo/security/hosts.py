"""Under which names the box answers: its own addresses and names, so that no foreign name can be pointed at it.

Flask's own setting, TRUSTED_HOSTS, does not know addresses of IPv6 (Werkzeug 3.1 cuts them at their first colon). When
it does, `HostCheck` may go.
"""

import re
import socket
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

from skinseg_demo.config import DemoConfig
from skinseg_demo.serving.addresses import addresses_of_this_box

__all__ = ["HostCheck", "host_names", "name_of", "trust_hosts"]

_HOSTS = "SKINSEG_HOSTS"
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::\d{1,5})?", re.ASCII | re.IGNORECASE)
_WRONG_HOST = b"cannot answer under this name: it is none of this box's; open the address that the box shows\n"


class HostCheck:
    """Stands before an application, and answers 400 to requests for hosts that are not this box."""

    def __init__(self, app: Flask) -> None:
        """Stand before *app*, whose hosts `trust_hosts` sets."""
        self._app = app
        self._inner = app.wsgi_app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        if name_of(environ.get("HTTP_HOST", "")) in self._app.config[_HOSTS]:
            return self._inner(environ, start_response)
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(_WRONG_HOST))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        start_response("400 Bad Request", headers)
        return [_WRONG_HOST]


def trust_hosts(app: Flask, config: DemoConfig) -> None:
    """Let *app* answer under the names and addresses that this box has now."""
    addresses = (f"[{address}]" if ":" in address else address for address in addresses_of_this_box())
    app.config[_HOSTS] = frozenset(("localhost", "127.0.0.1", "[::1]", *addresses, *host_names(config)))
    if not isinstance(app.wsgi_app, HostCheck):
        app.wsgi_app = HostCheck(app)  # type: ignore[method-assign]  # as Flask's documentation wraps it


def host_names(config: DemoConfig) -> tuple[str, ...]:
    """Return the names of this box, without those of loopback: given ones, then its own name and NAME.local."""
    own = socket.gethostname().lower()
    short = own.partition(".")[0]
    own_names = () if short in {"", "localhost"} else (own, f"{short}.local")
    return tuple(dict.fromkeys((*(name.lower() for name in config.names), *own_names)))


def name_of(authority: str) -> str:
    """Return the host of a Host header without its port, in small letters; empty if it is none.

    >>> name_of("[FE80::1]:8443")
    '[fe80::1]'
    """
    found = _AUTHORITY.fullmatch(authority)
    return "" if found is None else found[1].lower()
