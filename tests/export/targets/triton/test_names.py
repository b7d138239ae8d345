import pytest

from skinseg_edge.errors import InputError
from skinseg_export.targets.triton.names import check_model_name, model_name_from


@pytest.mark.parametrize("name", ["lesion", "scsonet-256", "7", "a_B-9", "x" * 100])
def test_letters_digits_and_two_signs_make_a_name(name: str) -> None:
    check_model_name(name)


# What Triton refuses (empty, `..`, `/`), takes for a backend (`.`) or what a URL and a folder do not share.
@pytest.mark.parametrize("name", ["", "..", "a/b", "a.onnxruntime", "a b", "-a", "_a", "läsion", "a\n", "x" * 101])
def test_a_name_that_no_server_can_have_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"cannot serve a model called .* expected 1 to 100 letters, digits"):
        check_model_name(name)


@pytest.mark.parametrize(
    ("bundle", "name"),
    [
        ("lesion", "lesion"),
        ("Läsion (v1.2)", "Lasion_v1_2"),
        ("..", "net"),
        ("病変", "net"),
        ("_a_", "a"),
        ("x" * 200, "x" * 100),
    ],
)
def test_a_bundle_gives_its_model_a_name_else_its_network_does(bundle: str, name: str) -> None:
    assert model_name_from(bundle, "net") == name
    check_model_name(name)


def test_a_bundle_whose_network_has_no_name_either_is_told_to_choose_one() -> None:
    with pytest.raises(InputError, match=r"has no letter or digit of ASCII .* choose another name with -o"):
        model_name_from("病変", "网络")
