"""Turn a network into the ONNX file of the deployed graph: quiet, checked, the same bytes for the same weights."""

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch
from torch import nn

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import InputError, ToolMissing
from skinseg_edge.networks.blocks.whole_scan import scans_kept_whole
from skinseg_export.deployed_graph import INPUT_NAME, OUTPUT_NAME, DeployedGraph
from skinseg_export.foreign_noise import quiet
from skinseg_export.graph_fusion import WITH_STORED_WEIGHTS, fused
from skinseg_export.graph_fusion.narrowness import is_narrow
from skinseg_export.opsets import DEFAULT_OPSET, OPSETS
from skinseg_export.quick_rewriting import quick_rewriting
from skinseg_export.simplified_graph import simplified
from skinseg_export.weights_aside import large_weights, with_weights_as_inputs
from skinseg_export.written_scans import scan_translations, write_scans

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch.export import ExportedProgram

__all__ = ["OnnxExport", "check_model", "onnx_from_torch", "set_metadata"]

_METADATA_PREFIX = "skinseg."
_SCOPES = "pkg.torch.onnx.name_scopes"


@dataclass(frozen=True)
class OnnxExport:
    """*model*: the simplified ONNX model. *program*: the torch program behind it, with the same names of values.

    *stored*: the model again where *model* makes a kernel for each picture, with stored weights in every convolution.
    """

    model: "ModelProto"
    program: "ExportedProgram"
    stored: "ModelProto | None" = None

    @property
    def typed_source(self) -> "ModelProto":
        """The fp32 model that files in half precision and in 8 bits are made of: all weights of convolutions stored."""
        return self.model if self.stored is None else self.stored


def onnx_from_torch(
    network: nn.Module,
    contract: ModelContract,
    *,
    opset: int = DEFAULT_OPSET,
    dynamic_batch: bool = False,
    metadata: Mapping[str, str] | None = None,
    fuse: bool = True,
) -> OnnxExport:
    """Export the deployed graph of *network* (logits out): `image` uint8 N x H x W x 3, `probability` float32.

    *dynamic_batch* leaves N free; it is 1 otherwise. *metadata* is stored in the file under `skinseg.` beside the
    contract, and there too what memory layout of ONNX Runtime suits the network. *fuse* leaves fewer nodes and the same
    answers (see `graph_fusion`). Nodes are named after the module they come from (`network/encoder4/0/0/Where_31`).

    Raises InputError if the opset is not one of OPSETS or the network uses an operation that ONNX cannot express,
    ToolMissing if onnx, onnxscript or onnxsim is not installed.
    """
    if opset not in OPSETS:
        raise InputError(f"cannot export to opset {opset}: expected one of {OPSETS.start} to {OPSETS.stop - 1}")
    _require_tools()
    raw, program = _export(DeployedGraph(network, contract), contract, opset, dynamic_batch)
    scopes = _scopes(raw)
    made = _variants(simplified(raw), fuse)
    for model in made:
        _name_nodes(model, scopes)
        _forget_traces(model)
        contract_json = json.dumps(contract.to_json(), sort_keys=True, separators=(",", ":"))
        layout = {"layout": "plain"} if is_narrow(model) else {}
        set_metadata(model, {"contract": contract_json, "precision": "fp32", **layout, **(metadata or {})})
        check_model(model)
    return OnnxExport(made[0], program, *made[1:])


def set_metadata(model: "ModelProto", entries: Mapping[str, str]) -> None:
    """Write *entries* into the model's metadata under `skinseg.`, sorted, replacing those of the same name."""
    merged = {prop.key: prop.value for prop in model.metadata_props}
    merged.update({_METADATA_PREFIX + key: value for key, value in entries.items()})
    del model.metadata_props[:]
    for key in sorted(merged):
        model.metadata_props.add(key=key, value=merged[key])


def check_model(model: "ModelProto") -> None:
    """Run the ONNX checker with strict type and shape inference; its errors are mistakes of this project."""
    import onnx

    weights = tuple(large_weights(model))
    onnx.checker.check_model(with_weights_as_inputs(model, weights), full_check=True)
    for weight in weights:
        onnx.checker.check_tensor(weight)


def _require_tools() -> None:
    missing = [name for name in ("onnx", "onnxscript", "onnxsim") if find_spec(name) is None]
    if missing:
        raise ToolMissing(
            f"cannot export to ONNX: {', '.join(missing)} is not installed; run pip install 'skinseg-edge[export]'"
        )


def _export(
    graph: DeployedGraph, contract: ModelContract, opset: int, dynamic_batch: bool
) -> tuple["ModelProto", "ExportedProgram"]:
    # Two pictures where N is free: torch takes a size of 1 for a constant.
    example = torch.zeros((2 if dynamic_batch else 1, *contract.input_hw, 3), dtype=torch.uint8)
    free = {"image": {0: torch.export.Dim("N", min=1)}} if dynamic_batch else None
    try:
        with quiet(), quick_rewriting(), scans_kept_whole():
            exported = torch.onnx.export(
                graph,
                (example,),
                dynamo=True,
                external_data=False,
                opset_version=opset,
                input_names=[INPUT_NAME],
                output_names=[OUTPUT_NAME],
                dynamic_shapes=free,
                custom_translation_table=scan_translations(),
                verbose=False,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"cannot export {type(graph.pixels.network).__name__} to ONNX: {reason}") from error
    if exported is None or exported.exported_program is None:
        raise AssertionError("torch.onnx.export with dynamo=True returned no program")
    model = exported.model_proto
    write_scans(model)
    return model, exported.exported_program


def _scopes(model: "ModelProto") -> dict[str, str]:
    """Map each value to the path of the module that makes it (`pixels/network/encoder1`)."""
    found = {}
    for node in model.graph.node:
        for prop in node.metadata_props:
            if prop.key == _SCOPES:
                modules = [scope for scope in ast.literal_eval(prop.value)[:-1] if scope]
                innermost = modules[-1] if modules else ""
                found.update(dict.fromkeys(node.output, innermost.replace(".", "/")))
    return found


def _variants(model: "ModelProto", fuse: bool) -> "list[ModelProto]":
    """Return the graph to deploy and, where it makes a kernel for each picture, the one with stored weights."""
    if not fuse:
        return [model]
    whole = fused(model)
    return [whole.model, fused(model, WITH_STORED_WEIGHTS).model] if whole.makes_kernels else [whole.model]


def _name_nodes(model: "ModelProto", scopes: Mapping[str, str]) -> None:
    # What a builder's error or an engine's layer list shows is this name. A node that the exporter left without a
    # module (the splits of torch.chunk) belongs where its input comes from.
    known = dict(scopes)
    for index, node in enumerate(model.graph.node):
        scope = next((known[value] for value in (*node.output, *node.input) if known.get(value)), "")
        known.update((value, scope) for value in node.output if value not in known)
        path = scope.removeprefix("pixels").strip("/")
        node.name = f"{path}/{node.op_type}_{index}" if path else f"{node.op_type}_{index}"


def _forget_traces(model: "ModelProto") -> None:
    # The exporter records source paths of this machine, onnxsim what it did: nothing for a file that travels.
    del model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info, *model.graph.initializer):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
