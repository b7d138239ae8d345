"""Every operator against torch, through a real conversion, a saved package and the weights as they lie in it."""

from collections import Counter
from importlib import import_module

import pytest

from skinseg_export.targets.coreml.mil_reference import operator_kinds
from tests.export.targets.coreml.mil_reference.case import Answers, Case, answers, close

pytest.importorskip("coremltools", reason="needs the coreml extra")

_GROUPS = (
    "activation",
    "arithmetic",
    "constexpr",
    "convolution",
    "normalisation",
    "pooling",
    "quantization",
    "rearrangement",
    "reduction",
    "resize",
    "shape",
)
# coremltools removes one as superfluous, and computes the other where sizes are known.
_ELSEWHERE = {"identity", "shape"}  # in test_evaluator
_CASES: dict[str, tuple[Case, ...]] = {
    group: import_module(f"tests.export.targets.coreml.mil_reference.cases.{group}").CASES for group in _GROUPS
}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Answers]:
    return {}


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize(
    ("group", "case"), [pytest.param(group, case, id=case.name) for group in _GROUPS for case in _CASES[group]]
)
def test_an_operator_gives_what_torch_gives(
    group: str,
    case: Case,
    precision: str,
    asked: dict[tuple[str, str], Answers],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    key = (group, precision)
    if key not in asked:
        asked[key] = answers(_CASES[group], tmp_path_factory.mktemp("coreml"), precision)
    found = asked[key]

    assert any(case.kind in program.kinds for program in found.programs), "coremltools wrote another operator"
    close(found.given[case.name], found.expected[case.name], precision)


def test_no_two_cases_share_a_name() -> None:
    for cases in _CASES.values():
        assert max(Counter(case.name for case in cases).values()) == 1


def test_every_operator_that_can_be_evaluated_has_a_case() -> None:
    tried = {case.kind for cases in _CASES.values() for case in cases}

    assert set(operator_kinds()) - tried == _ELSEWHERE
