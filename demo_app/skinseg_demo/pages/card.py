"""The printed card: choose a number, print it, measure the print, keep what came of it."""

import math

import cv2
import numpy as np
from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from skinseg_demo.card.drawing import card_shapes
from skinseg_demo.card.layout import CARD_NUMBERS
from skinseg_demo.card.pixels import pixels_from_shapes
from skinseg_demo.card.print_scale import PrintScale, print_scale_from_bank_card, print_scale_from_ruler
from skinseg_demo.card.sheet import Paper, card_pdf
from skinseg_demo.refusals import Refused
from skinseg_demo.report.paper_words import latin_words
from skinseg_demo.security.roles import current_phone, for_phones
from skinseg_demo.services import services
from skinseg_demo.strings import language
from skinseg_edge.image_io import encode_png

__all__ = ["blueprint", "keep", "sheet", "show", "thumbnail"]

blueprint = Blueprint("card", __name__)

_THUMBNAIL_PER_MM = 6


@blueprint.get("/card")
@for_phones
def show() -> str:
    """Show a card, its print and its measurement; ?card=3 says which."""
    card = _known(request.args.get("card", default=CARD_NUMBERS[0], type=int))
    found = services().store.card_prints.all().get(card)
    return render_template("card.html", card=card, numbers=CARD_NUMBERS, found=found, percents=_percents(found))


@blueprint.get("/card/<int:card>/<any(a4, a6):paper>.pdf")
@for_phones
def sheet(card: int, paper: Paper) -> Response:
    """Send a card as PDF."""
    response = Response(card_pdf(_known(card), latin_words(language()), paper), mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="skinseg-card-{card}-{paper}.pdf"'
    return response


@blueprint.get("/card/<int:card>/card.png")
@for_phones
def thumbnail(card: int) -> Response:
    """Send a card as a picture for the page; nobody should print that one."""
    pixels = pixels_from_shapes(card_shapes(_known(card), latin_words(language())), 2 * _THUMBNAIL_PER_MM)
    half = cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return Response(encode_png(np.asarray(half, np.uint8)), mimetype="image/png")


@blueprint.post("/card/<int:card>/print")
@for_phones
def keep(card: int) -> Response:
    """Keep how large a card came out; the form has `bank_card` or `ruler`, in mm.

    Raises Refused with 400 if neither or both of them are numbers, InputError if the print cannot be that large.
    """
    found = _measured(request.form.get("bank_card", ""), request.form.get("ruler", ""))
    services().store.card_prints.keep(_known(card), found, who=current_phone().id)
    return make_response(redirect(url_for("card.show", card=card), 303))


def _measured(bank_card: str, ruler: str) -> PrintScale:
    given = {
        way: _number(text)
        for way, text in ((print_scale_from_bank_card, bank_card), (print_scale_from_ruler, ruler))
        if text.strip()
    }
    if len(given) != 1:
        raise Refused(
            400,
            "ReadingMissing",
            f"cannot take the size of the print: got {len(given)} readings, expected one, of the bank card or of the "
            "ruler; fill in one of the two",
        )
    [(way, number)] = given.items()
    return way(number)


def _number(text: str) -> float:
    """Return a number that a person typed, with a point or a comma; NaN, which is refused later, if it is none."""
    try:
        return float(text.strip().replace(",", ".")) if len(text) <= 20 else math.nan
    except ValueError:
        return math.nan


def _known(card: int) -> int:
    """Return a card's number; Raises Refused with 404 if there is none of it."""
    if card not in CARD_NUMBERS:
        raise Refused(
            404,
            "CardUnknown",
            f"cannot show card {card}: cards are numbered {CARD_NUMBERS[0]} to {CARD_NUMBERS[-1]}; choose one of them",
        )
    return card


def _percents(found: PrintScale | None) -> dict[str, str]:
    """Return the size of a print and its range, %."""
    if found is None:
        return {}
    ends = {"low": 1 - found.relative_error, "percent": 1.0, "high": 1 + found.relative_error}
    return {name: f"{100 * found.factor * end:.1f}" for name, end in ends.items()}
