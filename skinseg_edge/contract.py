"""What a network expects and what its output means, in a form that every floor can read.

A constructed contract is always valid: the rules are checked once, here, and nowhere else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast, get_args

from skinseg_edge.acceptance_limits import PrecisionLimits
from skinseg_edge.errors import ContractInvalid, SchemaUnknown
from skinseg_edge.strict_json import shown

__all__ = ["CONTRACT_SCHEMA", "ModelContract", "ResizeRule"]

CONTRACT_SCHEMA = "skinseg.contract/1"

ResizeRule: TypeAlias = Literal["stretch", "letterbox", "crop"]

_SMALLEST_SIDE = 16
_LARGEST_SIDE = 4096
_MOST_CLASSES = 256  # a class map holds their numbers in a byte
_HUGE = 1e30  # mean and std are float32 in the graph
_FIELDS = ("schema", "input_hw", "colour_order", "mean", "std", "resize", "pad_value", "classes", "output", "threshold")
_FIELDS_THAT_MAY_LACK = ("lesion_classes", "limits")  # added later, and left out where they say nothing


@dataclass(frozen=True, kw_only=True)
class ModelContract:
    """The agreement between a network and everything around it.

    *input_hw*: rows and columns of the network's input, px, each 16 to 4096.
    *mean*, *std*: per-channel normalisation (R, G, B) of values scaled to [0, 1]; std > 0. Applied inside the graph.
    *resize*: how a photo meets the input: `stretch` both axes, `letterbox` with borders, centre `crop`.
    *pad_value*: grey level (0 to 255) of letterbox borders.
    *classes*: names of what is segmented. One name is a binary network (a sigmoid map of that class against the
    rest); several are a softmax over all, the first being background.
    *lesion_classes*: names of the classes that count as lesion, for networks that tell other things, too (parts of a
    face); the background is none. Empty: every class but the background, or the one of a binary network.
    *threshold*: probability from which a pixel belongs to the class of a binary network, strictly between 0 and 1.
    *limits*: how far the masks of a rounded or quantized form may stray before it is refused.

    Raises ContractInvalid when a value breaks its rule above.
    """

    input_hw: tuple[int, int]
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    resize: ResizeRule = "stretch"
    pad_value: int = 128
    classes: tuple[str, ...] = ("lesion",)
    threshold: float = 0.5
    lesion_classes: tuple[str, ...] = ()
    limits: PrecisionLimits = field(default_factory=PrecisionLimits)

    def __post_init__(self) -> None:
        """Check every rule once."""
        _check(
            _is_pair(self.input_hw) and all(_SMALLEST_SIDE <= side <= _LARGEST_SIDE for side in self.input_hw),
            f"input_hw is {shown(self.input_hw)}, expected two whole numbers from {_SMALLEST_SIDE} to {_LARGEST_SIDE}",
        )
        for name, triple in (("mean", self.mean), ("std", self.std)):
            _check(_is_finite_triple(triple), f"{name} is {shown(triple)}, expected three finite numbers")
        _check(min(self.std) > 0, f"std is {shown(self.std)}, expected numbers above 0")
        _check(
            self.resize in get_args(ResizeRule),
            f"resize is {shown(self.resize)}, expected {_listed(get_args(ResizeRule))}",
        )
        _check(
            _is_whole(self.pad_value) and 0 <= self.pad_value <= 255,
            f"pad_value is {shown(self.pad_value)}, expected a whole number from 0 to 255",
        )
        _check(
            _are_names(self.classes),
            f"classes are {shown(self.classes)}, expected distinct printable names in a tuple",
        )
        _check(
            len(self.classes) <= _MOST_CLASSES,
            f"there are {len(self.classes)} classes, expected at most {_MOST_CLASSES}",
        )
        _check(
            _is_number(self.threshold) and 0 < self.threshold < 1,
            f"threshold is {shown(self.threshold)}, expected a number between 0 and 1",
        )
        could_be_lesion = self.classes if self.is_binary else self.classes[1:]
        _check(
            self.lesion_classes == ()
            or (_are_names(self.lesion_classes) and all(name in could_be_lesion for name in self.lesion_classes)),
            f"lesion_classes are {shown(self.lesion_classes)}, expected a tuple of names from "
            f"{shown(list(could_be_lesion))}",
        )
        _check(isinstance(self.limits, PrecisionLimits), f"limits are {shown(self.limits)}, expected PrecisionLimits")

    @property
    def is_binary(self) -> bool:
        """Whether the network has one sigmoid map instead of a softmax over several."""
        return len(self.classes) == 1

    @property
    def output(self) -> Literal["sigmoid", "softmax"]:
        """What turns the network's logits into probabilities."""
        return "sigmoid" if self.is_binary else "softmax"

    @property
    def lesion_indices(self) -> tuple[int, ...]:
        """Which of the network's maps are lesion: numbers into *classes*, rising."""
        if not self.lesion_classes:
            return (0,) if self.is_binary else tuple(range(1, len(self.classes)))
        return tuple(index for index, name in enumerate(self.classes) if name in self.lesion_classes)

    @property
    def lesion_labels(self) -> tuple[int, ...]:
        """Which numbers of a label map are lesion; there 0 is the background of a binary network, too."""
        return (1,) if self.is_binary else self.lesion_indices

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`; `from_json` gives the same contract back."""
        document: dict[str, object] = {
            "schema": CONTRACT_SCHEMA,
            "input_hw": list(self.input_hw),
            "colour_order": "RGB",
            "mean": list(self.mean),
            "std": list(self.std),
            "resize": self.resize,
            "pad_value": self.pad_value,
            "classes": list(self.classes),
            "output": self.output,
            "threshold": self.threshold,
        }
        if self.lesion_classes:
            document["lesion_classes"] = list(self.lesion_classes)
        if self.limits != PrecisionLimits():
            document["limits"] = self.limits.to_json()
        return document

    @classmethod
    def from_json(cls, document: object) -> "ModelContract":
        """Read what `to_json` wrote.

        Raises SchemaUnknown if the schema is another one, ContractInvalid if a field is missing, foreign or invalid.
        """
        if not isinstance(document, Mapping):
            raise ContractInvalid(f"cannot read the contract: got {type(document).__name__}, expected a JSON object")
        schema = document.get("schema")
        if schema != CONTRACT_SCHEMA:
            raise SchemaUnknown(
                f"cannot read the contract: its schema is {shown(schema)}, this version reads {CONTRACT_SCHEMA!r}; "
                "update skinseg-edge or export the model again"
            )
        missing = [name for name in _FIELDS if name not in document]
        foreign = [str(name) for name in document if name not in (*_FIELDS, *_FIELDS_THAT_MAY_LACK)]
        _check(not missing, f"field {_listed(missing)} is missing")
        _check(not foreign, f"field {_listed(foreign[:5])} is unknown")
        _check(document["colour_order"] == "RGB", f"colour_order is {shown(document['colour_order'])}, expected 'RGB'")
        # The casts claim what the creation of a contract checks.
        contract = cls(
            input_hw=cast("tuple[int, int]", _tuple("input_hw", document["input_hw"])),
            mean=cast("tuple[float, float, float]", _tuple("mean", document["mean"])),
            std=cast("tuple[float, float, float]", _tuple("std", document["std"])),
            resize=cast("ResizeRule", document["resize"]),
            pad_value=cast("int", document["pad_value"]),
            classes=cast("tuple[str, ...]", _tuple("classes", document["classes"])),
            threshold=cast("float", document["threshold"]),
            lesion_classes=cast("tuple[str, ...]", _tuple("lesion_classes", document.get("lesion_classes", ()))),
            limits=PrecisionLimits.from_json(document["limits"]) if "limits" in document else PrecisionLimits(),
        )
        _check(
            document["output"] == contract.output,
            f"output is {shown(document['output'])}, expected {contract.output!r}",
        )
        return contract


def _check(holds: bool, message: str) -> None:
    if not holds:
        raise ContractInvalid(f"cannot accept the contract: {message}")


def _is_number(value: object) -> bool:
    # Compared, not asked by isfinite(), which fails on a whole number that no float can hold.
    return isinstance(value, int | float) and not isinstance(value, bool) and -_HUGE < value < _HUGE


def _are_names(value: object) -> bool:
    if not isinstance(value, tuple) or not all(isinstance(name, str) for name in value):
        return False
    # Printable, because the names are shown on terminals, which obey control characters.
    return 0 < len(value) == len(set(value)) and all(name.strip() and name.isprintable() for name in value)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_pair(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(_is_whole(side) for side in value)


def _is_finite_triple(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 3 and all(_is_number(part) for part in value)


def _tuple(name: str, value: object) -> tuple[object, ...]:
    if not isinstance(value, list | tuple):
        raise ContractInvalid(f"cannot accept the contract: {name} is {shown(value)}, expected a list")
    return tuple(value)


def _listed(names: Sequence[object]) -> str:
    return ", ".join(shown(name) for name in names)
