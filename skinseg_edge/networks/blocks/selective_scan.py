"""The selective scan of a state-space model, without a custom kernel and without a loop over the sequence.

h_t = exp(Δ_t A) h_{t-1} + Δ_t u_t B_t, y_t = C_t h_t + D u_t: Gu and Dao, "Mamba", 2023, equations 2 and 4.
Axes: N batch, K directions, E inner channels, S states, L steps.
"""

import torch
from torch import Tensor

from skinseg_edge.networks.blocks.chunked_scan import chunked_scan
from skinseg_edge.networks.blocks.scan_gradient import ScanWithGradient
from skinseg_edge.networks.blocks.scan_in_place import scanned
from skinseg_edge.networks.blocks.whole_scan import scan_as_operator, scans_stay_whole

__all__ = ["LONGEST_EXPORTED", "chunk_length", "selective_scan"]

_LONGEST_CHUNK = 16  # longer ones are hardly faster
LONGEST_EXPORTED = 4  # each step of a chunk is written out as a dozen nodes


def chunk_length(length: int, longest: int = _LONGEST_CHUNK) -> int:
    """Return the steps in a chunk: the largest divisor of *length* up to its square root and up to *longest*."""
    return max(steps for steps in range(1, longest + 1) if length % steps == 0 and steps * steps <= length)


def selective_scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, chunk: int | None = None
) -> Tensor:
    """Return y, N x K x L x E float32, computed in float32 whatever the inputs are.

    *u*: N x K x L x E. *delta*: step sizes Δ > 0, N x K x L x E. *A*: decay rates < 0, K x E x S. *B*, *C*: how each
    step writes and reads the state, N x K x L x S. *D*: direct share of the input, K x E. *chunk*: steps in a chunk,
    which changes speed, not results; the default is `chunk_length(L)`, shorter where an exporter reads the operations.

    Raises ValueError if L is not a multiple of chunk.
    """
    u, delta, A, B, C, D = (each.float() for each in (u, delta, A, B, C, D))
    length = int(u.shape[2])
    if chunk is None:
        chunk = chunk_length(length, LONGEST_EXPORTED if _is_read() else _LONGEST_CHUNK)
    if length % chunk:
        raise ValueError(f"cannot scan {length} steps in chunks of {chunk}: expected a divisor of {length}")
    y: Tensor
    if scans_stay_whole():
        y = scan_as_operator(u, delta, A, B, C, chunk)
    elif _wants_gradient(u, delta, A, B, C):
        y = ScanWithGradient.apply(u, delta, A, B, C, chunk)  # type: ignore[no-untyped-call]  # unannotated in torch
    else:
        y, _ = (chunked_scan if _is_read() else scanned)(u, delta, A, B, C, chunk)
    return y + D[:, None] * u


def _wants_gradient(*inputs: Tensor) -> bool:
    return not _is_read() and torch.is_grad_enabled() and any(each.requires_grad for each in inputs)


def _is_read() -> bool:
    """Whether an exporter or compiler runs this, which shall see the operations themselves."""
    return torch.jit.is_tracing() or torch.compiler.is_compiling()  # type: ignore[attr-defined,no-untyped-call]  # missing in torch's stubs
