"""What a network costs: weights, multiply-accumulates, memory for what lies between the layers, nodes, time.

Papers print "GFLOPs" and mean multiply-accumulates (MACs) as a counter of their choice finds them. Here one counter
serves all: those of convolutions and matrix products, half of what torch's FlopCounterMode counts. Normalisation,
activations, resizing and the running sum of a selective scan are not in it.
"""

import copy
import statistics
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode
from torch.utils.weak import WeakIdKeyDictionary

from skinseg_edge.contract import ModelContract
from skinseg_export.onnx_from_torch import onnx_from_torch
from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine

__all__ = ["GraphCost", "NetworkCost", "graph_cost", "network_cost"]

_WARM_UP = 2  # runs before the clock; the first one allocates


@dataclass(frozen=True)
class NetworkCost:
    """One picture through the network as torch runs it, without gradients.

    *parameters*: trainable numbers. *macs*: multiply-accumulates. *activation_bytes*: the most that is alive at once of
    the picture, the logits and everything between, float32; weights and what a kernel uses inside are not counted.
    """

    parameters: int
    macs: int
    activation_bytes: int


@dataclass(frozen=True)
class GraphCost:
    """The deployed graph in single precision: *nodes* after onnxsim, *file_bytes* as ONNX, *median_ms* on a CPU."""

    nodes: int
    file_bytes: int
    median_ms: float


def network_cost(network: nn.Module, input_hw: tuple[int, int]) -> NetworkCost:
    """Count what *network* does with one picture of *input_hw* (rows, columns), px.

    Nothing is computed: a copy on torch's meta device, whose tensors have a shape and no memory, is followed through.
    """
    followed = copy.deepcopy(network).to("meta").eval()
    images = torch.empty((1, 3, *input_hw), device="meta")
    alive = _LiveBytes((*followed.parameters(), *followed.buffers()))
    alive.see(images)
    with torch.no_grad(), FlopCounterMode(display=False) as counter, alive:
        followed(images)
    parameters = sum(weight.numel() for weight in network.parameters())
    return NetworkCost(parameters, counter.get_total_flops() // 2, alive.peak)


def graph_cost(
    network: nn.Module, contract: ModelContract, *, repeats: int = 9, threads: int | None = None
) -> GraphCost:
    """Export *network* and time the graph in ONNX Runtime: the median over *repeats* pictures of noise.

    *threads*: of one inference; None takes what the runtime takes.

    Raises ValueError if repeats < 1, and what the export raises.
    """
    if repeats < 1:
        raise ValueError(f"cannot take a median of {repeats} runs: expected 1 or more")
    model = onnx_from_torch(network, contract).model
    file = model.SerializeToString()
    engine = OnnxRuntimeEngine(file, contract, threads=threads)
    noise = np.random.default_rng(0).integers(0, 256, (1, *contract.input_hw, 3), np.uint8)
    took_ms = []
    for _ in range(_WARM_UP + repeats):
        started = time.perf_counter()
        engine.infer(noise)
        took_ms.append(1000 * (time.perf_counter() - started))
    engine.close()
    return GraphCost(len(model.graph.node), len(file), statistics.median(took_ms[_WARM_UP:]))


class _LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves __init_subclass__ untyped
    """Adds up the memory of tensors when an operation makes them, and takes it off when the last view of them goes."""

    def __init__(self, not_counted: Sequence[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.peak = self._now = 0
        self._seen = WeakIdKeyDictionary()
        for tensor in not_counted:
            self._seen[tensor.untyped_storage()] = True

    def see(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage in self._seen:
            return  # a view
        self._seen[storage] = True
        size = storage.nbytes()
        self._now += size
        self.peak = max(self.peak, self._now)
        weakref.finalize(storage, self._forget, size)

    def _forget(self, size: int) -> None:
        self._now -= size

    def __torch_dispatch__(
        self, func: Any, types: object, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        outcome = func(*args, **(kwargs or {}))
        for each in outcome if isinstance(outcome, list | tuple) else (outcome,):
            if isinstance(each, Tensor):
                self.see(each)
        return outcome
