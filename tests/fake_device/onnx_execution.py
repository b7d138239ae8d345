"""What the fake engines compute: ONNX Runtime's answer, and the layers that a builder put behind it."""

from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from tests.fake_device.fake_gpu import gpu

__all__ = ["Network"]

_KINDS: dict[str, Any] = {
    "FLOAT": np.float32,
    "HALF": np.float16,
    "UINT8": np.uint8,
    "BOOL": np.bool_,
    "INT32": np.int32,
}
_OPERATIONS: dict[str, Any] = {
    "GREATER": np.greater,
    "LESS": np.less,
    "SUM": np.add,
    "SUB": np.subtract,
    "PROD": np.multiply,
}


class Network:
    """*onnx*: the whole file."""

    def __init__(self, onnx: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
        self._names = [output.name for output in self._session.get_outputs()]

    def run(self, inputs: dict[str, NDArray[Any]], outputs: list[dict[str, Any]]) -> dict[str, NDArray[Any]]:
        """Return every one of *outputs*, which are described as a plan does, contiguous and of its type."""
        answers = dict(zip(self._names, self._session.run(None, inputs), strict=True))
        answers = {name: _distorted(np.asarray(answer)) for name, answer in answers.items()}
        return {
            output["name"]: np.ascontiguousarray(_value(output["way"], answers), _KINDS[output["dtype"]])
            for output in outputs
        }


def _distorted(answer: NDArray[Any]) -> NDArray[Any]:
    """Return a probability (N, K, H, W) as a bad engine would give it, if the settings ask for one."""
    asked = gpu().settings.engine
    if asked.get("flip"):
        answer = 1 - answer if answer.shape[1] == 1 else answer[:, ::-1]
    if asked.get("noise"):
        noise = np.random.default_rng(0).normal(0, asked["noise"], answer.shape)
        answer = np.clip(answer + noise, 0, 1)
    return answer.astype(np.float32)


def _value(way: list[Any], answers: dict[str, NDArray[Any]]) -> NDArray[Any]:
    kind, *rest = way
    if kind == "onnx":
        return answers[rest[0]]
    if kind == "constant":
        return np.array(rest[0], np.float32).reshape(rest[1])
    if kind == "cast":
        return _value(rest[1], answers).astype(_KINDS[rest[0]])
    return np.asarray(_OPERATIONS[rest[0]](_value(rest[1], answers), _value(rest[2], answers)))
