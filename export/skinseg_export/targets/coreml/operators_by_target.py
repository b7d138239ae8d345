"""Whether every operator of a program is there on the oldest system that shall run it, by coremltools' own registry."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from skinseg_edge.errors import VerificationFailed
from skinseg_export.foreign_noise import quiet

__all__ = ["OperatorUse", "check_operators", "operator_uses"]

_FIRST = 13  # the oldest iOS that the registry knows


@dataclass(frozen=True)
class OperatorUse:
    """An operator of a program: its *kind*, how often it is there, and *since* which iOS Core ML has this form of it.

    *since*: None where the registry does not know the kind, or an input that it is given.
    """

    kind: str
    count: int
    since: int | None


def operator_uses(operations: Iterable[Any]) -> tuple[OperatorUse, ...]:
    """Return every kind among *operations* (of a package's specification, constants left out), sorted by name."""
    counts: Counter[str] = Counter()
    inputs: dict[str, set[str]] = {}
    for operation in operations:
        if operation.type != "const":
            counts[operation.type] += 1
            inputs.setdefault(operation.type, set()).update(operation.inputs)
    return tuple(OperatorUse(kind, count, _since(kind, inputs[kind])) for kind, count in sorted(counts.items()))


def check_operators(uses: Iterable[OperatorUse], ios: int, what: str) -> None:
    """Check that each of *uses* is there on iOS *ios*; *what* names the package.

    Raises VerificationFailed naming the first that is not.
    """
    for use in uses:
        if use.since is None or use.since > ios:
            known = "no version of coremltools' registry" if use.since is None else f"iOS {use.since}"
            raise VerificationFailed(
                f"cannot accept {what}: its operator {use.kind} is known from {known} on, expected iOS {ios} or older; "
                "export it anew, for a newer iOS with --ios"
            )


def _since(kind: str, inputs: set[str]) -> int | None:
    """Return the first iOS whose form of *kind* takes all *inputs*."""
    forms = _forms(kind)
    fitting = [ios for ios, parameters in forms.items() if parameters >= inputs]
    return min(fitting, default=None)


def _forms(kind: str) -> Mapping[int, frozenset[str]]:
    """Return the inputs of each form of *kind*, by the iOS that brought it."""
    with quiet():
        from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry
    forms = SSAOpRegistry.core_ops.get(kind, {})
    return {
        max(_FIRST, int(target.name.removeprefix("iOS"))): frozenset(form.input_spec.input_types)
        for target, form in forms.items()
    }
