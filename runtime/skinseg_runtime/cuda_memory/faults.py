"""Which of CUDA's errors a process can live on after."""

from skinseg_runtime.cuda_memory.device import CudaFault

__all__ = ["NO_DEVICE", "fault_from_words", "fault_named", "is_sticky"]

# What NVIDIA's documentation of cudaError_t says of these: "leaves the process in an inconsistent state and any further
# CUDA work will return the same error", or that the context is gone; by the words of cudaGetErrorString, which the
# driver's cuGetErrorString shares. Memory that is short and an argument that is wrong are not among them.
_STICKY = {
    "uncorrectable ECC error encountered": "cudaErrorECCUncorrectable",
    "uncorrectable NVLink error detected during the execution": "cudaErrorNvlinkUncorrectable",
    "Invalid access of peer GPU memory over nvlink or a hardware error": "cudaErrorContained",
    "an illegal memory access was encountered": "cudaErrorIllegalAddress",
    "the launch timed out and was terminated": "cudaErrorLaunchTimeout",
    "context is destroyed": "cudaErrorContextIsDestroyed",
    "device-side assert triggered": "cudaErrorAssert",
    "hardware stack error": "cudaErrorHardwareStackError",
    "an illegal instruction was encountered": "cudaErrorIllegalInstruction",
    "misaligned address": "cudaErrorMisalignedAddress",
    "operation not supported on global/shared address space": "cudaErrorInvalidAddressSpace",
    "invalid program counter": "cudaErrorInvalidPc",
    "unspecified launch failure": "cudaErrorLaunchFailure",
    "tensor memory not completely freed": "cudaErrorTensorMemoryLeak",
    "the MPS client has been terminated by the server": "cudaErrorMpsClientTerminated",
    "an async error has occured in external entity outside of CUDA": "cudaErrorExternalDevice",
    "driver shutting down": "cudaErrorCudartUnloading",
    "unknown error": "cudaErrorUnknown",
}
NO_DEVICE = "cudaErrorNoDevice"
_PASSING = {
    "invalid argument": "cudaErrorInvalidValue",
    "out of memory": "cudaErrorMemoryAllocation",
    "initialization error": "cudaErrorInitializationError",
    "CUDA driver is a stub library": "cudaErrorStubLibrary",
    "no CUDA-capable device is detected": NO_DEVICE,
    "invalid device ordinal": "cudaErrorInvalidDevice",
    "invalid device context": "cudaErrorDeviceUninitialized",
    "invalid resource handle": "cudaErrorInvalidResourceHandle",
    "device not ready": "cudaErrorNotReady",
    "too many resources requested for launch": "cudaErrorLaunchOutOfResources",
    "operation not permitted": "cudaErrorNotPermitted",
    "operation not supported": "cudaErrorNotSupported",
    "system not yet initialized": "cudaErrorSystemNotReady",
    "system has unsupported display driver / cuda driver combination": "cudaErrorSystemDriverMismatch",
    "OS call failed or operation not supported on this OS": "cudaErrorOperatingSystem",
    "operation not permitted when stream is capturing": "cudaErrorStreamCaptureUnsupported",
    "operation failed due to a previous error during capture": "cudaErrorStreamCaptureInvalidated",
}
_STICKY_NAMES = frozenset(_STICKY.values())


def is_sticky(code: str) -> bool:
    """Tell whether every later call of the process fails after the error of this name.

    >>> is_sticky("cudaErrorIllegalAddress"), is_sticky("cudaErrorMemoryAllocation")
    (True, False)
    """
    return code in _STICKY_NAMES


def fault_from_words(message: str) -> CudaFault:
    """Make the fault from what pycuda says, such as "cuMemAlloc failed: out of memory - what more it knows".

    Words without a name in our table stand as they are, and count as passing.

    >>> fault_from_words("cuMemAlloc failed: out of memory")
    CudaFault('cuMemAlloc failed with cudaErrorMemoryAllocation')
    """
    call, _, words = message.partition(" failed: ")
    cause = words.split(" - ")[0].strip()
    code = {**_STICKY, **_PASSING}.get(cause, cause or message)
    return CudaFault(call, code, is_sticky=is_sticky(code))


def fault_named(call: str, code: str) -> CudaFault:
    """Make the fault of *call*, whose error has the name *code*."""
    return CudaFault(call, code, is_sticky=is_sticky(code))
