"""Follow-up of one lesion: what is compared, what is not and why, and how both pictures are shown."""

import re

import pytest
from flask.testing import FlaskClient

from skinseg_demo.pages.follow_up import signed
from skinseg_demo.services import Services
from tests.demo_app.browsers import ORIGIN, HandClock
from tests.demo_app.drawn_visits import add_drawn


def _case(box: Services, clock: HandClock, *visits: dict[str, object] | None) -> str:
    """Begin a case with a visit for each close-up; None is a visit without one."""
    case = box.store.cases.create({"body_site": "right calf"})
    for closeup in visits:
        visit = box.store.visits.add(case.id)
        if closeup is not None:
            add_drawn(box.store, visit.id, **closeup)  # type: ignore[arg-type]  # of its own keywords
        clock.wind(minutes=1)
    return case.id


def _page(client: FlaskClient, case_id: str, query: str = "") -> str:
    answer = client.get(f"/cases/{case_id}/follow-up{query}", base_url=ORIGIN)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return re.sub(r"\s+", " ", answer.text)


def _verdicts(page: str) -> list[str]:
    return re.findall(r'<p class="verdict">([^<]+)</p>', page)


def test_one_visit_is_no_comparison(phone: FlaskClient, box: Services, clock: HandClock) -> None:
    page = _page(phone, _case(box, clock, {}))

    assert "There is one visit so far." in page
    assert "<svg class=" not in page


def test_what_grew_within_the_error_did_not_change(phone: FlaskClient, box: Services, clock: HandClock) -> None:
    page = _page(phone, _case(box, clock, {"share": 0.06}, {"share": 0.062}))

    assert _verdicts(page) == ["No change beyond error", "No change beyond error"]


def test_what_grew_beyond_the_error_is_larger_and_the_other_way_smaller(
    phone: FlaskClient, box: Services, clock: HandClock
) -> None:
    grown = _page(phone, _case(box, clock, {"share": 0.04}, {"share": 0.12}))
    shrunk = _page(phone, _case(box, clock, {"share": 0.12}, {"share": 0.04}))

    assert _verdicts(grown) == ["Larger, by more than the error"] * 2
    assert _verdicts(shrunk) == ["Smaller, by more than the error"] * 2
    assert re.search(r"Difference</dt><dd><span class=\"figure\">\+\d+\.\d mm</span>", grown)
    assert re.search(r"Difference</dt><dd><span class=\"figure\">−\d+\.\d mm</span>", shrunk)


def test_a_wide_error_of_the_scale_hides_the_same_growth(phone: FlaskClient, box: Services, clock: HandClock) -> None:
    page = _page(phone, _case(box, clock, {"share": 0.04}, {"share": 0.12, "error": 0.6}))

    assert _verdicts(page) == ["No change beyond error"] * 2


def test_both_pictures_are_shown_at_the_same_scale(phone: FlaskClient, box: Services, clock: HandClock) -> None:
    page = _page(phone, _case(box, clock, {"share": 0.04}, {"share": 0.12}))

    boxes = re.findall(r'class="photo" viewBox="[\d.-]+ [\d.-]+ ([\d.]+) ([\d.]+)"', page)
    bars = [
        float(right) - float(left) for left, right in re.findall(r'class="bar" x1="([\d.-]+)" x2="([\d.-]+)"', page)
    ]
    assert boxes[0] == boxes[1]
    assert bars == pytest.approx([5 / 0.08] * 2, abs=0.2)  # 5 mm of 0.08 mm a pixel
    assert "Both pictures at the same scale" in page


@pytest.mark.parametrize("which", [0, 1])
def test_without_a_scale_in_both_nothing_is_compared_and_it_says_why(
    phone: FlaskClient, box: Services, clock: HandClock, which: int
) -> None:
    closeups: list[dict[str, object] | None] = [{}, {}]
    closeups[which] = {"has_scale": False}

    page = _page(phone, _case(box, clock, *closeups))

    assert _verdicts(page) == ["Not compared"]
    assert page.count("Pixels are not compared: they change with the distance of the phone.") == 1
    assert re.findall(r"\d px|mm²", page) == []
    assert "The whole photos, each at its own scale" in page


def test_a_visit_without_a_closeup_is_told(phone: FlaskClient, box: Services, clock: HandClock) -> None:
    page = _page(phone, _case(box, clock, None, {}))

    assert _verdicts(page) == ["Not compared"]
    assert "there is no close-up." in page


def test_usually_the_first_and_the_last_closeup_are_compared(
    phone: FlaskClient, box: Services, clock: HandClock
) -> None:
    case_id = _case(box, clock, {}, {}, None)
    first, second, _ = (visit.id for visit in box.store.visits.of_case(case_id))

    page = _page(phone, case_id)

    assert re.findall(r'<option value="(\w+)" selected', page) == [first, second]


def test_visits_are_put_in_order_however_they_were_chosen(phone: FlaskClient, box: Services, clock: HandClock) -> None:
    case_id = _case(box, clock, {"share": 0.04}, {}, {"share": 0.12})
    first, _, third = (visit.id for visit in box.store.visits.of_case(case_id))

    page = _page(phone, case_id, f"?first={third}&second={first}")

    assert _verdicts(page) == ["Larger, by more than the error"] * 2


def test_a_visit_of_another_case_or_twice_the_same_is_refused(
    phone: FlaskClient, box: Services, clock: HandClock
) -> None:
    case_id, other = _case(box, clock, {}, {}), _case(box, clock, {}, {})
    own, foreign = (box.store.visits.of_case(each)[0].id for each in (case_id, other))

    queries = (f"first={foreign}", f"second={foreign}", "first=<script>", f"first={own}&second={own}")
    answers = [phone.get(f"/cases/{case_id}/follow-up?{query}", base_url=ORIGIN) for query in queries]

    assert [answer.status_code for answer in answers] == [404, 404, 404, 400]


def test_the_chart_has_every_visit_and_the_table_says_the_same(
    phone: FlaskClient, box: Services, clock: HandClock
) -> None:
    page = _page(phone, _case(box, clock, {}, {"has_scale": False}, {"share": 0.09}))

    assert page.count('class="point"') == page.count('class="error"') == 2 * 2
    assert page.count('class="unknown"') == 2
    assert page.count("not compared</td>") == 1
    assert len(re.findall(r"<td>[\d.]+ ± [\d.]+</td>", page)) == 4


def test_one_visit_that_can_be_compared_makes_no_chart(phone: FlaskClient, box: Services, clock: HandClock) -> None:
    assert 'class="timeline"' not in _page(phone, _case(box, clock, {}, {"has_scale": False}))


def test_a_steep_card_and_another_model_are_told(phone: FlaskClient, box: Services, clock: HandClock) -> None:
    other: dict[str, object] = {"changes": {"model": {"name": "scsonet", "version": "2"}}}

    page = _page(phone, _case(box, clock, {}, other))

    assert "The visits were outlined by different models" in page


@pytest.mark.parametrize(("value", "shown"), [(1.26, "+1.3"), (-0.04, "0.0"), (-3.0, "−3.0"), (0.0, "0.0")])
def test_a_difference_has_its_sign(value: float, shown: str) -> None:
    assert signed(value) == shown
