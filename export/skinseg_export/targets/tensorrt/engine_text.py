"""Read from a built TensorRT-RTX engine which kernels it holds and in which types they run.

The engine carries its kernel graph as text. NVIDIA does not document it, so this reads only what is plain, promises
nothing for the next release, and gives None for whatever looks otherwise; nothing is decided by it.

The file holds several programs, the first of which is the network's; the others are the insides of its fused kernels::

    header {
      version = 5
    descriptors {
      tensor={ ... dims={ 1 4 256 256 } ... name="conv2d.1_2" ... type=half }
    main {
      corrltn={ name="encoder1/Conv_4" output={"a" } input={"conv2d.1_2" "weights" } ... layers="[ONNX Layer: ...]" }
      function={ name=__myl_CastMean fqn=... input_args={ "a" } ... output_args={ "b" } ... }
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["EngineText", "Kernel", "read_engine_text"]

# Kernels that multiply by weights or one value by another: what INT8 and FP16 are worth is decided here.
_ARITHMETIC = {
    "corrltn": "convolution",
    "deconvolution": "transposed convolution",
    "fully_connected": "matrix product",
}
_FUSED_ARITHMETIC = {"conv": "convolution", "deconv": "transposed convolution", "gemm": "matrix product"}
_ORDER_ONLY = ("signal", "wait")  # between streams; they compute nothing
_PROGRAM = b"header {"
_BODY, _END = "\nmain {", "\n}"
_LARGEST = 64 << 20  # bytes of one program with what is compiled for it; what lies behind is not looked at

_TENSOR = re.compile(r'^  (?:sub_)?tensor=\{[^\n]*?\bname="([^"]*)"[^\n]*?\btype=(\w+) \}', re.MULTILINE)
_STATEMENT = re.compile(r"^  (\w+)=\{ (?=name=)([^\n]*)$", re.MULTILINE)
_NAME = re.compile(r'\bname="?([^" ]*)')
_INPUTS = re.compile(r"\binput(?:_args)?=\{([^}]*)\}")
_OUTPUTS = re.compile(r"\boutput(?:_args)?=\{([^}]*)\}")
_QUOTED = re.compile(r'"([^"]*)"')
_BACKBONE = re.compile(r"\bbackbone=(\w+)")
_LAYER = re.compile(r"\[ONNX Layer: ([^\]]*)\]")


@dataclass(frozen=True)
class Kernel:
    """*kind*: "convolution", "transposed convolution", "matrix product", or the engine's own word ("maxpool", "fused").

    *inputs*, *outputs*: types of what it reads and writes, such as "half", "int8", "float". *layers*: the ONNX nodes
    that it computes.
    """

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    layers: tuple[str, ...]

    @property
    def is_arithmetic(self) -> bool:
        """Whether it multiplies with weights, or values with values."""
        return self.kind in (*_ARITHMETIC.values(), *_FUSED_ARITHMETIC.values())

    @property
    def type(self) -> str:
        """The type it computes in: of what it reads first, or writes if it reads nothing.

        Of arithmetic "int8" only where picture and weights both have 8 bits; a fused kernel names them in any order.
        """
        if self.is_arithmetic and "int8" in self.inputs:
            others = (each for each in self.inputs if each != "int8")
            return "int8" if self.inputs.count("int8") > 1 else next(others, "int8")
        return (self.inputs or self.outputs)[0]


@dataclass(frozen=True)
class EngineText:
    """What the text of an engine says. *kernels*: in the order in which they run."""

    kernels: tuple[Kernel, ...]

    def types(self) -> dict[str, int]:
        """Count all kernels by the type they compute in."""
        return dict(sorted(Counter(kernel.type for kernel in self.kernels).items()))

    def arithmetic(self) -> dict[str, dict[str, int]]:
        """Count the kernels that multiply, by kind and type."""
        counts: dict[str, Counter[str]] = {}
        for kernel in self.kernels:
            if kernel.is_arithmetic:
                counts.setdefault(kernel.kind, Counter())[kernel.type] += 1
        return {kind: dict(sorted(found.items())) for kind, found in sorted(counts.items())}

    def types_of_layers(self, nodes: Sequence[str]) -> dict[str, str]:
        """Return the type in which each ONNX node of *nodes* multiplies; "none" where no such kernel names it."""
        types = dict.fromkeys(nodes, "none")
        for kernel in (each for each in self.kernels if each.is_arithmetic):
            types.update(dict.fromkeys(set(kernel.layers) & types.keys(), kernel.type))
        return types


def read_engine_text(engine: bytes) -> EngineText | None:
    """Return what the text in *engine* says, None if there is none, or it has another form than is known."""
    start = engine.find(_PROGRAM)
    if start < 0:
        return None
    program = engine[start : start + _LARGEST].decode("latin-1")
    body = program.find(_BODY)
    end = program.find(_END, body + len(_BODY))
    types = dict(_TENSOR.findall(program, 0, max(body, 0)))
    if min(body, end) < 0 or not types:
        return None
    statements = [found for found in _STATEMENT.findall(program, body, end) if found[0] not in _ORDER_ONLY]
    kernels = [_kernel(kind, statement, types) for kind, statement in statements]
    known = tuple(kernel for kernel in kernels if kernel is not None)
    return EngineText(known) if known and len(known) == len(kernels) else None


def _kernel(kind: str, statement: str, types: Mapping[str, str]) -> Kernel | None:
    name, inputs, outputs = (pattern.search(statement) for pattern in (_NAME, _INPUTS, _OUTPUTS))
    if name is None or inputs is None or outputs is None:
        return None
    read, written = _QUOTED.findall(inputs[1]), _QUOTED.findall(outputs[1])
    if not written or any(value not in types for value in (*read, *written)):
        return None
    layers = tuple(dict.fromkeys(_LAYER.findall(statement)))
    return Kernel(
        _kind(kind, statement),
        name[1],
        tuple(types[value] for value in read),
        tuple(types[value] for value in written),
        layers,
    )


def _kind(kind: str, statement: str) -> str:
    backbone = _BACKBONE.search(statement)
    if backbone is not None:
        return _FUSED_ARITHMETIC.get(backbone[1], backbone[1])
    if kind in _ARITHMETIC:
        return _ARITHMETIC[kind]
    return "fused" if kind in ("function", "runtime_function") else kind
