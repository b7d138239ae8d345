"""`model.json` beside a plan: of what it was built, with what, and for which device."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from skinseg_edge.errors import EngineUnusable
from skinseg_edge.strict_json import canonical_bytes
from skinseg_runtime.engine_files.record_reading import record_fields
from skinseg_runtime.this_device import Device

__all__ = ["PLAN_NAME", "SIDECAR_NAME", "SIDECAR_SCHEMA", "Sidecar", "today"]

SIDECAR_NAME = "model.json"
SIDECAR_SCHEMA = "skinseg.device-engine/1"
PLAN_NAME = "model.engine"

_WHAT = f"the engine's {SIDECAR_NAME}"


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """What stands beside a plan.

    *product*: "trt" or "trt-rtx"; *version*: of what built the plan, such as "10.3.0". *size*, bytes, and *sha256* are
    of the plan. *plan*: its file, PLAN_NAME in the engine's own folder, or the path of a file that the bundle lists,
    for an engine that was built ahead of time. *onnx_path*, *onnx_sha256*: the bundle's file that it was built of.
    *bundle_sha256*: see `Bundle.sha256`. *precision*: one of `engines.PRECISIONS`. *device*: where it was built and
    proved. *options*, *profile*, *memory*: what the builder was asked for, the shapes it may be given, and what it said
    of memory, as plain JSON. *trtexec*: the line that builds the same. *built_s*: seconds that it took. *date*: ISO
    date, for people; nothing is ordered by it.
    """

    product: str
    version: str
    size: int
    sha256: str
    onnx_path: str
    onnx_sha256: str
    bundle_sha256: str
    precision: str
    device: Device
    options: Mapping[str, object]
    profile: Mapping[str, object]
    memory: Mapping[str, object]
    trtexec: str
    built_s: float
    date: str
    plan: str = PLAN_NAME

    def to_bytes(self) -> bytes:
        """Return the file's bytes; `from_bytes` gives the same sidecar back."""
        return canonical_bytes({**vars(self), "schema": SIDECAR_SCHEMA, "device": self.device.to_json()})

    @classmethod
    def from_bytes(cls, data: bytes) -> "Sidecar":
        """Read what `to_bytes` gave.

        Raises EngineUnusable if the bytes are no such file, or one of another version.
        """
        fields = record_fields(data, _WHAT, SIDECAR_SCHEMA, cls.__dataclass_fields__)
        return cls(
            product=fields.text("product"),
            version=fields.text("version"),
            size=fields.whole("size"),
            sha256=fields.text("sha256"),
            onnx_path=fields.text("onnx_path"),
            onnx_sha256=fields.text("onnx_sha256"),
            bundle_sha256=fields.text("bundle_sha256"),
            precision=fields.text("precision"),
            device=Device.from_json(fields.value("device"), "its device", what=_WHAT, error_class=EngineUnusable),
            options=fields.mapping("options"),
            profile=fields.mapping("profile"),
            memory=fields.mapping("memory"),
            trtexec=fields.text("trtexec"),
            built_s=fields.number("built_s"),
            date=fields.text("date"),
            plan=fields.text("plan"),
        )


def today() -> str:
    """Return this day's ISO date in UTC, for a sidecar or a receipt."""
    return datetime.datetime.now(datetime.timezone.utc).date().isoformat()
