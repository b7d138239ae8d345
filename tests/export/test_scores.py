"""The names of the scores: each belongs to a convention that docs/evaluation.md explains."""

import re

import pytest

from skinseg_export.scores import SCORES, finite
from tests.project.house import ROOT

DOCUMENTED = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")))


@pytest.mark.parametrize("key", SCORES)
def test_a_score_is_named_by_its_convention_and_the_page_explains_it(key: str) -> None:
    assert any(key == name or (name.endswith("_") and key.startswith(name)) for name in DOCUMENTED)


def test_headings_may_repeat_but_meanings_do_not() -> None:
    assert len({score.meaning for score in SCORES.values()}) == len(SCORES)
    assert {key for key, score in SCORES.items() if score.lower_is_better} == {"ece", "photo_median_relative_hd95"}


def test_what_json_cannot_say_is_nothing() -> None:
    assert finite({"a": 0.5, "b": float("nan"), "c": float("inf")}) == {"a": 0.5, "b": None, "c": None}
