"""Write a model repository: the folder that `tritonserver --model-repository` is pointed at.

    lesion/config.pbtxt     what goes in and out, how requests are put together, where it runs, what it was made of
    lesion/labels.txt       a class a line, in the order of the output's channels
    lesion/1/model.onnx     the deployed graph in fp32, with a free batch axis

Axes: N batch, H height, W width, K classes. A request's `image` is N x H x W x 3 uint8 RGB at network size, the
server's `probability` N x K x H x W float32. Resizing stays with the client, as everywhere else.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import InputError
from skinseg_export.deployed_graph import INPUT_NAME, OUTPUT_NAME
from skinseg_export.targets.triton.config_text import Message, text_from_message
from skinseg_export.targets.triton.names import check_model_name

__all__ = [
    "CONFIG_NAME",
    "CONTRACT_PARAMETER",
    "LABELS_NAME",
    "MODEL_PATH",
    "ONNX_HASH_PARAMETER",
    "InstanceKind",
    "ModelRepository",
    "TritonSettings",
    "config_for_plan",
    "model_repository",
]

InstanceKind: TypeAlias = Literal["auto", "gpu", "cpu"]

CONFIG_NAME, LABELS_NAME, MODEL_PATH = "config.pbtxt", "labels.txt", "1/model.onnx"
CONTRACT_PARAMETER, ONNX_HASH_PARAMETER = "skinseg.contract", "skinseg.onnx_sha256"
_KINDS: Mapping[InstanceKind, str] = {"auto": "KIND_AUTO", "gpu": "KIND_GPU", "cpu": "KIND_CPU"}


@dataclass(frozen=True, kw_only=True)
class TritonSettings:
    """How a server runs the model; all of it may be changed in config.pbtxt afterwards.

    *kind*: where: `auto` on a GPU where there is one, else on the processor. *instances*: how many on each GPU.
    *max_batch*: pictures in one run at most. *preferred_batches*: numbers of pictures that are run at once without
    waiting for more. *queue_delay_us*: how long a request waits for others, microseconds.

    Raises InputError if a number is too small or a preferred batch is larger than *max_batch*.
    """

    kind: InstanceKind = "auto"
    instances: int = 1
    max_batch: int = 8
    preferred_batches: tuple[int, ...] = (4, 8)
    queue_delay_us: int = 2000

    def __post_init__(self) -> None:
        """Check the rules."""
        for what, number, least in (
            ("instances", self.instances, 1),
            ("max_batch", self.max_batch, 1),
            ("queue_delay_us", self.queue_delay_us, 0),
        ):
            if number < least:
                raise InputError(f"cannot serve with {what} of {number}: expected {least} or more")
        if not all(1 <= batch <= self.max_batch for batch in self.preferred_batches):
            raise InputError(
                f"cannot serve with preferred batches of {list(self.preferred_batches)}: expected numbers from 1 to "
                f"max_batch, which is {self.max_batch}"
            )


@dataclass(frozen=True)
class ModelRepository:
    """*name*: of the one model. *files*: what lies in the repository, by path (`NAME/config.pbtxt` and so on)."""

    name: str
    files: Mapping[str, bytes]


def model_repository(
    name: str,
    onnx: bytes,
    contract: ModelContract,
    *,
    identity: Mapping[str, str],
    settings: TritonSettings | None = None,
) -> ModelRepository:
    """Return the repository that serves *onnx* (deployed graph with a free batch axis) as *name*.

    *identity*: what else the configuration says of where the network comes from, such as the checkpoint's hash.

    Raises InputError if a server cannot have a model of this name.
    """
    check_model_name(name)
    chosen = settings or TritonSettings()
    parameters = {**identity, "precision": "fp32", "onnx_sha256": hashlib.sha256(onnx).hexdigest()}
    config = {
        **_head(name, "onnxruntime", "onnxruntime_onnx", "model.onnx"),
        **_tensors(contract, chosen.max_batch),
        **_running(chosen, _KINDS[chosen.kind]),
        "parameters": _parameters(contract, parameters),
        "model_warmup": _warmup(contract, sorted({1, *chosen.preferred_batches})),
    }
    labels = "".join(f"{label}\n" for label in contract.classes)
    files = {
        CONFIG_NAME: text_from_message(config).encode(),
        LABELS_NAME: labels.encode(),
        MODEL_PATH: onnx,
    }
    return ModelRepository(name, {f"{name}/{path}": data for path, data in files.items()})


def config_for_plan(
    name: str,
    plan: bytes,
    contract: ModelContract,
    *,
    identity: Mapping[str, str],
    precision: str,
    max_batch: int,
    settings: TritonSettings | None = None,
) -> str:
    """Return the config.pbtxt that serves a TensorRT *plan* (`NAME/1/model.plan`) in place of the ONNX file.

    *max_batch*: the largest batch of the plan's profile; 0 for a plan that was built for exactly one picture. Triton
    loads a plan only with the TensorRT that built it, on a GPU of the kind it was built on.

    Raises InputError if a server cannot have a model of this name or *max_batch* is below 0.
    """
    check_model_name(name)
    if max_batch < 0:
        raise InputError(f"cannot serve a plan with batches of {max_batch}: expected 0 (one picture) or more")
    chosen = settings or TritonSettings(max_batch=max(max_batch, 1), preferred_batches=_powers_up_to(max_batch))
    parameters = {**identity, "precision": precision, "plan_sha256": hashlib.sha256(plan).hexdigest()}
    warmed = sorted({1, *chosen.preferred_batches}) if max_batch else [1]
    return text_from_message(
        {
            **_head(name, "tensorrt", "tensorrt_plan", "model.plan"),
            **_tensors(contract, max_batch),
            **_running(chosen, "KIND_GPU", batches=max_batch > 0),
            "parameters": _parameters(contract, parameters),
            "model_warmup": _warmup(contract, warmed, batches=max_batch > 0),
        }
    )


def _head(name: str, backend: str, platform: str, file: str) -> Message:
    return {"name": name, "backend": backend, "platform": platform, "default_model_filename": file}


def _tensors(contract: ModelContract, max_batch: int) -> Message:
    """Return the largest batch, input and output; a model of one picture says its batch axis of 1 itself."""
    rows, columns = contract.input_hw
    fixed = [] if max_batch else [1]
    image: Message = {"name": INPUT_NAME, "data_type": "TYPE_UINT8", "dims": [*fixed, rows, columns, 3]}
    if max_batch:
        image["format"] = "FORMAT_NHWC"  # Triton takes it with three axes alone
    probability: Message = {
        "name": OUTPUT_NAME,
        "data_type": "TYPE_FP32",
        "dims": [*fixed, len(contract.classes), rows, columns],
        "label_filename": LABELS_NAME,
    }
    return {"max_batch_size": max_batch, "input": [image], "output": [probability]}


def _running(settings: TritonSettings, kind: str, *, batches: bool = True) -> Message:
    running: Message = {
        "version_policy": {"latest": {"num_versions": 1}},
        "instance_group": [{"count": settings.instances, "kind": kind}],
    }
    if batches:
        batching: Message = {}
        if settings.preferred_batches:
            batching["preferred_batch_size"] = list(settings.preferred_batches)
        if settings.queue_delay_us:
            batching["max_queue_delay_microseconds"] = settings.queue_delay_us
        running["dynamic_batching"] = batching
    return running


def _parameters(contract: ModelContract, others: Mapping[str, str]) -> list[str | int | Message]:
    told = {
        CONTRACT_PARAMETER: json.dumps(contract.to_json(), sort_keys=True, separators=(",", ":")),
        **{f"skinseg.{key}": value for key, value in others.items()},
    }
    return [{"key": key, "value": {"string_value": told[key]}} for key in sorted(told)]


def _warmup(contract: ModelContract, sizes: list[int], *, batches: bool = True) -> list[str | int | Message]:
    """Return a run on black pictures for each of *sizes*: the first run of a size is when a GPU chooses its kernels."""
    dims = [*([] if batches else [1]), *contract.input_hw, 3]
    image: Message = {"data_type": "TYPE_UINT8", "dims": dims, "zero_data": True}
    return [
        {"name": f"batch of {size}", "batch_size": size, "inputs": [{"key": INPUT_NAME, "value": image}]}
        for size in sizes
    ]


def _powers_up_to(most: int) -> tuple[int, ...]:
    """Return 4, 8, ... up to *most*."""
    return tuple(size for size in (4, 8, 16, 32) if size <= most)
