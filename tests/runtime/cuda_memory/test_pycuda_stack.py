"""pycuda ends the process with abort() where a thread ends with a context on its stack, so the stack is always left."""

import gc
import threading
from pathlib import Path
from typing import Any

import pytest

from skinseg_runtime.cuda_memory import open_cuda
from skinseg_runtime.cuda_memory.device import CudaDevice, CudaFault
from tests.fake_device import fake_gpu
from tests.fake_device.installing import FakeDevice
from tests.fresh_interpreter import run_python

ON_PATH = Path(fake_gpu.__file__).parent / "on_path"


def _stack(fake_device: FakeDevice) -> list[Any]:
    contexts: list[Any] = fake_device.module("pycuda.driver")._contexts()
    return contexts


def test_an_open_device_lies_on_the_stack_of_its_thread_and_a_closed_one_does_not(fake_device: FakeDevice) -> None:
    device = open_cuda("pycuda")
    opened = len(_stack(fake_device))

    device.close()

    assert (opened, len(_stack(fake_device))) == (1, 0)


def test_a_thread_that_ends_lets_its_context_go_though_its_device_lives_on(fake_device: FakeDevice) -> None:
    kept: list[CudaDevice] = []
    contexts: list[Any] = []

    def run() -> None:
        kept.append(open_cuda("pycuda"))
        contexts.extend(_stack(fake_device))

    _run(run)

    assert len(kept) == 1
    assert [context._is_valid for context in contexts] == [False]


def test_a_lost_gpu_that_refuses_to_switch_contexts_still_leaves_an_empty_stack(fake_device: FakeDevice) -> None:
    fake_device.use(fault={"call": "cudaStreamSynchronize", "after": 0, "code": "cudaErrorIllegalAddress"})
    device = open_cuda("pycuda")
    with pytest.raises(CudaFault):
        device.stream().synchronize()

    device.close()

    assert _stack(fake_device) == []


def test_two_devices_of_one_thread_share_a_context_in_whatever_order_they_close(fake_device: FakeDevice) -> None:
    first, second = open_cuda("pycuda"), open_cuda("pycuda")
    shared = len(_stack(fake_device))

    first.close()
    second.device_buffer(16).free()
    second.close()

    assert (shared, len(_stack(fake_device))) == (1, 0)
    third = open_cuda("pycuda")
    third.device_buffer(16).free()
    third.close()


def test_what_was_made_by_a_thread_that_has_ended_is_refused(fake_device: FakeDevice) -> None:
    kept: list[CudaDevice] = []
    _run(lambda: kept.append(open_cuda("pycuda")))

    with pytest.raises(ValueError, match="cannot use GPU 0 on this thread"):
        kept[0].memory()
    kept.clear()
    gc.collect()


def test_an_interpreter_that_ends_with_an_open_device_leaves_an_empty_stack(fake_device: FakeDevice) -> None:
    done = run_python(
        "import sys, atexit; sys.path.insert(0, sys.argv[1])\n"
        "import pycuda.driver\n"
        "atexit.register(lambda: print('at the end', len(pycuda.driver._contexts())))\n"
        "from skinseg_runtime.cuda_memory import open_cuda\n"
        "device = open_cuda('pycuda')\n"
        "print('open', len(pycuda.driver._contexts()))\n",
        ON_PATH,
    )

    assert (done.stdout.split("\n")[:2], done.stderr) == (["open 1", "at the end 0"], "")


def _run(work: Any) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
