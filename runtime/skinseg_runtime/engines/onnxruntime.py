"""The engine that runs everywhere: ONNX Runtime, on the processor unless another provider is asked for."""

import logging
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import BundleUnusable, ContractInvalid
from skinseg_runtime.engines.answers import check_images, checked_probability
from skinseg_runtime.engines.onnxruntime_providers import PROCESSOR, Provider
from skinseg_runtime.engines.onnxruntime_session import Session, Tensor, first_line, open_session
from skinseg_runtime.usable_cores import fast_cores

__all__ = ["OnnxRuntimeEngine"]

_log = logging.getLogger(__name__)

_INPUT, _OUTPUT = "image", "probability"


class OnnxRuntimeEngine:
    """A network in ONNX Runtime, checked against its contract; `infer` may be called from several threads at once.

    *model*: bytes of the ONNX file, verified by the caller. *source*: what errors call it. *threads*: for one image;
    None takes the fast cores that this process may use. *provider*: where it computes.

    Raises ToolMissing if onnxruntime is not installed or has no such provider, BundleUnusable if it refuses the model,
    ContractInvalid if names, types or shapes of input and output differ from the contract.
    """

    def __init__(
        self,
        model: bytes,
        contract: ModelContract,
        *,
        source: str = "the model",
        threads: int | None = None,
        provider: Provider = PROCESSOR,
    ) -> None:
        started = time.perf_counter()
        self.name = provider.engine
        self.input_hw = contract.input_hw
        self.classes = len(contract.classes)
        self.threads = threads or fast_cores()
        self._source = source
        self._session: Session | None = open_session(model, source, self.threads, provider)
        rows, columns = self.input_hw
        tensor_in, tensor_out = _only(self._session.get_inputs()), _only(self._session.get_outputs())
        self._check(tensor_in, "input", _INPUT, "tensor(uint8)", (rows, columns, 3))
        self._check(tensor_out, "output", _OUTPUT, "tensor(float)", (self.classes, rows, columns))
        _log.info("%s loaded in %.2f s, %d threads", source, time.perf_counter() - started, self.threads)

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return probabilities (N, K, H, W) float32 in [0, 1] of *images* (N, H, W, 3) uint8 RGB.

        Raises ValueError if images.shape[1:] != (*input_hw, 3), the dtype is not uint8 or the engine is closed,
        ParityFailed if the network gives what is no probability.
        """
        session = self._session
        if session is None:
            raise ValueError("the engine is closed")
        check_images(images, self.input_hw)
        probability = np.empty((len(images), self.classes, *self.input_hw), np.float32)
        for place, image in enumerate(images):  # the graph may be made for one image at a time
            probability[place] = self._infer_one(session, np.ascontiguousarray(image[None]))
        return probability

    def close(self) -> None:
        """Let the session go; calls that are running end first."""
        self._session = None

    def _infer_one(self, session: Session, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        try:
            (answer,) = session.run([_OUTPUT], {_INPUT: image})
        except Exception as error:  # ONNX Runtime's exceptions share no other root
            raise BundleUnusable(f"cannot run {self._source}: ONNX Runtime says '{first_line(error)}'") from error
        expected = (1, self.classes, *self.input_hw)
        if answer.shape != expected:
            raise ContractInvalid(f"cannot use the answer of {self._source}: it is {answer.shape}, expected {expected}")
        return checked_probability(answer[0], self._source)

    def _check(self, tensor: Tensor, role: str, name: str, kind: str, shape: tuple[int, ...]) -> None:
        # A dimension that the graph leaves open is a string or None; the first is the batch, 1 or open.
        dimensions = list(tensor.shape)
        fits = len(dimensions) == 4 and all(
            not isinstance(found, int) or found == expected
            for found, expected in zip(dimensions, (1, *shape), strict=True)
        )
        if not (fits and tensor.name == name and tensor.type == kind):
            expected_text = ", ".join(str(side) for side in shape)
            raise ContractInvalid(
                f"cannot use {self._source}: its {role} is {tensor.name!r} {tensor.type} {dimensions}, the contract "
                f"asks for {name!r} {kind} [1 or N, {expected_text}]; export the model again"
            )


def _only(tensors: Sequence[Tensor]) -> Tensor:
    if len(tensors) != 1:
        names = [tensor.name for tensor in tensors]
        raise ContractInvalid(f"cannot use the graph: it has {names}, expected one input and one output")
    return tensors[0]
