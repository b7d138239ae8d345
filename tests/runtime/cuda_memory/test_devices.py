"""Memory, copies, streams, events and graphs of a GPU, by either library; the GPU is a fake that keeps CUDA's rules."""

import threading
from collections.abc import Callable

import numpy as np
import pytest

from skinseg_runtime.cuda_memory import open_cuda
from skinseg_runtime.cuda_memory.device import CudaDevice, CudaFault
from tests.fake_device.installing import FakeDevice

SIXTEEN = np.arange(16, dtype=np.uint8)


def test_a_device_tells_its_library_and_what_it_is(device: CudaDevice, backend: str) -> None:
    assert device.backend == backend
    assert (device.facts.name, device.facts.compute_capability) == ("fake Orin", "8.7")


def test_bytes_go_to_the_gpu_and_come_back_once_the_stream_is_waited_for(device: CudaDevice) -> None:
    stream, sent, fetched = device.stream(), device.host_buffer(16), device.host_buffer(16)
    on_gpu = device.device_buffer(16)
    sent.array[:] = SIXTEEN
    fetched.array[:] = 0

    device.copy_to_device(on_gpu, sent, 16, stream)
    device.copy_to_host(fetched, on_gpu, 16, stream)
    unwaited = fetched.array.copy()
    stream.synchronize()

    assert not unwaited.any()
    assert (fetched.array == SIXTEEN).all()


def test_a_copy_takes_the_first_bytes_and_leaves_the_rest(device: CudaDevice) -> None:
    stream, sent, fetched = device.stream(), device.host_buffer(16), device.host_buffer(16)
    on_gpu = device.device_buffer(32)
    sent.array[:] = SIXTEEN
    fetched.array[:] = 99

    device.copy_to_device(on_gpu, sent, 8, stream)
    device.copy_to_host(fetched, on_gpu, 4, stream)
    stream.synchronize()

    assert fetched.array.tolist() == [0, 1, 2, 3, *[99] * 12]


def test_copies_are_made_from_page_locked_memory(device: CudaDevice, fake_device: FakeDevice) -> None:
    stream, sent, on_gpu = device.stream(), device.host_buffer(16), device.device_buffer(16)

    device.copy_to_device(on_gpu, sent, 16, stream)

    assert (fake_device.gpu.counts["copies"], fake_device.gpu.counts["pageable copies"]) == (1, 0)


@pytest.mark.parametrize("nbytes", [0, -1, 17])
def test_a_copy_beyond_the_end_is_refused_before_cuda_sees_it(
    device: CudaDevice, fake_device: FakeDevice, nbytes: int
) -> None:
    stream, small, large = device.stream(), device.host_buffer(16), device.device_buffer(32)

    copies: list[Callable[[], None]] = [
        lambda: device.copy_to_device(large, small, nbytes, stream),
        lambda: device.copy_to_host(small, large, nbytes, stream),
    ]

    for copy in copies:
        with pytest.raises(ValueError, match=f"cannot copy {nbytes} bytes: the target has"):
            copy()

    assert fake_device.gpu.calls["cudaMemcpyAsync"] == 0


@pytest.mark.parametrize("nbytes", [0, -4])
def test_no_bytes_cannot_be_allocated(device: CudaDevice, nbytes: int) -> None:
    for allocate in (device.device_buffer, device.host_buffer):
        with pytest.raises(ValueError, match=f"cannot allocate {nbytes} bytes"):
            allocate(nbytes)


def test_mapped_memory_has_an_address_for_kernels_and_other_memory_has_none(
    device: CudaDevice, fake_device: FakeDevice
) -> None:
    mapped, plain = device.host_buffer(16, mapped=True), device.host_buffer(16)

    assert mapped.device_address is not None
    assert fake_device.gpu.usable_by_kernels(mapped.device_address, 16)
    assert plain.device_address is None


def test_a_gpu_that_cannot_map_host_memory_faults_and_keeps_nothing(fake_device: FakeDevice, backend: str) -> None:
    gpu = fake_device.use(can_map_host=False)
    device = open_cuda(backend)

    with pytest.raises(CudaFault, match=r"HostGetDevicePointer failed with cudaErrorInvalidValue"):
        device.host_buffer(16, mapped=True)

    assert gpu.live_bytes == 0
    device.close()


def test_memory_that_is_short_is_a_fault_that_passes(fake_device: FakeDevice, backend: str) -> None:
    fake_device.use(free=100)
    device = open_cuda(backend)

    with pytest.raises(CudaFault) as caught:
        device.device_buffer(1000)

    assert (caught.value.code, caught.value.is_sticky) == ("cudaErrorMemoryAllocation", False)
    device.device_buffer(10)
    device.close()


def test_free_and_all_memory_are_told(fake_device: FakeDevice, backend: str) -> None:
    fake_device.use(memory=1000, free=600)
    device = open_cuda(backend)
    device.device_buffer(100)

    assert device.memory() == (500, 1000)
    device.close()


