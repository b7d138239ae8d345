"""An error after which a process cannot go on is told from one that passes, by CUDA's names and by its words."""

import pytest

from skinseg_runtime.cuda_memory.faults import fault_from_words, fault_named, is_sticky

# "This leaves the process in an inconsistent state and any further CUDA work will return the same error": what
# driver_types.h of CUDA 12.9 says of these, by number. The ECC error (214), the NVLink error (220), a lost context
# and the unknown error say it less plainly, and leave nothing that could be used either.
STICKY = [
    ("cudaErrorECCUncorrectable", "uncorrectable ECC error encountered"),
    ("cudaErrorNvlinkUncorrectable", "uncorrectable NVLink error detected during the execution"),
    ("cudaErrorContained", "Invalid access of peer GPU memory over nvlink or a hardware error"),
    ("cudaErrorIllegalAddress", "an illegal memory access was encountered"),
    ("cudaErrorLaunchTimeout", "the launch timed out and was terminated"),
    ("cudaErrorContextIsDestroyed", "context is destroyed"),
    ("cudaErrorAssert", "device-side assert triggered"),
    ("cudaErrorHardwareStackError", "hardware stack error"),
    ("cudaErrorIllegalInstruction", "an illegal instruction was encountered"),
    ("cudaErrorMisalignedAddress", "misaligned address"),
    ("cudaErrorInvalidAddressSpace", "operation not supported on global/shared address space"),
    ("cudaErrorInvalidPc", "invalid program counter"),
    ("cudaErrorLaunchFailure", "unspecified launch failure"),
    ("cudaErrorTensorMemoryLeak", "tensor memory not completely freed"),
    ("cudaErrorMpsClientTerminated", "the MPS client has been terminated by the server"),
    ("cudaErrorExternalDevice", "an async error has occured in external entity outside of CUDA"),
    ("cudaErrorUnknown", "unknown error"),
]
PASSING = [
    ("cudaErrorInvalidValue", "invalid argument"),
    ("cudaErrorMemoryAllocation", "out of memory"),
    ("cudaErrorNoDevice", "no CUDA-capable device is detected"),
    ("cudaErrorInvalidResourceHandle", "invalid resource handle"),
    ("cudaErrorLaunchOutOfResources", "too many resources requested for launch"),
    ("cudaErrorStreamCaptureUnsupported", "operation not permitted when stream is capturing"),
    ("cudaErrorStreamCaptureInvalidated", "operation failed due to a previous error during capture"),
]


@pytest.mark.parametrize(("code", "words"), STICKY)
def test_what_leaves_the_process_inconsistent_is_sticky_by_name_and_by_words(code: str, words: str) -> None:
    fault = fault_from_words(f"cuStreamSynchronize failed: {words}")

    assert (fault.call, fault.code, fault.is_sticky) == ("cuStreamSynchronize", code, True)
    assert fault_named("cudaFree", code).is_sticky


@pytest.mark.parametrize(("code", "words"), PASSING)
def test_what_a_process_lives_on_after_is_not_sticky(code: str, words: str) -> None:
    fault = fault_from_words(f"cuMemAlloc failed: {words}")

    assert (fault.call, fault.code, fault.is_sticky) == ("cuMemAlloc", code, False)
    assert not is_sticky(code)


def test_what_pycuda_adds_to_the_words_does_not_hide_the_error() -> None:
    fault = fault_from_words("explicit_context_dependent failed: invalid device context - no currently active context?")

    assert str(fault) == "explicit_context_dependent failed with cudaErrorDeviceUninitialized"


@pytest.mark.parametrize("message", ["cuFoo failed: something new", "something without a call"])
def test_words_that_are_not_known_stand_as_they_are_and_pass(message: str) -> None:
    fault = fault_from_words(message)

    assert message.rpartition(": ")[2] in fault.code
    assert not fault.is_sticky
