"""Build the ONNX files of a bundle: half precision from fp32."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import ParityFailed
from skinseg_export.half_precision import half_from_single
from skinseg_export.onnx_from_torch import OnnxExport
from skinseg_export.range_scan import RangeScan, scan_ranges

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["HALF_PATH", "SINGLE_PATH", "OnnxFiles", "onnx_files"]

SINGLE_PATH = "model.onnx"
HALF_PATH = "model.fp16.onnx"


@dataclass(frozen=True)
class OnnxFiles:
    """The fp32 model with the torch program behind it, and the fp16 model.

    *half*: made of `single.typed_source`; None when it was not asked for or cannot be written; *half_failure* then says
    why. *scan*: how far the values of that source reach, None if no pictures were scanned.
    """

    single: OnnxExport
    half: "ModelProto | None"
    half_failure: ParityFailed | None = None
    scan: RangeScan | None = None


def onnx_files(single: OnnxExport, *, half: bool, scan: Iterable[NDArray[np.uint8]] | None = None) -> OnnxFiles:
    """Return *single* with its half file, if *half* is wanted.

    *scan*: pictures, (1, H, W, 3) uint8 RGB each at network size, that show how far the values reach: what leaves
    half's range on them stays fp32 in the half file. None scans nothing.
    """
    source = single.typed_source
    found = None if scan is None else scan_ranges(source, scan)
    if not half:
        return OnnxFiles(single, None, scan=found)
    keep = frozenset[str]() if found is None else found.kept(source)
    try:
        return OnnxFiles(single, half_from_single(source, keep), scan=found)
    except ParityFailed as failure:
        return OnnxFiles(single, None, failure, found)
