"""What the builder is asked for, and what it says while it works."""

from dataclasses import dataclass

__all__ = ["BuildRequest", "BuildStep"]


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """How an engine is to be built; None leaves the choice to TensorRT.

    *workspace_mib*: memory that a kernel may use while it is tried, MiB. *max_batch*: largest batch of a network with a
    free batch axis, 1 or more. *mask_threshold*: adds the output `mask`, 1 where the probability reaches it.
    *dla_core*: the DLA that runs what it can. *optimization_level*: 0 to 5. *timing_cache*: what an earlier build
    learned, bytes of TensorRT's own. *compute_capabilities*: such as "8.6", for TensorRT-RTX only; none builds for
    all GPUs from Ampere on.
    """

    workspace_mib: int | None = None
    max_batch: int = 1
    mask_threshold: float | None = None
    dla_core: int | None = None
    optimization_level: int | None = None
    timing_cache: bytes | None = None
    compute_capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class BuildStep:
    """One piece of news of a build.

    *phase*: as TensorRT calls it; *parent*: the phase around it, None for the outermost. *step*: how many steps of the
    phase are done, *of*: how many it has. *elapsed_s*: seconds since the build began, of a clock that never jumps.
    """

    phase: str
    parent: str | None
    step: int
    of: int
    elapsed_s: float
