"""Which fields of Triton's model configuration this project writes and reads, and Triton's own schema where it is.

The table follows model_config.proto of triton-inference-server/common; a test holds it against tritonclient's copy.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Literal

from skinseg_edge.errors import VerificationFailed
from skinseg_export.foreign_noise import quiet

__all__ = ["DATA_TYPES", "KINDS", "MODEL_CONFIG", "FieldRule", "rewritten_by_triton", "triton_schema"]

DATA_TYPES = ("TYPE_UINT8", "TYPE_FP16", "TYPE_FP32")
KINDS = ("KIND_AUTO", "KIND_GPU", "KIND_CPU")


@dataclass(frozen=True)
class FieldRule:
    """What may stand in a field: its *kind*, whether it is *repeated*, an enum's *names*, a message's *fields*."""

    kind: Literal["string", "int", "bool", "enum", "message"]
    repeated: bool = False
    names: tuple[str, ...] = ()
    fields: "Mapping[str, FieldRule]" = field(default_factory=dict)


_TEXT, _INT, _BOOL, _INTS = FieldRule("string"), FieldRule("int"), FieldRule("bool"), FieldRule("int", repeated=True)
_DATA_TYPE = FieldRule("enum", names=DATA_TYPES)


def _message(fields: Mapping[str, FieldRule], *, repeated: bool = False) -> FieldRule:
    return FieldRule("message", repeated, fields=fields)


_INPUT = {
    "name": _TEXT,
    "data_type": _DATA_TYPE,
    "format": FieldRule("enum", names=("FORMAT_NONE", "FORMAT_NHWC", "FORMAT_NCHW")),
    "dims": _INTS,
}
_OUTPUT = {"name": _TEXT, "data_type": _DATA_TYPE, "dims": _INTS, "label_filename": _TEXT}
_VERSION_POLICY = {"latest": _message({"num_versions": _INT})}
_INSTANCE_GROUP = {"count": _INT, "kind": FieldRule("enum", names=KINDS)}
_DYNAMIC_BATCHING = {"preferred_batch_size": _INTS, "max_queue_delay_microseconds": _INT}
_PARAMETER = {"key": _TEXT, "value": _message({"string_value": _TEXT})}
_WARMUP_INPUT = {"key": _TEXT, "value": _message({"data_type": _DATA_TYPE, "dims": _INTS, "zero_data": _BOOL})}
_WARMUP = {"name": _TEXT, "batch_size": _INT, "inputs": _message(_WARMUP_INPUT, repeated=True)}

MODEL_CONFIG: Mapping[str, FieldRule] = {
    "name": _TEXT,
    "platform": _TEXT,
    "backend": _TEXT,
    "default_model_filename": _TEXT,
    "max_batch_size": _INT,
    "input": _message(_INPUT, repeated=True),
    "output": _message(_OUTPUT, repeated=True),
    "version_policy": _message(_VERSION_POLICY),
    "instance_group": _message(_INSTANCE_GROUP, repeated=True),
    "dynamic_batching": _message(_DYNAMIC_BATCHING),
    "parameters": _message(_PARAMETER, repeated=True),
    "model_warmup": _message(_WARMUP, repeated=True),
}


def triton_schema() -> ModuleType | None:
    """Return Triton's own schema, tritonclient's `model_config_pb2`; None where it is not installed or does not load.

    It is loaded from its file, because its package wants gRPC, which reading a file does not.
    """
    found = importlib.util.find_spec("tritonclient")
    for folder in () if found is None else found.submodule_search_locations or ():
        path = Path(folder) / "grpc" / "model_config_pb2.py"
        spec = importlib.util.spec_from_file_location("skinseg_triton_model_config", path) if path.is_file() else None
        if spec is None or spec.loader is None:
            continue
        module = importlib.util.module_from_spec(spec)
        try:
            with quiet():
                spec.loader.exec_module(module)
        except Exception:  # noqa: BLE001  # protobuf's error for a runtime older than the file has no root of its own
            return None
        return module
    return None


def rewritten_by_triton(text: str) -> tuple[str, str] | None:
    """Read the configuration *text* with Triton's own schema and write it again: the text, and who wrote it.

    None where that schema is not installed. Fields that hold their default vanish.

    Raises VerificationFailed with what the schema refuses.
    """
    schema = triton_schema()
    if schema is None:
        return None
    from google.protobuf import text_format  # type: ignore[import-untyped]  # comes with onnx, untyped

    try:
        config = text_format.Parse(text, schema.ModelConfig())
    except text_format.ParseError as error:
        raise VerificationFailed(
            f"cannot accept config.pbtxt: Triton's own schema says '{error}'; export the model again"
        ) from error
    return text_format.MessageToString(config), f"tritonclient {_client_version()}"


def _client_version() -> str:
    try:
        return version("tritonclient")
    except PackageNotFoundError:
        return "of unknown version"
