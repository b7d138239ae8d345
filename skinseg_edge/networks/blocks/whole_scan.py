"""The selective scan as one operator of torch, for an exporter that writes its steps out itself.

Written as operations, the scans are four fifths of a state-space network's graph, all of them alike; an exporter that
goes through every operation spends its time there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

from skinseg_edge.networks.blocks.scan_in_place import scanned

__all__ = ["SCAN_OPERATOR", "scan_as_operator", "scans_kept_whole", "scans_stay_whole"]

SCAN_OPERATOR = "skinseg::selective_scan"
"""u, Δ, A, B, C and the steps in a chunk, as `chunked_scan` takes them, to C_t h_t, N x K x L x E float32."""

_kept_whole = ContextVar("scans_kept_whole", default=False)


@contextmanager
def scans_kept_whole() -> Iterator[None]:
    """Let `selective_scan` call SCAN_OPERATOR inside the block, so that a graph recorded there has a node a scan.

    The operator computes what `selective_scan` does outside, bit for bit, but has no gradient.
    """
    token = _kept_whole.set(True)
    try:
        yield
    finally:
        _kept_whole.reset(token)


def scans_stay_whole() -> bool:
    """Whether this runs inside `scans_kept_whole`."""
    return _kept_whole.get()


def _scanned(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, chunk: int) -> Tensor:
    return scanned(u, delta, A, B, C, chunk)[0]


scan_as_operator = torch.library.custom_op(SCAN_OPERATOR, _scanned, mutates_args=())


@scan_as_operator.register_fake
def _shape_of_scanned(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, chunk: int) -> Tensor:
    return torch.empty_like(u, memory_format=torch.contiguous_format)
