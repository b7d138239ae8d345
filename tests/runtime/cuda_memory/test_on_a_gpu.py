"""The same on a true GPU; skipped with what is missing where there is none."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from skinseg_edge.errors import ToolMissing
from skinseg_runtime.cuda_memory import BACKENDS, gpu_facts, open_cuda
from skinseg_runtime.cuda_memory.device import CudaDevice, CudaFault

pytestmark = pytest.mark.needs_gpu

MIB = 1 << 20


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    try:
        gpu_facts(request.param)
    except ToolMissing as error:
        pytest.skip(str(error))
    return str(request.param)


@pytest.fixture
def device(backend: str) -> Iterator[CudaDevice]:
    opened = open_cuda(backend)
    yield opened
    opened.close()


def _round_trip(device: CudaDevice, pattern: int, nbytes: int = MIB) -> bool:
    stream, sent, fetched = device.stream(), device.host_buffer(nbytes), device.host_buffer(nbytes)
    on_gpu = device.device_buffer(nbytes)
    sent.array[:] = (np.arange(nbytes) * pattern) % 251
    device.copy_to_device(on_gpu, sent, nbytes, stream)
    device.copy_to_host(fetched, on_gpu, nbytes, stream)
    stream.synchronize()
    same = bool((fetched.array == sent.array).all())
    for made in (on_gpu, sent, fetched):
        made.free()
    stream.close()
    return same


def test_the_facts_are_those_of_a_gpu(backend: str) -> None:
    facts = gpu_facts(backend)

    assert facts.name
    assert float(facts.compute_capability) >= 5.0
    assert facts.memory_bytes > 512 * MIB
    assert float(facts.driver) >= 11.4


def test_bytes_come_back_as_they_went(device: CudaDevice) -> None:
    assert _round_trip(device, 7)


def test_free_memory_falls_by_what_is_allocated_and_comes_back(device: CudaDevice) -> None:
    before, total = device.memory()

    buffer = device.device_buffer(64 * MIB)
    taken = before - device.memory()[0]
    buffer.free()

    assert 0 < before <= total
    # Other processes share the GPU, and the driver allocates in blocks.
    assert taken >= 32 * MIB
    assert device.memory()[0] >= before - 32 * MIB


def test_more_memory_than_there_is_is_a_fault_that_passes(device: CudaDevice) -> None:
    with pytest.raises(CudaFault) as caught:
        device.device_buffer(device.facts.memory_bytes * 4)

    assert (caught.value.code, caught.value.is_sticky) == ("cudaErrorMemoryAllocation", False)
    assert _round_trip(device, 3)


def test_mapped_memory_is_seen_by_the_gpu(device: CudaDevice) -> None:
    if not device.facts.can_map_host:
        pytest.skip(f"{device.facts.name} cannot map host memory")
    mapped = device.host_buffer(MIB, mapped=True)
    mapped.array[:] = 5

    assert mapped.device_address
    assert int(mapped.array.sum()) == 5 * MIB


def test_events_tell_a_time_that_is_not_negative(device: CudaDevice) -> None:
    stream, sent, on_gpu = device.stream(), device.host_buffer(8 * MIB), device.device_buffer(8 * MIB)
    begin, end = device.event(), device.event()

    begin.record(stream)
    device.copy_to_device(on_gpu, sent, 8 * MIB, stream)
    end.record(stream)
    end.synchronize()

    assert end.ms_since(begin) > 0


def test_a_graph_replays_its_copies_with_the_bytes_of_the_day(device: CudaDevice) -> None:
    stream, sent, fetched = device.stream(), device.host_buffer(MIB), device.host_buffer(MIB)
    on_gpu = device.device_buffer(MIB)

    def work() -> None:
        device.copy_to_device(on_gpu, sent, MIB, stream)
        device.copy_to_host(fetched, on_gpu, MIB, stream)

    graph = device.capture(stream, work)
    for value in (1, 2, 3):
        sent.array[:] = value
        graph.launch(stream)
        stream.synchronize()
        assert (fetched.array == value).all()


def test_a_capture_that_waits_for_its_stream_is_a_fault_after_which_work_goes_on(device: CudaDevice) -> None:
    stream = device.stream()

    with pytest.raises(CudaFault) as caught:
        device.capture(stream, stream.synchronize)

    assert not caught.value.is_sticky
    assert _round_trip(device, 5)


def test_a_capture_whose_work_raises_ends(device: CudaDevice) -> None:
    stream = device.stream()

    def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        device.capture(stream, work)

    stream.synchronize()


def test_threads_with_a_device_each_keep_their_bytes_apart_and_end_in_peace(backend: str) -> None:
    results: dict[int, bool] = {}

    def run(number: int) -> None:
        own = open_cuda(backend)
        results[number] = all(_round_trip(own, number * 16 + turn + 1) for turn in range(16))
        if number % 2:  # the others forget to
            own.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == dict.fromkeys(range(8), True)


def test_a_closed_device_can_be_opened_again(backend: str) -> None:
    for _ in range(3):
        device = open_cuda(backend)
        assert _round_trip(device, 11)
        device.close()
