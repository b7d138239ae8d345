import pytest

from skinseg_edge.errors import UnknownName
from skinseg_export.targets import ALIASES, TARGETS, resolve_target


@pytest.mark.parametrize(("alias", "target"), [*ALIASES.items(), *((name, name) for name in TARGETS)])
def test_each_target_answers_to_its_names(alias: str, target: str) -> None:
    assert resolve_target(alias) == (target,)


def test_all_means_every_target() -> None:
    assert resolve_target("all") == TARGETS


def test_a_typing_error_is_answered_with_the_nearest_name_and_not_corrected() -> None:
    with pytest.raises(UnknownName, match=r"the target 'corml': known are .*; did you mean 'coreml'\?"):
        resolve_target("corml")
