"""How far the masks of a rounded or quantized network may stray from those of the trained one: part of the contract."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import cast

from skinseg_edge.errors import ContractInvalid
from skinseg_edge.known_names import unknown_name
from skinseg_edge.strict_json import shown

__all__ = ["AcceptanceLimits", "PrecisionLimits"]


@dataclass(frozen=True, kw_only=True)
class AcceptanceLimits:
    """What the masks of one precision must reach over all pictures of the gate; each number is 0 to 1.

    *mean_dice*: the least mean Dice to the trained network's masks. *expert_dice_drop*: how much lower the mean Dice to
    experts' masks may be than the trained network's own. *subgroup_dice_drop*: the same of every subgroup alone.

    Raises ContractInvalid when one is no number from 0 to 1.
    """

    mean_dice: float
    expert_dice_drop: float
    subgroup_dice_drop: float

    def __post_init__(self) -> None:
        """Check each number."""
        _check_shares(vars(self), "the limits")

    @classmethod
    def from_json(cls, document: object, where: str = "the limits") -> "AcceptanceLimits":
        """Read what `asdict` gave; *where* is how messages name it. Raises ContractInvalid if it is anything else."""
        values = _fields(document, where, tuple(each.name for each in fields(cls)))
        _check_shares(values, where)
        return cls(**{name: cast("float", value) for name, value in values.items()})


def _half() -> AcceptanceLimits:
    return AcceptanceLimits(mean_dice=0.998, expert_dice_drop=0.002, subgroup_dice_drop=0.01)


def _eight_bits() -> AcceptanceLimits:
    return AcceptanceLimits(mean_dice=0.985, expert_dice_drop=0.005, subgroup_dice_drop=0.01)


@dataclass(frozen=True)
class PrecisionLimits:
    """The limits of each precision.

    *fp16*: half precision; fp32 is held to it as well. *int8*: whatever holds an 8-bit layer, so `auto` as well.

    >>> PrecisionLimits().of("auto").mean_dice
    0.985
    """

    fp16: AcceptanceLimits = field(default_factory=_half)
    int8: AcceptanceLimits = field(default_factory=_eight_bits)

    def __post_init__(self) -> None:
        """Check the types, for a document may bring anything."""
        for name, value in vars(self).items():
            if not isinstance(value, AcceptanceLimits):
                raise ContractInvalid(f"cannot accept the limits: {name} is {shown(value)}, expected AcceptanceLimits")

    def of(self, precision: str) -> AcceptanceLimits:
        """Return the limits of "fp32", "fp16", "int8" or "auto"; raises UnknownName for another precision."""
        by_name = {"fp32": self.fp16, "fp16": self.fp16, "int8": self.int8, "auto": self.int8}
        if precision not in by_name:
            raise unknown_name("precision", precision, tuple(by_name))
        return by_name[precision]

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`; `from_json` gives the same limits back."""
        return {"fp16": asdict(self.fp16), "int8": asdict(self.int8)}

    @classmethod
    def from_json(cls, document: object) -> "PrecisionLimits":
        """Read what `to_json` wrote. Raises ContractInvalid if a field is missing, foreign or no share."""
        values = _fields(document, "limits", ("fp16", "int8"))
        return cls(**{name: AcceptanceLimits.from_json(value, f"limits.{name}") for name, value in values.items()})


def _check_shares(values: Mapping[str, object], where: str) -> None:
    for name, value in values.items():
        if not _is_share(value):
            raise ContractInvalid(
                f"cannot accept the contract: {name} of {where} is {shown(value)}, expected a number from 0 to 1"
            )


def _is_share(value: object) -> bool:
    # Written so that a NaN is none.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _fields(document: object, where: str, names: tuple[str, ...]) -> dict[str, object]:
    if not isinstance(document, Mapping):
        raise ContractInvalid(f"cannot accept the contract: {where} is {shown(document)}, expected a JSON object")
    for name in (*names, *document):
        if name not in document or name not in names:
            verdict = "unknown" if name in document else "missing"
            raise ContractInvalid(f"cannot accept the contract: field {shown(name)} of {where} is {verdict}")
    return {name: document[name] for name in names}
