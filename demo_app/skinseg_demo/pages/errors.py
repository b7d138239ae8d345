"""Every way out with bad news: one sentence on a page, or {"error": {"kind", "message"}} below /api."""

import logging

from flask import Flask, Response, current_app, g, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from skinseg_demo.refusals import Refused
from skinseg_edge.errors import (
    DeviceUnready,
    FileMissing,
    InputError,
    OutputRefused,
    PictureTooLarge,
    PictureUnreadable,
    SkinsegError,
)

__all__ = ["answer_errors"]

_log = logging.getLogger(__name__)

# The first that fits; a sentence of ours tells the rest.
_STATUS: tuple[tuple[type[SkinsegError], int], ...] = (
    (PictureTooLarge, 413),
    (PictureUnreadable, 415),
    (FileMissing, 404),
    (OutputRefused, 507),  # a full disk: nothing was stored
    (InputError, 400),
    (DeviceUnready, 503),
    (SkinsegError, 500),
)
_BUSY_S = 2
_SENTENCES = {
    400: "cannot read this request; load the page again and repeat it",
    404: "cannot find this page on the box; go back to the first page",
    405: "cannot do this here; go back to the first page",
    413: "cannot take this: it is larger than the box accepts; take a picture of normal size",
    415: "cannot take this: it is of a kind that the box does not read; take a JPEG picture",
}
_OUR_FAULT = "cannot go on: the box made a mistake, which stands in its log; try again, or go back to the first page"


def answer_errors(app: Flask) -> None:
    """Answer every error of *app* in one shape."""

    @app.errorhandler(Refused)
    def refused(error: Refused) -> Response:
        return _answer(error.status, error.kind, error.message, error.retry_after_s)

    @app.errorhandler(SkinsegError)
    def ours(error: SkinsegError) -> Response:
        status = next(status for kind, status in _STATUS if isinstance(error, kind))
        if status == 500:
            _log.error("%s: %s", type(error).__name__, error)
        return _answer(status, type(error).__name__, str(error), _BUSY_S if status == 503 else None)

    @app.errorhandler(HTTPException)
    def of_http(error: HTTPException) -> Response:
        status = error.code or 500
        return _answer(status, type(error).__name__, _SENTENCES.get(status, f"cannot go on: {error.name}"), None)

    @app.errorhandler(Exception)
    def unforeseen(error: Exception) -> Response:
        _log.error("%s %s failed", request.method, request.endpoint, exc_info=error)
        return _answer(500, "Fault", _OUR_FAULT, None)


def _answer(status: int, kind: str, message: str, retry_after_s: int | None) -> Response:
    g.refusal_kind = kind  # for monitoring.meters
    if request.path.startswith("/api/") or request.is_json or _wants_json():
        response = jsonify({"error": {"kind": kind, "message": message}})
    elif not current_app.has_static_folder:  # the plain port: it has no style and no scripts for a page
        response = Response(f"{message}\n", mimetype="text/plain")
    else:
        response = make_response(render_template("error.html", status=status, kind=kind, message=message))
    response.status_code = status
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(retry_after_s)
    return response


def _wants_json() -> bool:
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"