def test_events_tell_the_time_between_them(device: CudaDevice) -> None:
    stream, sent, on_gpu = device.stream(), device.host_buffer(16), device.device_buffer(16)
    begin, end = device.event(), device.event()

    begin.record(stream)
    device.copy_to_device(on_gpu, sent, 16, stream)
    device.copy_to_device(on_gpu, sent, 16, stream)
    end.record(stream)
    end.synchronize()

    assert end.ms_since(begin) == 0.5  # the fake GPU calls every copy 0.25 ms


def test_an_event_that_nobody_recorded_has_no_time(device: CudaDevice) -> None:
    with pytest.raises(CudaFault, match="ElapsedTime failed with cudaErrorInvalidResourceHandle"):
        device.event().ms_since(device.event())


def test_captured_work_runs_when_the_graph_is_launched_and_not_before(device: CudaDevice) -> None:
    stream, sent, fetched = device.stream(), device.host_buffer(16), device.host_buffer(16)
    on_gpu = device.device_buffer(16)

    def work() -> None:
        device.copy_to_device(on_gpu, sent, 16, stream)
        device.copy_to_host(fetched, on_gpu, 16, stream)

    fetched.array[:] = 0
    graph = device.capture(stream, work)
    stream.synchronize()
    before = fetched.array.copy()
    sent.array[:] = SIXTEEN
    graph.launch(stream)
    stream.synchronize()
    first = fetched.array.copy()
    sent.array[:] = 7
    graph.launch(stream)
    stream.synchronize()

    assert not before.any()
    assert (first == SIXTEEN).all()
    assert (fetched.array == 7).all()


def test_a_capture_ends_though_its_work_raises(device: CudaDevice, fake_device: FakeDevice) -> None:
    stream = device.stream()

    def work() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        device.capture(stream, work)

    stream.synchronize()  # it would be refused while the stream is captured
    stream.close()
    assert fake_device.gpu.live_handles == 0


def test_a_capture_that_waits_for_its_stream_is_a_fault_after_which_work_goes_on(device: CudaDevice) -> None:
    stream = device.stream()

    with pytest.raises(CudaFault, match="failed with cudaErrorStreamCapture") as caught:
        device.capture(stream, stream.synchronize)

    assert not caught.value.is_sticky
    stream.synchronize()


def test_a_driver_that_refuses_captures_is_a_fault_that_passes(fake_device: FakeDevice, backend: str) -> None:
    gpu = fake_device.use(capture_fails=True)
    device = open_cuda(backend)
    stream = device.stream()

    with pytest.raises(CudaFault, match=r"StreamEndCapture failed with cudaErrorStreamCaptureInvalidated") as caught:
        device.capture(stream, lambda: None)

    assert not caught.value.is_sticky
    stream.close()
    assert gpu.live_handles == 0
    device.close()


def test_everything_that_is_given_back_is_gone_and_a_second_time_does_nothing(
    device: CudaDevice, fake_device: FakeDevice
) -> None:
    stream = device.stream()
    on_gpu, host, mapped = device.device_buffer(16), device.host_buffer(16), device.host_buffer(16, mapped=True)
    event, graph = device.event(), device.capture(stream, lambda: None)

    for _ in range(2):
        for give_back in (on_gpu.free, host.free, mapped.free, event.close, graph.close, stream.close):
            give_back()

    assert (fake_device.gpu.live_bytes, fake_device.gpu.live_handles) == (0, 0)
    assert fake_device.gpu.counts["frees"] == 3


def test_closing_gives_back_what_was_forgotten(fake_device: FakeDevice, backend: str) -> None:
    gpu = fake_device.use()
    device = open_cuda(backend)
    stream = device.stream()
    kept = [device.device_buffer(16), device.host_buffer(16), device.event(), device.capture(stream, lambda: None)]

    device.close()
    device.close()

    assert len(kept) == 4
    assert (gpu.live_bytes, gpu.live_handles) == (0, 0)


def test_what_was_given_back_is_refused(device: CudaDevice) -> None:
    stream, other = device.stream(), device.stream()
    on_gpu, host, event = device.device_buffer(16), device.host_buffer(16, mapped=True), device.event()
    graph = device.capture(stream, lambda: None)
    for buffer in (on_gpu, host):
        buffer.free()
    for handle in (event, graph, stream):
        handle.close()
    uses: list[Callable[[], object]] = [
        lambda: on_gpu.address,
        lambda: host.array,
        lambda: host.device_address,
        lambda: stream.handle,
        stream.synchronize,
        lambda: event.record(other),
        event.synchronize,
        lambda: event.ms_since(device.event()),
        lambda: device.event().ms_since(event),
        lambda: device.event().record(stream),
        lambda: graph.launch(other),
        lambda: device.capture(stream, lambda: None),
    ]

    for use in uses:
        with pytest.raises(ValueError, match="it was given back; make a new one"):
            use()


