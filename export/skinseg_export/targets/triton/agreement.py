"""Hold a configuration against the contract and the ONNX file that it serves, field by field.

The configuration is first spread out: `input[0].dims`, `parameters[skinseg.contract].string_value`. What the contract
fixes must stand there, what a user may choose must be possible, and nothing else may be there.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import SkinsegError, VerificationFailed
from skinseg_edge.strict_json import parse_object, shown
from skinseg_export.deployed_graph import INPUT_NAME, OUTPUT_NAME
from skinseg_export.targets.triton.build import CONTRACT_PARAMETER, LABELS_NAME, ONNX_HASH_PARAMETER
from skinseg_export.targets.triton.config_schema import KINDS
from skinseg_export.targets.triton.config_text import Message, Value

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto

__all__ = ["Leaf", "check_config", "check_graph", "check_labels", "spread_out"]

Leaf: TypeAlias = str | int | tuple[str | int, ...]

_MEND = "export the model again"
_CHOSEN = re.compile(
    r"max_batch_size|instance_group\[0\]\.(count|kind)|version_policy\.latest\.num_versions|dynamic_batching"
    r"|dynamic_batching\.(preferred_batch_size|max_queue_delay_microseconds)|parameters\[skinseg\.[a-z0-9_]+\]"
    r"\.string_value|model_warmup\[\d+\]\.(name|batch_size|inputs\[image\]\.(data_type|dims|zero_data))"
)


def spread_out(message: Mapping[str, Value], above: str = "") -> dict[str, Leaf]:
    """Return every value of *message* by its path; an entry of a map stands under its key.

    >>> spread_out({"input": [{"name": "image", "dims": [2, 3]}], "parameters": [{"key": "a", "value": {"b": "c"}}]})
    {'input[0].name': 'image', 'input[0].dims': (2, 3), 'parameters[a].b': 'c'}

    Raises VerificationFailed if a key comes twice.
    """
    leaves: dict[str, Leaf] = {}
    for path, value in _paths(message, above):
        if path in leaves:
            raise VerificationFailed(f"cannot accept config.pbtxt: {path} stands there twice, expected once; {_MEND}")
        leaves[path] = value
    return leaves


def check_config(config: Message, name: str, onnx: bytes, contract: ModelContract) -> int:
    """Check the configuration of the model *name*, which serves *onnx*, and return its largest batch.

    Raises VerificationFailed naming the first field that does not fit, what stands there and what was expected.
    """
    leaves = spread_out(config)
    rows, columns = contract.input_hw
    fixed: dict[str, Leaf] = {
        "name": name,
        "backend": "onnxruntime",
        "platform": "onnxruntime_onnx",
        "default_model_filename": "model.onnx",
        "input[0].name": INPUT_NAME,
        "input[0].data_type": "TYPE_UINT8",
        "input[0].format": "FORMAT_NHWC",
        "input[0].dims": (rows, columns, 3),
        "output[0].name": OUTPUT_NAME,
        "output[0].data_type": "TYPE_FP32",
        "output[0].dims": (len(contract.classes), rows, columns),
        "output[0].label_filename": LABELS_NAME,
        f"parameters[{ONNX_HASH_PARAMETER}].string_value": hashlib.sha256(onnx).hexdigest(),
    }
    for path, expected in fixed.items():
        _expect(path, leaves.get(path), expected)
    foreign = [path for path in leaves if path not in fixed and _CHOSEN.fullmatch(path) is None]
    if foreign:
        raise VerificationFailed(
            f"cannot accept config.pbtxt: it has {foreign[0]}, expected one input, one output and nothing else; {_MEND}"
        )
    _check_contract(leaves.get(f"parameters[{CONTRACT_PARAMETER}].string_value"), contract)
    return _check_running(leaves, contract)


def check_labels(data: bytes, contract: ModelContract) -> None:
    """Check that labels.txt names the classes, a line each, in the order of the output's channels.

    Raises VerificationFailed if not.
    """
    expected = "".join(f"{label}\n" for label in contract.classes).encode()
    if data != expected:
        raise VerificationFailed(
            f"cannot accept labels.txt: it holds {shown(data)}, expected {shown(expected)}, the contract's classes in "
            f"their order; {_MEND}"
        )


def check_graph(model: "ModelProto", config: Message) -> None:
    """Check that the ONNX file takes and gives what the configuration says, with a free batch axis.

    Raises VerificationFailed naming the tensor.
    """
    leaves = spread_out(config)
    for role, tensors in (("input", model.graph.input), ("output", model.graph.output)):
        if len(tensors) != 1:
            raise VerificationFailed(f"cannot accept model.onnx: it has {len(tensors)} {role}s, expected one; {_MEND}")
        name, data_type, free, dims = _signature(tensors[0])
        found = (name, data_type, "any batch" if free else "a fixed batch", dims)
        said = leaves[f"{role}[0].name"], leaves[f"{role}[0].data_type"], "any batch", leaves[f"{role}[0].dims"]
        if found != said:
            raise VerificationFailed(
                f"cannot accept model.onnx: its {role} is {_worded(found)}, config.pbtxt says {_worded(said)}; {_MEND}"
            )


def _paths(message: Mapping[str, Value], above: str) -> Iterator[tuple[str, Leaf]]:
    for name, value in message.items():
        path = f"{above}.{name}" if above else name
        if isinstance(value, dict):
            yield from _paths(value, path) if value else [(path, ())]
        elif isinstance(value, str | int):
            yield path, value
        else:
            scalars = tuple(part for part in value if not isinstance(part, dict))
            if scalars or not value:
                yield path, scalars
            for place, part in enumerate(value):
                if isinstance(part, dict):
                    yield from _entry(part, path, place)


def _entry(part: Message, path: str, place: int) -> Iterator[tuple[str, Leaf]]:
    """Yield the values of an entry of a list, or of a map, whose entries have a key and a value."""
    inside = part.get("value")
    if set(part) == {"key", "value"} and isinstance(inside, dict):
        yield from _paths(inside, f"{path}[{part['key']}]")
    else:
        yield from _paths(part, f"{path}[{place}]")


def _check_contract(text: Leaf | None, contract: ModelContract) -> None:
    what = f"cannot accept config.pbtxt: its {CONTRACT_PARAMETER}"
    if not isinstance(text, str):
        raise VerificationFailed(f"{what} is missing, expected the bundle's contract; {_MEND}")
    try:
        told = ModelContract.from_json(parse_object(text.encode(), CONTRACT_PARAMETER))
    except SkinsegError as error:
        raise VerificationFailed(f"{what} is no contract: {error}") from error
    if told != contract:
        theirs, ours = told.to_json(), contract.to_json()
        other = next(key for key in {**theirs, **ours} if theirs.get(key) != ours.get(key))
        raise VerificationFailed(
            f"{what} is that of another model: {other} is {shown(theirs.get(other))}, expected "
            f"{shown(ours.get(other))}; {_MEND}"
        )


def _check_running(leaves: Mapping[str, Leaf], contract: ModelContract) -> int:
    """Check what a user may choose, and return the largest batch."""
    largest = leaves.get("max_batch_size")
    if not isinstance(largest, int) or largest < 1:
        _refuse("max_batch_size", largest, "1 or more")
    preferred = leaves.get("dynamic_batching.preferred_batch_size", ())
    sizes = [*(preferred if isinstance(preferred, tuple) else ()), *_each(leaves, r"model_warmup\[\d+\]\.batch_size")]
    for size in sizes:
        if not isinstance(size, int) or not 1 <= size <= largest:
            _refuse("a batch of dynamic_batching or model_warmup", size, f"1 to max_batch_size, which is {largest}")
    for path, least in (("instance_group[0].count", 1), ("version_policy.latest.num_versions", 1)):
        number = leaves.get(path)
        if not isinstance(number, int) or number < least:
            _refuse(path, number, f"{least} or more")
    if leaves.get("instance_group[0].kind") not in KINDS:
        _refuse("instance_group[0].kind", leaves.get("instance_group[0].kind"), " or ".join(KINDS))
    for dims in _each(leaves, r"model_warmup\[\d+\]\.inputs\[image\]\.dims"):
        _expect("dims of model_warmup", dims, (*contract.input_hw, 3))
    return largest


def _each(leaves: Mapping[str, Leaf], pattern: str) -> list[Leaf]:
    return [value for path, value in leaves.items() if re.fullmatch(pattern, path)]


def _expect(path: str, found: Leaf | None, expected: Leaf) -> None:
    if found != expected:
        _refuse(path, found, expected)


def _refuse(path: str, found: Leaf | None, expected: Leaf) -> NoReturn:
    came = "missing" if found is None else _worded(found)
    raise VerificationFailed(f"cannot accept config.pbtxt: {path} is {came}, expected {_worded(expected)}; {_MEND}")


def _worded(value: object) -> str:
    if isinstance(value, tuple):
        return "(" + ", ".join(_worded(part) for part in value) + ")"
    return str(value)


def _signature(tensor: "ValueInfoProto") -> tuple[str, str, bool, Leaf]:
    """Return name, type in Triton's words, whether the first axis is free, and the other axes; -1 for a free one."""
    from onnx import TensorProto

    of_triton = {"UINT8": "TYPE_UINT8", "FLOAT": "TYPE_FP32", "FLOAT16": "TYPE_FP16"}
    kind = tensor.type.tensor_type
    sizes = [dim.dim_value if dim.HasField("dim_value") else -1 for dim in kind.shape.dim]
    in_onnx = TensorProto.DataType.Name(kind.elem_type)
    return tensor.name, of_triton.get(in_onnx, in_onnx), sizes[:1] == [-1], tuple(sizes[1:])
