"""The ONNX part of a bundle: the fp32 file and the half-precision file, each held against the trained network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_edge.progress import Progress
from skinseg_export.artefacts import Artefacts, Checks
from skinseg_export.engine_ahead import cores_left
from skinseg_export.export_gate import ExportGate
from skinseg_export.golden import Golden
from skinseg_export.half_evaluation import HalfEngine
from skinseg_export.parity import HALF, HALF_UNTRAINED, SINGLE, SINGLE_UNTRAINED
from skinseg_export.targets.onnx.build import HALF_PATH, SINGLE_PATH, OnnxFiles
from skinseg_export.targets.onnx.verify import verify_half, verify_single
from skinseg_export.torch_engine import TorchEngine

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["OnnxWork", "add_onnx"]


@dataclass(frozen=True)
class OnnxWork:
    """What an export hands over. *noise*: pictures at network size, (H, W, 3) uint8 RGB.

    *scan_tells_reach*: whether the scan of ranges in *files* ran the golden pictures, or what it ran will do.
    """

    checkpoint: Checkpoint
    artefacts: Artefacts
    files: OnnxFiles
    gate: ExportGate
    golden: tuple[Golden, ...]
    noise: Sequence[NDArray[np.uint8]]
    reference: TorchEngine
    scan_tells_reach: bool


def add_onnx(work: OnnxWork, progress: Progress) -> None:
    """Add both files with the figures of their verification."""
    made, files = work.artefacts, work.files
    allowed = SINGLE if work.checkpoint.trained else SINGLE_UNTRAINED
    made.draft.add_bytes(SINGLE_PATH, files.single.model.SerializeToString())
    given = (files.single, work.checkpoint.contract, work.reference, work.golden, allowed)
    with progress(1, "fp32 against torch"):
        made.add("onnx", SINGLE_PATH, "fp32", lambda: verify_single(*given, noise=work.noise, threads=cores_left(made)))
    if files.half_failure is not None:
        made.unmade["onnx-fp16"] = str(files.half_failure)
    if files.half is not None:
        half = files.half
        made.draft.add_bytes(HALF_PATH, half.SerializeToString())
        made.add("onnx-fp16", HALF_PATH, "fp16", lambda: _verified_half(work, half, progress))


def _verified_half(work: OnnxWork, half: "ModelProto", progress: Progress) -> Checks:
    contract, scan = work.checkpoint.contract, work.files.scan
    engine = HalfEngine(half, contract, threads=cores_left(work.artefacts))
    with progress(1, "half precision"):
        found = verify_half(
            half,
            work.files.single.typed_source,
            contract,
            work.reference,
            work.golden,
            HALF if work.checkpoint.trained else HALF_UNTRAINED,
            scan=scan if work.scan_tells_reach else None,
            engine=engine,
        )
    long = ", ".join(scan.long_reductions if scan else ()) or "none"
    return {**found, "long_reductions_fp32": long, **work.gate.accept("onnx-fp16", "fp16", engine)}
