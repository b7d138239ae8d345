"""What makes the pages installable: the manifest, the service worker, and the page for when the box is out of reach.

The worker keeps scripts, styles, icons and that one page; never another page, a picture or an answer of /api.
"""

import hashlib
import json
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, render_template, url_for

from skinseg_demo.security.roles import open_to_all
from skinseg_demo.strings import language, t

__all__ = ["blueprint", "manifest", "offline", "worker"]

blueprint = Blueprint("shell", __name__)

_STATIC = Path(__file__).parent.parent / "static"
_KEPT = {".css", ".js", ".svg", ".png"}
_ICONS = (
    ("icons/icon-192.png", 192, "any"),
    ("icons/icon-512.png", 512, "any"),
    ("icons/mask-512.png", 512, "maskable"),
)


@blueprint.get("/manifest.webmanifest")
@open_to_all
def manifest() -> Response:
    """Tell a browser how the demo looks on a home screen."""
    icons = [
        {"src": _of_static(name), "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
        for name, size, purpose in _ICONS
    ]
    mark = {"src": _of_static("icons/mark.svg"), "sizes": "any", "type": "image/svg+xml", "purpose": "any"}
    document = {
        "name": t("app.name"),
        "short_name": t("app.name"),
        "lang": language(),
        "dir": t("dir"),
        "id": "/",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#fbfaf8",
        "theme_color": "#0b5563",
        "icons": [*icons, mark],
    }
    return Response(json.dumps(document, ensure_ascii=False), mimetype="application/manifest+json")


@blueprint.get("/sw.js")
@open_to_all
def worker() -> Response:
    """Send the service worker, which lies at the top so that it may answer for every page."""
    names, version = _shell()
    kept = json.dumps([_of_static(name) for name in names])
    script = render_template("sw.js", version=version, kept=kept, offline=url_for("shell.offline"))
    return Response(script, mimetype="text/javascript")


@blueprint.get("/offline")
@open_to_all
def offline() -> Response:
    """Show what the worker keeps for when the box cannot be reached; it holds nothing of anybody."""
    response = Response(render_template("offline.html"))
    response.headers["Content-Language"] = language()
    return response


def _of_static(name: str) -> str:
    return url_for("static", filename=name)


@cache
def _shell() -> tuple[tuple[str, ...], str]:
    """Return the names of the files to keep, and a version that changes with any of them."""
    paths = sorted(path for path in _STATIC.rglob("*") if path.suffix in _KEPT)
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + path.read_bytes())
    return tuple(path.relative_to(_STATIC).as_posix() for path in paths), digest.hexdigest()[:16]
