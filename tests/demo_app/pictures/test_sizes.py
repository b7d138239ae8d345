"""Millimetres through the whole stack: a printed card around a disc of 12.0 mm, photographed from above and tilted."""

import numpy as np
import pytest
from flask.testing import FlaskClient
from numpy.typing import NDArray

from skinseg_demo.card import card_shapes, pixels_from_shapes, print_scale_from_bank_card
from skinseg_demo.services import Services
from skinseg_edge.image_io import decode_mask
from skinseg_edge.metrics import iou
from tests.demo_app.browsers import ORIGIN
from tests.demo_app.card.photographed_card import photograph
from tests.demo_app.pictures.uploads import disc_photo, encoded, upload


def _card(number: int) -> NDArray[np.uint8]:
    return pixels_from_shapes(card_shapes(number, lambda key: key), 12)


_CARD = _card(1)


@pytest.mark.parametrize("tilt", [0, 10, 20, 30])
def test_a_disc_of_12_mm_reads_as_such_however_the_phone_was_held(phone: FlaskClient, tilt: int) -> None:
    drawn = photograph(_CARD, tilt, diameter_mm=12.0)

    result = upload(phone, encoded(drawn.photo), card="yes").get_json()

    (lesion,) = result["lesions"]  # nothing that is printed on the card
    assert 11.7 <= lesion["equivalent_diameter_mm"] <= 12.3
    assert 11.7 <= lesion["max_diameter_mm"] <= 12.3
    low, high = lesion["ranges"]["max_diameter_mm"]
    assert low < 12.0 < high
    assert result["scale"]["source"].startswith("card 1, 4 markers")
    assert (result["scale_why"] is None) == (tilt <= 20)
    with phone.get(f"/api/pictures/{result['id']}/mask.png", base_url=ORIGIN) as answer:
        assert iou(decode_mask(answer.data), drawn.mask) > 0.95


def test_the_quality_of_a_photo_with_a_card_is_that_of_its_window(phone: FlaskClient) -> None:
    drawn = photograph(_CARD, 0, diameter_mm=8.0)  # 1 % of the photo, 3 % of the window

    result = upload(phone, encoded(drawn.photo), card="yes").get_json()

    names = [finding["name"] for finding in result["quality"]["findings"]]
    assert float(drawn.mask.mean()) < 0.0125  # below which a photo without a card must be taken again
    assert "lesion too small" not in names
    assert "several lesions" not in names


def test_the_measured_print_of_a_card_counts(phone: FlaskClient, box: Services) -> None:
    small = photograph(_card(2), 0, diameter_mm=12.0, printed=0.95)
    box.store.card_prints.keep(2, print_scale_from_bank_card(85.60 / 0.95))

    result = upload(phone, encoded(small.photo), card="yes").get_json()

    assert 11.7 <= result["lesions"][0]["max_diameter_mm"] <= 12.3
    assert "print measured by bank card" in result["scale"]["source"]


def test_without_a_card_in_the_photo_there_are_no_millimetres_and_a_reason(phone: FlaskClient) -> None:
    result = upload(phone, encoded(disc_photo()[0]), card="yes").get_json()

    assert result["scale"] is None
    assert "no marker of a card of this box was seen; lay the card flat" in result["scale_why"]
    assert result["lesions"][0]["max_diameter_mm"] is None


def test_a_card_that_is_seen_in_part_gives_a_scale_by_one_marker(phone: FlaskClient) -> None:
    photo = photograph(_CARD, 0).photo
    rows = np.flatnonzero((photo.max(axis=2) > 235).any(axis=1))
    cut = np.ascontiguousarray(photo[: int(rows[-1] * 0.55)])  # the two lower markers are outside

    result = upload(phone, encoded(cut), card="yes").get_json()

    assert "1 marker" in result["scale"]["source"]
    assert result["scale"]["mm_per_px"] == pytest.approx(150 / 1333, rel=0.02)  # the drawn camera's
