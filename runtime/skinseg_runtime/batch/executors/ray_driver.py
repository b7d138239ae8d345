"""The process in which Ray's driver lives: it asks for units, and says what became of them (`ray_talk`).

It is a process of its own because Ray prints to stdout, sets signal handlers, and ends a driver that loses its cluster;
the one that writes results must live on. When its parent is gone it ends, and with it the Ray that it started.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import DeviceUnready, SkinsegError, ToolMissing
from skinseg_runtime.batch.executors.ray_cluster import joined, memories, resources
from skinseg_runtime.batch.executors.ray_talk import (
    Ended,
    Failed,
    Line,
    Message,
    More,
    Pool,
    Ready,
    Run,
    Start,
    Units,
)
from skinseg_runtime.batch.executors.ray_windows import Mistake, Spread, done_by_ray, prepared_context

if TYPE_CHECKING:
    from skinseg_runtime.batch.units import Unit
    from skinseg_runtime.batch.work import Work

__all__ = ["main"]

# A window costs the start of its processes, some seconds; this many pictures take a core minutes.
_WINDOW_A_CORE, _LARGEST_WINDOW = 4096, 262_144
_GPU_ENGINES = ("trt", "trt-rtx", "onnxruntime-cuda", "onnxruntime-tensorrt")
_PIXEL_BYTES = 6  # of a photo while it is decoded: its pixels, and a copy that is turned or resized
_PATIENCE_S = 20.0


def main() -> None:
    """Serve the parent until it says no more."""
    line = _line()
    messages: queue.Queue[Message | None] = queue.Queue()
    threading.Thread(target=_listen, args=(line, messages), daemon=True).start()
    start = messages.get()
    assert isinstance(start, Start)
    try:
        _serve(line, messages, start)
    except SkinsegError as error:
        line.send(Failed(error))
    except BrokenPipeError:
        return


def _line() -> Line:
    """Keep stdout for the parent, and give what Ray and others print there to stderr."""
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return Line(sys.stdin.buffer, outgoing)


def _listen(line: Line, messages: queue.Queue[Message | None]) -> None:
    while True:
        try:
            messages.put(line.receive())
        except EOFError:
            break
    messages.put(None)
    os.kill(os.getpid(), signal.SIGTERM)
    # Ray may hang while it ends; what it started ends with this process.
    threading.Timer(_PATIENCE_S, os._exit, (1,)).start()


def _serve(line: Line, messages: queue.Queue[Message | None], start: Start) -> None:
    with joined(start.address, start.processes, start.folder) as address:
        prepared_context()
        line.send(Ready(address))
        while (run := messages.get()) is not None:
            assert isinstance(run, Run)
            line.send(_outcome(line, messages, run))


def _outcome(line: Line, messages: queue.Queue[Message | None], run: Run) -> Ended | Failed:
    import ray.exceptions

    try:
        contract = Bundle.open(run.work.bundle, trusted_key=run.work.trusted_key).contract
        spread = _spread(run.work, run.pool)
        for done in done_by_ray(_windows(line, messages, run.pool.window), run.work, contract, spread):
            line.send(done)
    except SkinsegError as error:
        return Failed(error)
    except Mistake as error:
        return Failed(None, str(error))
    except ray.exceptions.RayError as error:
        reason = str(error).strip().splitlines()[0][:300]
        return Failed(
            DeviceUnready(
                f"cannot go on with Ray: {type(error).__name__}: {reason}; look at the cluster with `ray status`, "
                "then start the same command again, which goes on"
            )
        )
    except BrokenPipeError:
        raise
    except Exception:  # noqa: BLE001  # told to the parent, which tells the user
        return Failed(None, traceback.format_exc())
    return Ended()


def _windows(line: Line, messages: queue.Queue[Message | None], window: int | None) -> Iterator[tuple[Unit, ...]]:
    while True:
        cores = max(1, int(resources().get("CPU", 1)))
        line.send(More(window or min(_LARGEST_WINDOW, _WINDOW_A_CORE * cores)))
        answer = messages.get()
        if not isinstance(answer, Units) or not answer.units:
            return
        yield answer.units


def _spread(work: Work, pool: Pool) -> Spread:
    """Choose what nobody told: an engine for each GPU where the engine is a GPU's, else one for each core."""
    there = resources()
    gpus = pool.gpus_per_engine
    if gpus is None:
        gpus = 1.0 if work.engine in _GPU_ENGINES else 0.0
    if gpus > there.get("GPU", 0):
        raise ToolMissing(
            f"cannot run {work.engine} on the Ray cluster: an engine needs {gpus:g} GPU, the cluster has "
            f"{there.get('GPU', 0):g}; start Ray on machines with a GPU, or give another --engine"
        )
    most = there["GPU"] // gpus if gpus else there.get("CPU", 1)
    # Every machine has room for two that decode, or measure.
    memory = min([work.max_pixels * _PIXEL_BYTES, *(of_node // 2 for of_node in memories())])
    return Spread(engines=pool.engines or max(1, int(most)), gpus=gpus, memory=memory)


if __name__ == "__main__":
    main()
