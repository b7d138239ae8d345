"""What a build is asked for by its user, what its two processes are told and answer: values that travel as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import InputError, IntegrityFailed
from skinseg_runtime.engines.products import product_named
from skinseg_runtime.this_device import Device

__all__ = ["BuildAnswer", "BuildJob", "BuildOptions", "Proof", "ProofJob", "opened_again"]

_LARGEST_BATCH = 64  # more than any device here gains by
_LARGEST_WORKSPACE_MIB = 1 << 20  # far above any board; TensorRT's own numbers end somewhere
_LEVELS = range(6)


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """How an engine is built.

    *engine*: "trt" or "trt-rtx". *precision*: "fp32", "fp16", "int8" or "auto". *max_batch*: more than 1 needs a
    network with a free batch axis. *workspace_mib*: memory that a kernel may use, MiB; None takes what fits this
    device. *dla_core*: the DLA that runs what it can. *mask_output*: also give thresholded masks, of a network of one
    class. *optimization_level*: 0 to 5, TensorRT's own where None. *timeout_s*: seconds for building and proving.

    Raises InputError when constructed if a number is out of its range, UnknownName if there is no such engine.
    """

    engine: str = "trt"
    precision: str = "fp16"
    max_batch: int = 1
    workspace_mib: int | None = None
    dla_core: int | None = None
    mask_output: bool = False
    optimization_level: int | None = None
    timeout_s: float = 3600

    def __post_init__(self) -> None:
        """Check the ranges."""
        product_named(self.engine)
        _check(1 <= self.max_batch <= _LARGEST_BATCH, "max_batch", self.max_batch, f"1 to {_LARGEST_BATCH}")
        workspace = self.workspace_mib
        _check(
            workspace is None or 1 <= workspace <= _LARGEST_WORKSPACE_MIB,
            "workspace_mib",
            workspace,
            f"1 to {_LARGEST_WORKSPACE_MIB}",
        )
        _check(self.dla_core is None or self.dla_core >= 0, "dla_core", self.dla_core, "0 or more")
        level = self.optimization_level
        _check(level is None or level in _LEVELS, "optimization_level", level, "0 to 5")
        _check(self.timeout_s > 0, "timeout_s", self.timeout_s, "more than 0 seconds")

    def of_the_engine(self) -> dict[str, object]:
        """Return those options that make it another engine, by name; what follows from the device is not among them."""
        return {
            "max_batch": self.max_batch,
            "workspace_mib": self.workspace_mib,
            "dla_core": self.dla_core,
            "mask_output": self.mask_output,
            "optimization_level": self.optimization_level,
        }


@dataclass(frozen=True, kw_only=True)
class BuildJob:
    """What the building process is told.

    *bundle*, *bundle_sha256*: the folder, and the hash of the manifest that was checked when it was opened, so the
    child trusts what the parent trusted. *artefact*: name of the ONNX file in it. *plan*: where the engine goes.
    """

    bundle: Path
    bundle_sha256: str
    artefact: str
    device: Device
    options: BuildOptions
    plan: Path

    def to_json(self) -> dict[str, object]:
        """Return plain values; `from_json` gives the same job back."""
        return {
            **_plain(self, "bundle", "bundle_sha256", "artefact", "plan"),
            "device": self.device.to_json(),
            "options": asdict(self.options),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "BuildJob":
        """Read what `to_json` gave."""
        return cls(
            bundle=Path(document["bundle"]),
            bundle_sha256=document["bundle_sha256"],
            artefact=document["artefact"],
            device=Device.from_json(document["device"], "the job's device"),
            options=BuildOptions(**document["options"]),
            plan=Path(document["plan"]),
        )


@dataclass(frozen=True, kw_only=True)
class ProofJob:
    """What the proving process is told.

    *plan*, *plan_sha256*: the new engine, and the hash it must have to be loaded. *product*: "trt" or "trt-rtx".
    *dla_core*: the DLA that it was built for.
    """

    bundle: Path
    bundle_sha256: str
    product: str
    precision: str
    plan: Path
    plan_sha256: str
    dla_core: int | None = None

    def to_json(self) -> dict[str, object]:
        """Return plain values; `from_json` gives the same job back."""
        return _plain(self, *(field.name for field in fields(self)))

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "ProofJob":
        """Read what `to_json` gave."""
        return cls(**{**document, "bundle": Path(document["bundle"]), "plan": Path(document["plan"])})


@dataclass(frozen=True, kw_only=True)
class BuildAnswer:
    """What the building process tells of the plan that it wrote.

    *sha256*: of the plan. *workspace_mib*: what it was built with. *image_shape*: of the input, -1 for a free batch
    axis. *memory*: as in `BuiltPlan`. *dla*: `DlaReport.to_json`, None unless a DLA was asked for.
    """

    sha256: str
    workspace_mib: int | None
    image_shape: Sequence[int]
    memory: Mapping[str, int]
    dla: Mapping[str, object] | None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "BuildAnswer":
        """Read what `dataclasses.asdict` gave."""
        return cls(**{name: document[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What the golden cases gave.

    *engine*: what ran them. *golden*: `GoldenOutcome.to_json` of each. *figures*: what else was measured. *failure*:
    why the engine is not accepted, half a sentence; None if it is.
    """

    engine: str
    golden: Sequence[Mapping[str, object]]
    figures: Mapping[str, float | str | bool]
    failure: str | None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Proof":
        """Read what `dataclasses.asdict` gave."""
        return cls(**{name: document[name] for name in cls.__dataclass_fields__})


def opened_again(job: BuildJob | ProofJob) -> Bundle:
    """Open, in a child, the bundle that its parent has opened and trusts.

    Raises IntegrityFailed if its manifest is another one by now, and what `Bundle.open` raises.
    """
    bundle = Bundle.open(job.bundle)
    if bundle.sha256 != job.bundle_sha256:
        raise IntegrityFailed(
            f"cannot build an engine of {bundle.path.name}: its manifest was replaced since the build began, expected "
            "the one that was checked then; build again"
        )
    return bundle


def _plain(job: BuildJob | ProofJob, *names: str) -> dict[str, object]:
    values = {name: getattr(job, name) for name in names}
    # Absolute, for the child stands in another folder.
    return {name: str(value.absolute()) if isinstance(value, Path) else value for name, value in values.items()}


def _check(holds: bool, name: str, value: object, expected: str) -> None:
    if not holds:
        raise InputError(f"cannot build the engine: {name} is {value!r}, expected {expected}")
