"""The places of the body: what is drawn, what is listed, and what a form may say."""

import re
from pathlib import Path

import pytest
from werkzeug.datastructures import MultiDict

import skinseg_demo
from skinseg_demo.body_sites import MAP_HW, SITES, place_from_form, site_of
from skinseg_demo.refusals import Refused
from skinseg_demo.strings import strings_of

_DRAWING = Path(skinseg_demo.__file__).parent / "templates" / "cases" / "body_map.html"
_LIST_ALONE = {"cheek", "ear", "armpit", "forehead", "nose", "mouth", "genitals"}


def _drawn_parts() -> set[str]:
    return set(re.findall(r'^  "(\w+)": "M', _DRAWING.read_text(encoding="utf-8"), re.MULTILINE))


def test_every_drawn_part_is_a_place_and_every_place_is_drawn_or_too_small_for_a_finger() -> None:
    named = {re.sub(r"^(front|back)_|_(left|right)$", "", code) for code in SITES}

    assert named == _drawn_parts() | _LIST_ALONE
    assert _drawn_parts() & _LIST_ALONE == set()


def test_every_place_has_words_of_its_own() -> None:
    words = [site.english for site in SITES.values()]

    assert len(set(words)) == len(words) == 54
    assert {key.removeprefix("body.site.") for key in strings_of("en") if key.startswith("body.site.")} == set(SITES)


@pytest.mark.parametrize(("view", "side"), [("front", "right"), ("back", "left")])
def test_left_and_right_are_the_persons_own(view: str, side: str) -> None:
    other = {"right": "left", "left": "right"}[side]

    assert SITES[f"{view}_hand_{side}"].x < 0.5 < SITES[f"{view}_hand_{other}"].x


def test_the_drawing_is_as_large_as_its_places_say() -> None:
    rows, columns = MAP_HW

    assert f'viewBox="0 0 {columns} {rows}"' in _DRAWING.read_text(encoding="utf-8")
    assert all(0 < site.x < 1 and 0 < site.y < 1 for site in SITES.values())


def test_a_tapped_place_keeps_its_point_and_a_chosen_one_gets_the_middle() -> None:
    tapped = place_from_form({"body_site": "back_leg_right", "body_x": "0.61", "body_y": "0.83"})
    chosen = place_from_form(MultiDict({"body_site": "back_leg_right", "body_x": "", "body_y": ""}))

    assert tapped == {"body_site": "right calf", "body_view": "back", "body_x": 0.61, "body_y": 0.83}
    assert (chosen["body_x"], chosen["body_y"]) == (SITES["back_leg_right"].x, SITES["back_leg_right"].y)


@pytest.mark.parametrize("code", ["", "right calf", "front_leg", "../etc", "<b>"])
def test_a_place_that_is_none_is_refused(code: str) -> None:
    with pytest.raises(Refused, match="none was chosen; tap the body or choose one from the list"):
        place_from_form({"body_site": code})


def test_words_of_somebodys_own_are_no_place_of_the_map() -> None:
    assert site_of("behind the left knee") is None
    assert site_of("hollow of the left knee") == SITES["back_knee_left"]
