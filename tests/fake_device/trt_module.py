"""Puts the fakes together into one of NVIDIA's modules, with the names that its version has and no others."""

from typing import Any

from tests.fake_device import trt_builder, trt_enums, trt_network, trt_runtime
from tests.fake_device.trt_logging import ILogger, Logger, Speaker

__all__ = ["module_names"]

_ENUMS = (
    "BuilderFlag",
    "DataType",
    "DeviceType",
    "ElementWiseOperation",
    "ErrorCode",
    "LayerInformationFormat",
    "LayerType",
    "MemoryPoolType",
    "ProfilingVerbosity",
    "TensorIOMode",
)


def module_names(version: str, *, is_rtx: bool) -> dict[str, Any]:
    """Return what the module holds, made anew: a logger that an earlier test gave is forgotten."""
    speaker = Speaker()
    numbers = [int(number) for number in version.split(".")]
    flags = trt_enums.creation_flags(11 if is_rtx else numbers[0])
    is_newer = is_rtx or numbers >= [10, 16]
    shared: dict[str, Any] = {"_SPEAKER": speaker, "_VERSION": version, "_MAGIC": b"vtrt" if is_rtx else b"ftrt"}
    context = type("IExecutionContext", (trt_runtime.RtxContextBase if is_rtx else trt_runtime.ContextBase,), shared)
    runtime_config = trt_runtime.RtxRuntimeConfig if is_rtx else trt_runtime.PlainRuntimeConfig
    engine = type(
        "ICudaEngine",
        (trt_runtime.NewerEngineBase if is_newer else trt_runtime.EngineBase,),
        {"_CONTEXT": context, "_RUNTIME_CONFIG": runtime_config},
    )
    config = type("IBuilderConfig", (trt_builder.RtxConfigBase if is_rtx else trt_builder.ConfigBase,), shared)
    known = sum(1 << int(flag) for flag in flags)
    building = {"_CONFIG": config, "_NEEDS_GPU": not is_rtx, "_FLAGS": known}
    names: dict[str, Any] = {
        "__version__": version,
        "ILogger": ILogger,
        "Logger": Logger,
        "Dims": trt_network.Dims,
        "Weights": trt_network.Weights,
        "ITensor": trt_network.ITensor,
        "ILayer": trt_network.ILayer,
        "INetworkDefinition": trt_network.INetworkDefinition,
        "ParserError": trt_network.ParserError,
        "OnnxParser": type("OnnxParser", (trt_network.OnnxParserBase,), shared),
        "IHostMemory": trt_builder.IHostMemory,
        "IProgressMonitor": trt_builder.IProgressMonitor,
        "IOptimizationProfile": trt_builder.IOptimizationProfile,
        "ITimingCache": trt_builder.ITimingCache,
        "IBuilderConfig": config,
        "Builder": type("Builder", (trt_builder.BuilderBase,), {**shared, **building}),
        "ICudaEngine": engine,
        "IExecutionContext": context,
        "EngineInspector": trt_runtime.EngineInspector,
        "Runtime": type("Runtime", (trt_runtime.RuntimeBase,), {**shared, "_ENGINE": engine, "_IS_RTX": is_rtx}),
        "NetworkDefinitionCreationFlag": flags,
        "float32": trt_enums.DataType.FLOAT,
        "float16": trt_enums.DataType.HALF,
        "uint8": trt_enums.DataType.UINT8,
        **{name: getattr(trt_enums, name) for name in _ENUMS},
    }
    if is_newer:
        names["IRuntimeConfig"] = runtime_config
    if is_rtx:
        names["IRuntimeCache"] = trt_runtime.IRuntimeCache
        names["CudaGraphStrategy"] = trt_enums.CudaGraphStrategy
        names["ComputeCapability"] = trt_enums.ComputeCapability
    return names
