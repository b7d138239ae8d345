"""Build the ONNX files: fp32 from torch, half precision from fp32."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import ParityFailed
from skinseg_export.half_precision import half_from_single
from skinseg_export.onnx_from_torch import DEFAULT_OPSET, OnnxExport, onnx_from_torch

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["HALF_PATH", "SINGLE_PATH", "OnnxFiles", "onnx_files_from_torch"]

SINGLE_PATH = "model.onnx"
HALF_PATH = "model.fp16.onnx"


@dataclass(frozen=True)
class OnnxFiles:
    """The fp32 model with the torch program behind it, and the fp16 model.

    *half*: None when it was not asked for or cannot be written; *half_failure* then says why.
    """

    single: OnnxExport
    half: "ModelProto | None"
    half_failure: ParityFailed | None = None


def onnx_files_from_torch(
    network: nn.Module,
    contract: ModelContract,
    *,
    half: bool,
    opset: int = DEFAULT_OPSET,
    dynamic_batch: bool = False,
    metadata: Mapping[str, str] | None = None,
) -> OnnxFiles:
    """Export *network* (logits out); see `onnx_from_torch` for what it raises."""
    single = onnx_from_torch(network, contract, opset=opset, dynamic_batch=dynamic_batch, metadata=metadata)
    if not half:
        return OnnxFiles(single, None)
    try:
        return OnnxFiles(single, half_from_single(single.model))
    except ParityFailed as failure:
        return OnnxFiles(single, None, failure)
