"""What is known of a bundle's TensorRT files before a GPU has seen them; `report_page` says it in words."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from skinseg_export.targets.tensorrt.build import BuiltEngine
from skinseg_export.targets.tensorrt.engine_text import EngineText, read_engine_text
from skinseg_export.targets.tensorrt.operators import ParserReport, parser_reports

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["REPORT_SCHEMA", "EightBits", "FileReport", "TensorRtReport", "file_report"]

REPORT_SCHEMA = "skinseg.tensorrt-report/1"


@dataclass(frozen=True)
class EightBits:
    """*ordered*: how many nodes of the ONNX file have 8 bits around them. *others*: those that run in another type."""

    ordered: int
    others: Mapping[str, str]


@dataclass(frozen=True)
class FileReport:
    """One typed file of the bundle. *plan*: how a Jetson builds its engine.

    *size*: of its TensorRT-RTX engine, bytes; None without one. *layers*: as its parser counts them. *memory*: what the
    builder logged. *kernels*: None if the engine's text is not readable. *why_none*: why there is no engine.
    *computed_kernels*: convolutions that get their kernel for each picture.
    """

    artefact: str
    plan: Mapping[str, object]
    parsers: tuple[ParserReport, ...]
    size: int | None = None
    layers: int | None = None
    memory: Mapping[str, int] | None = None
    kernels: EngineText | None = None
    eight_bits: EightBits | None = None
    why_none: str = ""
    computed_kernels: int = 0

    @property
    def path(self) -> str:
        """Where the bundle keeps the file."""
        return str(self.plan["onnx"])


@dataclass(frozen=True)
class TensorRtReport:
    """*rtx_version*: of the TensorRT-RTX that parsed and built, None without one. *compute_capabilities*: for which."""

    files: tuple[FileReport, ...]
    rtx_version: str | None
    compute_capabilities: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Return everything as plain values for `json.dumps`."""
        return {
            "schema": REPORT_SCHEMA,
            "tensorrt_rtx": self.rtx_version,
            "compute_capabilities": list(self.compute_capabilities),
            "run_on_a_gpu": False,
            "files": [_file(each) for each in self.files],
        }


def file_report(
    artefact: str, model: "ModelProto", plan: Mapping[str, object], built: BuiltEngine | None, why_none: str = ""
) -> FileReport:
    """Report on *model*; *plan* is its device plan, *built* its TensorRT-RTX engine or None for the reason *why_none*.

    The name of *artefact* is the manifest's.
    """
    parsers, computed = parser_reports(model), _computed_kernels(model)
    if built is None:
        return FileReport(artefact, plan, parsers, why_none=why_none, computed_kernels=computed)
    memory, layers = built.sidecar["memory"], built.sidecar["layers"]
    kernels = read_engine_text(built.data)
    return FileReport(
        artefact,
        plan,
        parsers,
        size=len(built.data),
        layers=layers if isinstance(layers, int) else None,
        memory=memory if isinstance(memory, Mapping) else {},
        kernels=kernels,
        eight_bits=_eight_bits(model, kernels),
        computed_kernels=computed,
    )


def _computed_kernels(model: "ModelProto") -> int:
    constant = {"Constant", "DequantizeLinear"}  # the latter of stored weights
    stored = {each.name for each in model.graph.initializer}
    stored.update(name for node in model.graph.node if node.op_type in constant for name in node.output)
    return sum(node.op_type == "Conv" and node.input[1] not in stored for node in model.graph.node)


def _eight_bits(model: "ModelProto", kernels: EngineText | None) -> EightBits | None:
    ordered = _ordered(model)
    if not ordered or kernels is None:
        return None
    types = kernels.types_of_layers(ordered)
    return EightBits(len(ordered), {name: type_ for name, type_ in types.items() if type_ != "int8"})


def _ordered(model: "ModelProto") -> tuple[str, ...]:
    """Return the nodes whose picture and weights both come out of a Q/DQ pair."""
    pairs = {node.output[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    return tuple(node.name for node in model.graph.node if len(node.input) > 1 and pairs.issuperset(node.input[:2]))


def _file(each: FileReport) -> dict[str, object]:
    return {
        "artefact": each.artefact,
        "path": each.path,
        "precision": each.plan["precision"],
        "onnx_sha256": each.plan["onnx_sha256"],
        "computed_kernels": each.computed_kernels,
        "parsers": [
            {**asdict(parser), "documented": parser.is_supported, "opsets": list(parser.opsets)}
            for parser in each.parsers
        ],
        "tensorrt_rtx": _engine(each),
        "plan": dict(each.plan),
    }


def _engine(each: FileReport) -> dict[str, object]:
    if each.size is None:
        return {"built": False, "reason": each.why_none}
    kernels, bits = each.kernels, each.eight_bits
    return {
        "built": True,
        "bytes": each.size,
        "layers": each.layers,
        "memory": dict(each.memory or {}),
        "kernels": None
        if kernels is None
        else {"count": len(kernels.kernels), "types": kernels.types(), "arithmetic": kernels.arithmetic()},
        "eight_bits": None if bits is None else {"ordered": bits.ordered, "not_in_8_bits": dict(bits.others)},
    }
