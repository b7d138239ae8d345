"""The language switch: a form on every page, and a cookie that holds the choice."""

from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, redirect, request

from skinseg_demo.refusals import Refused
from skinseg_demo.security.roles import open_to_all
from skinseg_demo.services import services
from skinseg_demo.strings import COOKIE, languages

__all__ = ["blueprint", "choose"]

blueprint = Blueprint("language", __name__)

_YEAR_S = 365 * 24 * 3600


@blueprint.post("/language")
@open_to_all
def choose() -> Response:
    """Take the form's `lang` and lead back to its `next`, a page of the box.

    Raises Refused with 400 if there is no such language.
    """
    code = request.form.get("lang", "")
    if code not in {each.code for each in languages()}:
        raise Refused(
            400, "LanguageUnknown", "cannot change the language: the box has no such one; choose one that it shows"
        )
    response = make_response(redirect(_own_page(request.form.get("next", "")), 303))
    response.set_cookie(
        COOKIE,
        code,
        max_age=_YEAR_S,
        path="/",
        secure=not services().config.is_practice,
        httponly=True,
        samesite="Strict",
    )
    return response


def _own_page(address: str) -> str:
    """Return the address if it is a path of this box, else that of the first page.

    >>> _own_page("/cases?open=1"), _own_page("//evil.example"), _own_page("https://evil.example/")
    ('/cases?open=1', '/', '/')
    """
    is_path = address.startswith("/") and not address.startswith("//") and "\\" not in address
    is_plain = address.isprintable() and not urlsplit(address).netloc
    return address if is_path and is_plain else "/"