def test_a_closed_device_refuses_everything(fake_device: FakeDevice, backend: str) -> None:
    device = open_cuda(backend)
    stream, on_gpu = device.stream(), device.device_buffer(16)
    device.close()
    uses: list[Callable[[], object]] = [
        device.memory,
        device.stream,
        device.event,
        lambda: device.device_buffer(16),
        lambda: device.host_buffer(16),
        lambda: device.capture(stream, lambda: None),
        lambda: on_gpu.address,
        lambda: stream.handle,
    ]

    for use in uses:
        with pytest.raises(ValueError, match="cannot use GPU 0: it is closed; open it again"):
            use()


def test_another_thread_than_the_one_that_opened_it_is_refused(device: CudaDevice, fake_device: FakeDevice) -> None:
    stream, on_gpu = device.stream(), device.device_buffer(16)
    uses: list[Callable[[], object]] = [device.memory, device.close, stream.synchronize, on_gpu.free]
    refusals: list[str] = []

    def run() -> None:
        for use in uses:
            try:
                use()
            except ValueError as error:
                refusals.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()

    assert refusals == ["cannot use GPU 0 on this thread: use it where it was opened"] * len(uses)
    assert fake_device.gpu.live_bytes == 16


def test_many_threads_with_a_device_each_keep_their_bytes_apart(fake_device: FakeDevice, backend: str) -> None:
    open_cuda(backend).close()  # imports are not what this test is about
    results: dict[int, bool] = {}

    def run(number: int) -> None:
        device = open_cuda(backend)
        stream, sent, on_gpu = device.stream(), device.host_buffer(64), device.device_buffer(64)
        fetched = device.host_buffer(64)
        right = []
        for turn in range(50):
            sent.array[:] = (number * 31 + turn) % 256
            device.copy_to_device(on_gpu, sent, 64, stream)
            device.copy_to_host(fetched, on_gpu, 64, stream)
            stream.synchronize()
            right.append(bool((fetched.array == sent.array).all()))
        device.close()
        results[number] = all(right)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == dict.fromkeys(range(16), True)
    assert (fake_device.gpu.live_bytes, fake_device.gpu.live_handles) == (0, 0)


def test_a_thousand_rounds_allocate_nothing(device: CudaDevice, fake_device: FakeDevice) -> None:
    stream, sent, on_gpu = device.stream(), device.host_buffer(64), device.device_buffer(64)
    before = fake_device.gpu.live_bytes, fake_device.gpu.counts["allocations"]

    for _ in range(1000):
        device.copy_to_device(on_gpu, sent, 64, stream)
        stream.synchronize()

    assert (fake_device.gpu.live_bytes, fake_device.gpu.counts["allocations"]) == before


# -- a GPU that is lost


@pytest.mark.parametrize("code", ["cudaErrorIllegalAddress", "cudaErrorLaunchFailure", "cudaErrorECCUncorrectable"])
def test_a_lost_gpu_is_told_as_such_by_this_call_and_the_next(fake_device: FakeDevice, backend: str, code: str) -> None:
    fake_device.use(fault={"call": "cudaMemcpyAsync", "after": 1, "code": code})
    device = open_cuda(backend)
    stream, sent, on_gpu = device.stream(), device.host_buffer(16), device.device_buffer(16)
    device.copy_to_device(on_gpu, sent, 16, stream)

    for use in (lambda: device.copy_to_device(on_gpu, sent, 16, stream), stream.synchronize, device.memory):
        with pytest.raises(CudaFault) as caught:
            use()
        assert (caught.value.code, caught.value.is_sticky) == (code, True)

    device.close()


def test_giving_back_to_a_lost_gpu_is_no_error(fake_device: FakeDevice, backend: str) -> None:
    fake_device.use(fault={"call": "cudaStreamSynchronize", "after": 0, "code": "cudaErrorIllegalAddress"})
    device = open_cuda(backend)
    stream, on_gpu, host, event = device.stream(), device.device_buffer(16), device.host_buffer(16), device.event()
    with pytest.raises(CudaFault):
        stream.synchronize()

    on_gpu.free()
    host.free()
    event.close()
    stream.close()
    device.close()


def test_an_error_that_passes_leaves_the_device_usable(fake_device: FakeDevice, backend: str) -> None:
    fake_device.use(fault={"call": "cudaMemcpyAsync", "after": 0, "times": 1, "code": "cudaErrorInvalidValue"})
    device = open_cuda(backend)
    stream, sent, on_gpu = device.stream(), device.host_buffer(16), device.device_buffer(16)

    with pytest.raises(CudaFault, match="failed with cudaErrorInvalidValue") as caught:
        device.copy_to_device(on_gpu, sent, 16, stream)
    device.copy_to_device(on_gpu, sent, 16, stream)

    assert not caught.value.is_sticky
    device.close()
