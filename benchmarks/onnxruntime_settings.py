"""What each setting of ONNX Runtime costs and spares: the figures behind the table of docs/onnxruntime.md.

Each row is a process of its own: the session is opened as the runtime opens it, but for the one setting that the row
names, and segments a drawn picture again and again. Settings take turns, and of the rounds the least counts: others'
load only adds. Processor time is of all threads, and of a round its median. Memory is what is resident after 12
pictures over what was before the session was opened.

    python benchmarks/onnxruntime_settings.py BUNDLE... [--pictures 40] [--rounds 3] [--threads 1 2]
"""

import argparse
import datetime
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from skinseg_edge.bundle import Bundle
from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_runtime.engines.onnxruntime_providers import PROCESSOR
from skinseg_runtime.engines.onnxruntime_session import open_session
from skinseg_runtime.usable_cores import usable_cores

__all__ = ["SETTINGS", "Figures", "main", "measured"]

Figures = Mapping[str, float]

_FIRST = 12  # pictures until memory is looked at
_CHANGES: dict[str, Callable[[Any], None]] = {
    "as here": lambda _: None,
    "memory pattern on": lambda options: setattr(options, "enable_mem_pattern", True),
    "blocks used again": lambda options: setattr(options, "enable_mem_reuse", True),
    "arena off": lambda options: setattr(options, "enable_cpu_mem_arena", False),
    "threads wait in a loop": lambda options: _entry(options, "session.intra_op.allow_spinning", "1"),
    "no pre-packed weights": lambda options: _entry(options, "session.disable_prepacking", "1"),
}
_LAYOUT, _SHRUNK, _BOUND, _KEPT = "blocks of channels", "arena shrunk", "output bound", "optimised graph kept"
SETTINGS = (*_CHANGES, _LAYOUT, _SHRUNK, _BOUND, _KEPT)
_UNLIKE = {_LAYOUT: "the other memory layout"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table for each bundle."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", type=Path, nargs="+", metavar="BUNDLE")
    parser.add_argument("--pictures", type=int, default=40, help="of each row")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--setting", choices=SETTINGS, help=argparse.SUPPRESS)  # a row, in its own process
    chosen = parser.parse_args(arguments)
    if chosen.setting is not None:
        print(json.dumps(measured(chosen.bundles[0], chosen.setting, chosen.threads[0], chosen.pictures)))
        return
    print(
        f"{datetime.date.today()}, {platform.machine()} {platform.system()}, {usable_cores()} cores, ONNX Runtime "
        f"{onnxruntime.__version__}, least of {chosen.rounds} rounds of {chosen.pictures} pictures\n\n"
        "| network | threads | setting | processor ms a picture | times as here | best wall ms | MiB | opening ms |\n"
        "|:--|--:|:--|--:|--:|--:|--:|--:|"
    )
    for bundle in chosen.bundles:
        for threads in chosen.threads:
            _print_rows(bundle, threads, chosen.pictures, chosen.rounds)


def measured(bundle: Path, setting: str, threads: int, pictures: int) -> Figures:
    """Return what a row says; the process is to have opened no session yet.

    *setting*: one of SETTINGS. *Returns* processor and best wall time of a picture and processor time of opening, ms;
    memory, MiB.
    """
    opened = Bundle.open(bundle)
    model = opened.read(opened.artefact("onnx").path)
    picture = draw(0, opened.contract.input_hw).photo[None]
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "optimised.onnx" if setting == _KEPT else None
        if kept is not None:
            _opened(model, setting, threads, lambda options: setattr(options, "optimized_model_filepath", str(kept)))
            model = kept.read_bytes()
        before, begun = _resident_mib(), time.process_time()
        session = _opened(model, setting, threads, _not_again if kept is not None else _CHANGES.get(setting))
        opening_ms = (time.process_time() - begun) * 1000
    ask = _asking(session, setting, picture)
    for _ in range(_FIRST):
        ask()
    memory = _resident_mib() - before
    processor, wall = zip(*(_timed(ask) for _ in range(pictures)), strict=True)
    return {"processor": statistics.median(processor), "wall": min(wall), "memory": memory, "opening": opening_ms}


def _print_rows(bundle: Path, threads: int, pictures: int, rounds: int) -> None:
    found = {setting: list[Figures]() for setting in SETTINGS}
    for _ in range(rounds):
        for setting in SETTINGS:
            line = [sys.executable, __file__, str(bundle), "--setting", setting, "--threads", str(threads)]
            answer = subprocess.run([*line, "--pictures", str(pictures)], capture_output=True, text=True, check=True)
            found[setting].append(json.loads(answer.stdout))
    here, network = _least(found["as here"]), Bundle.open(bundle).manifest.provenance.network
    for setting, figures in found.items():
        least = _least(figures)
        # A session that was closed before leaves room that the next one takes.
        memory = "" if setting == _KEPT else f"{least['memory']:.0f}"
        print(
            f"| {network} | {threads} | {_UNLIKE.get(setting, setting)} | {least['processor']:.1f} | "
            f"{least['processor'] / here['processor']:.2f} | {least['wall']:.1f} | {memory} | {least['opening']:.0f} |",
            flush=True,
        )


def _least(rounds: Sequence[Figures]) -> Figures:
    return {name: min(figures[name] for figures in rounds) for name in rounds[0]}


def _opened(model: bytes, setting: str, threads: int, change: Callable[[Any], None] | None) -> Any:
    """Open a session as the runtime does, but for *change* of its options; the layout is a matter of its own."""
    real = onnxruntime.InferenceSession

    def changed(model: bytes, options: Any, **more: Any) -> Any:
        if change is not None:
            change(options)
        if setting == _LAYOUT:
            more["disabled_optimizers"] = [] if more["disabled_optimizers"] else ["NchwcTransformer"]
        return real(model, options, **more)

    onnxruntime.InferenceSession = changed
    try:
        return open_session(model, "model.onnx", threads, PROCESSOR)
    finally:
        onnxruntime.InferenceSession = real


def _asking(session: Any, setting: str, picture: NDArray[np.uint8]) -> Callable[[], object]:
    names = [each.name for each in session.get_outputs()]
    feeds = {session.get_inputs()[0].name: picture}
    if setting == _SHRUNK:
        run_options = onnxruntime.RunOptions()
        run_options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        return lambda: session.run(names, feeds, run_options)
    if setting != _BOUND:
        return lambda: session.run(names, feeds)
    binding = session.io_binding()
    binding.bind_cpu_input(*next(iter(feeds.items())))
    answers = session.run(names, feeds)
    for name, answer in zip(names, answers, strict=True):
        binding.bind_output(name, "cpu", 0, np.float32, answer.shape, answer.ctypes.data)
    return lambda: (session.run_with_iobinding(binding), answers)


def _timed(ask: Callable[[], object]) -> tuple[float, float]:
    """Return processor and wall time of a run, ms."""
    busy, begun = time.process_time(), time.perf_counter()
    ask()
    return (time.process_time() - busy) * 1000, (time.perf_counter() - begun) * 1000


def _entry(options: Any, name: str, value: str) -> None:
    options.add_session_config_entry(name, value)


def _not_again(options: Any) -> None:
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL


def _resident_mib() -> float:
    """Return what this process holds in memory; Linux tells it here."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmRSS"].split()[0]) / 1024


if __name__ == "__main__":
    main()
