"""What the CUDA layer costs on a true GPU: the copies around an inference, one by one and as a graph.

For each library that speaks CUDA here: 10,000 rounds of what a network of 256 x 256 sends and fetches, with what memory
does meanwhile. Prints one JSON object on stdout and rows for docs/verified-on.md on stderr. Ends with 3 and the reason
where no GPU can be had, with 1 where a copy came back wrong or memory grew.

    python benchmarks/cuda_layer.py [--rounds 10000] [--backend pycuda]
"""

import argparse
import datetime
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from skinseg_edge.errors import ToolMissing
from skinseg_runtime.cuda_memory import BACKENDS, open_cuda
from skinseg_runtime.cuda_memory.device import CudaDevice, DeviceBuffer, HostBuffer, Stream
from skinseg_runtime.machine import machine

IMAGE_BYTES, PROBABILITY_BYTES = 256 * 256 * 3, 256 * 256 * 4
GROWTH_MIB = 8.0  # what Python and the driver may take between the first round and the last
MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One back end: times in ms of one round, memory in MiB between the first round and the last."""

    backend: str
    gpu: str
    compute_capability: str
    cuda: str
    driver: str
    rounds: int
    round_ms_median: float
    round_ms_p99: float
    gpu_ms_median: float
    graph_round_ms_median: float
    mapped: bool
    is_right: bool
    gpu_growth_mib: float
    process_growth_mib: float


def main() -> int:
    """Read the arguments, measure every back end that works here, print."""
    parser = argparse.ArgumentParser(description="Measure the CUDA layer on a GPU.")
    parser.add_argument("--rounds", type=int, default=10_000)
    parser.add_argument("--backend", choices=BACKENDS, help="this one alone; every one that works here when left out")
    arguments = parser.parse_args()
    figures, missing = [], []
    for backend in [arguments.backend] if arguments.backend else BACKENDS:
        try:
            figures.append(measured(backend, arguments.rounds))
        except ToolMissing as error:
            missing.append(str(error))
    date = datetime.date.today().isoformat()
    document = {"date": date, "machine": machine(), "back ends": [asdict(one) for one in figures], "missing": missing}
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    sys.stderr.writelines([f"{row(one, date)}\n" for one in figures] + [f"{words}\n" for words in missing])
    if not figures:
        return ToolMissing.exit_code
    return 0 if all(is_sound(one) for one in figures) else 1


def measured(backend: str, rounds: int) -> Figures:
    """Open the GPU, run the rounds, and give everything back."""
    device = open_cuda(backend)
    try:
        return _measured(device, rounds)
    finally:
        device.close()


def _measured(device: CudaDevice, rounds: int) -> Figures:
    stream, begin, end = device.stream(), device.event(), device.event()
    sent, fetched = device.host_buffer(IMAGE_BYTES), device.host_buffer(PROBABILITY_BYTES)
    image, probability = device.device_buffer(IMAGE_BYTES), device.device_buffer(PROBABILITY_BYTES)

    def copies() -> None:
        device.copy_to_device(image, sent, IMAGE_BYTES, stream)
        device.copy_to_host(fetched, probability, PROBABILITY_BYTES, stream)

    def between_marks() -> None:
        begin.record(stream)
        copies()
        end.record(stream)

    is_right = comes_back(device, stream, sent, fetched, probability)
    timed(between_marks, stream, 100)  # the driver allocates its own things on the first rounds
    before = memory_mib(device)
    gpu_ms: list[float] = []
    round_ms = timed(between_marks, stream, rounds, lambda: gpu_ms.append(end.ms_since(begin)))
    graph = device.capture(stream, copies)
    graph_ms = timed(lambda: graph.launch(stream), stream, rounds)
    after = memory_mib(device)
    return Figures(
        backend=device.backend,
        gpu=device.facts.name,
        compute_capability=device.facts.compute_capability,
        cuda=device.facts.cuda,
        driver=device.facts.driver,
        rounds=rounds,
        round_ms_median=round(statistics.median(round_ms), 4),
        round_ms_p99=round(sorted(round_ms)[int(0.99 * len(round_ms))], 4),
        gpu_ms_median=round(statistics.median(gpu_ms), 4),
        graph_round_ms_median=round(statistics.median(graph_ms), 4),
        mapped=maps(device),
        is_right=is_right,
        gpu_growth_mib=round(after[0] - before[0], 2),
        process_growth_mib=round(after[1] - before[1], 2),
    )


def comes_back(device: CudaDevice, stream: Stream, sent: HostBuffer, fetched: HostBuffer, on_gpu: DeviceBuffer) -> bool:
    """Send a pattern to the GPU and tell whether the same comes back."""
    sent.array[:] = np.arange(IMAGE_BYTES) % 251
    device.copy_to_device(on_gpu, sent, IMAGE_BYTES, stream)
    device.copy_to_host(fetched, on_gpu, IMAGE_BYTES, stream)
    stream.synchronize()
    return bool((fetched.array[:IMAGE_BYTES] == sent.array).all())


def timed(
    work: Callable[[], None], stream: Stream, rounds: int, after: Callable[[], None] = lambda: None
) -> list[float]:
    """Do *work* and wait for it, *rounds* times; return the milliseconds of each, without *after*."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        stream.synchronize()
        times.append((time.perf_counter() - started) * 1e3)
        after()
    return times


def memory_mib(device: CudaDevice) -> tuple[float, float]:
    """Return what the GPU and this process hold, MiB; 0 for a process whose system does not tell."""
    free, total = device.memory()
    return (total - free) / MIB, resident_mib()


def resident_mib() -> float:
    """Return the memory of this process, MiB; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


def maps(device: CudaDevice) -> bool:
    """Tell whether the GPU takes host memory as its own, as zero copy needs it."""
    if not device.facts.can_map_host:
        return False
    buffer = device.host_buffer(IMAGE_BYTES, mapped=True)
    try:
        return buffer.device_address is not None
    finally:
        buffer.free()


def is_sound(figures: Figures) -> bool:
    """Tell whether the copies were right and memory stayed flat."""
    return figures.is_right and max(figures.gpu_growth_mib, figures.process_growth_mib) <= GROWTH_MIB


def row(figures: Figures, date: str) -> str:
    """Return the row of docs/verified-on.md."""
    return (
        f"| CUDA layer, {figures.backend} | {figures.gpu}, compute capability {figures.compute_capability}, "
        f"CUDA {figures.cuda}, driver {figures.driver} | {figures.rounds:,} rounds, "
        f"median {figures.round_ms_median} ms, "
        f"as a graph {figures.graph_round_ms_median} ms; growth {figures.gpu_growth_mib} MiB on the GPU, "
        f"{figures.process_growth_mib} MiB in the process; mapped memory: {'yes' if figures.mapped else 'no'} "
        f"| {date} |"
    )


if __name__ == "__main__":
    sys.exit(main())
