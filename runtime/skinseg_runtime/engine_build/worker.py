"""The building process: `python -m skinseg_runtime.engine_build.worker`, see `apart`.

It reads the ONNX file through the bundle, so nothing unchecked reaches the parser, and leaves a plan that nobody has
run yet.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict

from skinseg_edge.atomic_files import write_bytes_atomically
from skinseg_edge.errors import ToolMissing, UnknownName
from skinseg_runtime.engine_build.answering import Tell, answer
from skinseg_runtime.engine_build.builder import build
from skinseg_runtime.engine_build.free_memory import free_memory
from skinseg_runtime.engine_build.job import BuildAnswer, BuildJob, opened_again
from skinseg_runtime.engine_build.request import BuildRequest, BuildStep
from skinseg_runtime.engine_build.timing_cache import keep_timing_cache, known_timings
from skinseg_runtime.engine_build.workspace import workspace_mib
from skinseg_runtime.engines.products import TENSORRT_RTX, product_named
from skinseg_runtime.engines.tensorrt_library import load
from skinseg_runtime.this_device import Device

__all__ = ["request_for"]


def request_for(job: BuildJob, mask_threshold: float) -> BuildRequest:
    """Return what the builder is asked for on the job's device; *mask_threshold* is used where a mask is wanted."""
    options, device = job.options, job.device
    is_rtx = product_named(options.engine) is TENSORRT_RTX
    return BuildRequest(
        workspace_mib=options.workspace_mib or _workspace(device),
        max_batch=options.max_batch,
        mask_threshold=mask_threshold if options.mask_output else None,
        dla_core=options.dla_core,
        optimization_level=options.optimization_level,
        timing_cache=None if is_rtx else known_timings(device),
        compute_capabilities=(device.compute_capability,) if is_rtx else (),
    )


def _workspace(device: Device) -> int:
    free_bytes, total_bytes = free_memory(device)
    return workspace_mib(free_bytes, total_bytes, device.is_integrated)


def _work(document: dict[str, object], tell: Tell) -> Mapping[str, object]:
    job = BuildJob.from_json(document)
    bundle = opened_again(job)
    onnx = bundle.read(bundle.artefact(job.artefact).path)
    trt = load(product_named(job.options.engine))
    request = request_for(job, bundle.contract.threshold)
    tell({"workspace_mib": request.workspace_mib})

    def tell_step(step: BuildStep) -> None:
        tell(asdict(step))

    title = product_named(job.options.engine).title
    try:
        plan = build(trt, onnx, request, on_step=tell_step)
    except UnknownName as error:  # of a compute capability: the one name in a request, and nobody's choice here
        raise ToolMissing(
            f"cannot build an engine for the {job.device.gpu}: {title} does not build for its "
            f"compute capability {job.device.compute_capability}; use --engine trt or engine onnxruntime"
        ) from error
    write_bytes_atomically(job.plan, plan.data)
    if plan.timing_cache is not None:
        keep_timing_cache(job.device, plan.timing_cache)
    return asdict(
        BuildAnswer(
            sha256=hashlib.sha256(plan.data).hexdigest(),
            workspace_mib=request.workspace_mib,
            image_shape=plan.network.inputs[0].shape,
            memory=plan.memory,
            dla=None if plan.dla is None else plan.dla.to_json(),
        )
    )


if __name__ == "__main__":
    answer(_work)
