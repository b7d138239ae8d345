"""The OpenAPI file: put together from the views below /api themselves, so that none is missing from it.

A view says what it takes and gives with `@documented(...)`; one that says nothing is listed all the same.
"""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint, Flask, Response, current_app, jsonify
from werkzeug.routing import Rule

from skinseg_demo.security.roles import open_to_all
from skinseg_edge._version import __version__

__all__ = ["blueprint", "described", "documented", "error_answer", "openapi"]

blueprint = Blueprint("api_description", __name__)

_View = TypeVar("_View", bound=Callable[..., Any])
Operation = dict[str, Any]

_MARK = "skinseg_operation"
_ARGUMENT = re.compile(r"<(?:[a-z]+:)?(\w+)>")
_SILENT: Operation = {"summary": "Not described yet.", "responses": {"200": {"description": "Done."}}}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["kind", "message"],
            "properties": {"kind": {"type": "string"}, "message": {"type": "string"}},
        }
    },
}


def documented(operation: Operation) -> Callable[[_View], _View]:
    """Say what a view takes and gives, as an operation of OpenAPI; parameters of its path are added by themselves."""

    def mark(view: _View) -> _View:
        setattr(view, _MARK, operation)
        return view

    return mark


def error_answer(description: str, *, has_retry_after: bool = False) -> dict[str, Any]:
    """Return the description of an answer that says no."""
    answer: dict[str, Any] = {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    if has_retry_after:
        answer["headers"] = {"Retry-After": {"schema": {"type": "integer", "minimum": 1}}}
    return answer


@blueprint.get("/api/openapi.json")
@open_to_all
@documented({"summary": "This file.", "security": [], "responses": {"200": {"description": "OpenAPI 3.1."}}})
def openapi() -> Response:
    """Return the description of everything below /api."""
    return jsonify(described(current_app))


def described(app: Flask) -> dict[str, Any]:
    """Describe every view of *app* below /api."""
    paths: dict[str, dict[str, Operation]] = {}
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/"):
            methods = paths.setdefault(_ARGUMENT.sub(r"{\1}", rule.rule), {})
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                methods[method.lower()] = _operation(app, rule)
    return {
        "openapi": "3.1.0",
        "info": {"title": "skinseg-demo", "version": __version__, "description": _ABOUT},
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {"Error": _ERROR},
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "__Host-skinseg"}},
        },
        "security": [{"session": []}],
    }


_ABOUT = (
    "What a paired phone asks of the box. Every request that changes something carries the header X-CSRF-Token, as the "
    "pages hold it, and an Origin of the box. An error is one sentence in {error: {kind, message}}."
)


def _operation(app: Flask, rule: Rule) -> Operation:
    said: Operation = getattr(app.view_functions[rule.endpoint], _MARK, _SILENT)
    usual = {
        "401": error_answer("No phone is paired, or its session ended."),
        "403": error_answer("The request did not come from a page of the box, or is for the admin."),
        "404": error_answer("There is no such thing."),
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[a-z2-7]{12}$"}}
        for name in _ARGUMENT.findall(rule.rule)
    ]
    return {
        "operationId": rule.endpoint,
        **said,
        "responses": {**usual, **said["responses"]},
        **({"parameters": parameters} if parameters else {}),
    }
