"""The tree drawn at the top of `errors` is the tree of its classes, and a branch has the exit code drawn beside it."""

import inspect
import re

import pytest

from skinseg_edge import errors
from skinseg_edge.errors import InputError, SkinsegError, ToolMissing, VerificationFailed


def _classes() -> dict[str, type[SkinsegError]]:
    members = inspect.getmembers(errors, inspect.isclass)
    return {name: member for name, member in members if issubclass(member, SkinsegError)}


def _drawn_parents() -> dict[str, str]:
    """Read (child: parent) from the drawing: four columns are one level."""
    parents: dict[str, str] = {}
    line_of_ancestors: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"([│├└─ ]*)([A-Z]\w+)(?: {2,}|$)", line)
        if match is None:
            continue
        depth = len(match[1]) // 4
        line_of_ancestors[depth:] = [match[2]]
        if depth > 0:
            parents[match[2]] = line_of_ancestors[depth - 1]
    return parents


def test_the_drawn_tree_is_the_tree_of_classes() -> None:
    real = {name: member.__bases__[0].__name__ for name, member in _classes().items() if member is not SkinsegError}
    assert _drawn_parents() == real


def test_every_error_is_public() -> None:
    assert sorted(_classes()) == errors.__all__


def test_every_error_says_in_one_sentence_what_it_stands_for() -> None:
    for name, member in _classes().items():
        assert re.fullmatch(r"[A-Z][^\n]+[.]", (member.__doc__ or "").strip()), name


@pytest.mark.parametrize(("branch", "exit_code"), [(InputError, 2), (VerificationFailed, 1), (ToolMissing, 3)])
def test_a_branch_has_one_exit_code(branch: type[SkinsegError], exit_code: int) -> None:
    codes = {member.exit_code for member in _classes().values() if issubclass(member, branch)}
    assert codes == {exit_code}
    assert f"exit code {exit_code}" in (errors.__doc__ or "")
