"""Stands in for `cuda.bindings.driver`: only what tells whether there is a driver."""

from enum import IntEnum

from tests.fake_device.fake_gpu import gpu

__all__ = ["CUresult", "cuDeviceGetCount", "cuDriverGetVersion", "cuGetErrorName", "cuInit"]


class CUresult(IntEnum):
    CUDA_SUCCESS = 0
    CUDA_ERROR_NO_DEVICE = 100
    CUDA_ERROR_SYSTEM_DRIVER_MISMATCH = 803


def cuInit(Flags: int) -> tuple[CUresult]:  # NVIDIA's names here and below
    if gpu().settings.driver == 0:
        raise RuntimeError("Failed to dlopen libcuda.so.1")
    return (CUresult.CUDA_SUCCESS if gpu().settings.devices else CUresult.CUDA_ERROR_NO_DEVICE,)


def cuDriverGetVersion() -> tuple[CUresult, int]:
    cuInit(0)
    return CUresult.CUDA_SUCCESS, gpu().settings.driver


def cuDeviceGetCount() -> tuple[CUresult, int]:
    cuInit(0)
    return CUresult.CUDA_SUCCESS, gpu().settings.devices


def cuGetErrorName(error: CUresult) -> tuple[CUresult, bytes]:
    return CUresult.CUDA_SUCCESS, error.name.encode()
