import pytest

from skinseg_edge.errors import InputError
from skinseg_edge.network_options import classes_from_text, options_from_texts


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("base=32", {"base": 32}),
        ("rate=0.5", {"rate": 0.5}),
        ("cam=false", {"cam": False}),
        ("cam=True", {"cam": True}),
        ("local=dilated", {"local": "dilated"}),
        ('local="dilated"', {"local": "dilated"}),
        ("widths=[8, 16]", {"widths": [8, 16]}),
        ("note=a=b", {"note": "a=b"}),
        ("note=", {"note": ""}),
        ("seed=null", {"seed": None}),
        ("rate=NaN", {"rate": "NaN"}),
        ("rate=1e999", {"rate": "1e999"}),
        ("widths=" + 9000 * "[", {"widths": 9000 * "["}),
    ],
)
def test_a_value_is_json_and_what_is_no_json_is_a_string(text: str, option: dict[str, object]) -> None:
    assert options_from_texts([text]) == option


def test_several_options_keep_their_order_and_none_is_taken_twice() -> None:
    assert list(options_from_texts(["b=1", "a=2"])) == ["b", "a"]
    with pytest.raises(InputError, match="base comes twice"):
        options_from_texts(["base=1", "base=2"])


@pytest.mark.parametrize("text", ["base", "=3", "two words=1", ""])
def test_what_is_no_option_is_answered_with_the_form(text: str) -> None:
    with pytest.raises(InputError, match="expected KEY=VALUE, such as base=32"):
        options_from_texts([text])


def test_classes_are_different_names_between_commas() -> None:
    assert classes_from_text("lesion") == ("lesion",)
    assert classes_from_text("BACKGROUND, ET,HHB") == ("BACKGROUND", "ET", "HHB")
    for text in ("", "skin,,lesion", "skin,skin"):
        with pytest.raises(InputError, match="expected different names, such as skin,lesion"):
            classes_from_text(text)
