"""Turn what a build is asked for into TensorRT's own settings."""

from collections.abc import Sequence
from typing import Any, cast

from skinseg_edge.errors import BuildFailed, InputError
from skinseg_edge.known_names import unknown_name
from skinseg_runtime.engine_build.builder_log import builder_log
from skinseg_runtime.engine_build.onnx_parsing import Parsed, product_of
from skinseg_runtime.engine_build.request import BuildRequest
from skinseg_runtime.engines.tensorrt_api import BuilderConfig, NewerBuilderConfig, NewerTensorRt, TensorRt

__all__ = ["configuration"]


def configuration(trt: TensorRt, parsed: Parsed, request: BuildRequest) -> BuilderConfig:
    """Return a configuration of *parsed*'s builder: workspace, effort, GPUs and shapes.

    Raises InputError if *request* does not fit the network or the product, UnknownName for a compute capability that
    the product does not know, BuildFailed if TensorRT refuses.
    """
    config = parsed.builder.create_builder_config()
    if config is None:
        raise BuildFailed(f"cannot build an engine: {builder_log(trt).complaint()}")
    if request.workspace_mib is not None:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, request.workspace_mib << 20)
    if request.optimization_level is not None:
        config.builder_optimization_level = request.optimization_level
    if request.compute_capabilities:
        _target(trt, config, request.compute_capabilities)
    _add_profile(parsed, config, request.max_batch)
    return config


def _target(trt: TensorRt, config: BuilderConfig, compute_capabilities: Sequence[str]) -> None:
    if not hasattr(trt, "ComputeCapability"):
        raise InputError(
            f"cannot build for compute capability {', '.join(compute_capabilities)}: {product_of(trt).title} builds "
            "for the GPU it runs on and no other; leave compute capabilities out"
        )
    kinds = cast("NewerTensorRt", trt).ComputeCapability
    newer = cast("NewerBuilderConfig", config)
    newer.num_compute_capabilities = len(compute_capabilities)
    for index, capability in enumerate(compute_capabilities):
        kind = getattr(kinds, f"SM{capability.replace('.', '')}", None)
        if kind is None:
            raise unknown_name("compute capability", capability, _capabilities(kinds))
        if not newer.set_compute_capability(kind, index):
            raise BuildFailed(f"cannot build for compute capability {capability}: {builder_log(trt).complaint()}")


def _capabilities(kinds: Any) -> list[str]:
    numbers = [name[2:] for name in kinds.__members__ if name.startswith("SM")]
    return [f"{number[:-1]}.{number[-1]}" for number in numbers]


def _add_profile(parsed: Parsed, config: BuilderConfig, max_batch: int) -> None:
    image = parsed.network.get_input(0)
    batch, *rest = image.shape
    if batch != -1:
        if max_batch > batch:
            raise InputError(
                f"cannot build for batches of {max_batch}: the ONNX file takes {batch} at a time; export it with "
                "--dynamic-batch or build without --max-batch"
            )
        return
    profile = parsed.builder.create_optimization_profile()
    # Tuned for one picture, which is what a camera or a visitor brings; more are allowed, not preferred.
    profile.set_shape(image.name, (1, *rest), (1, *rest), (max_batch, *rest))
    if config.add_optimization_profile(profile) < 0:
        raise BuildFailed(f"cannot build for batches of 1 to {max_batch}: TensorRT refused the shapes of {image.name}")
