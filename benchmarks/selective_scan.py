"""How exact, how long and how large the selective scan is: one scan of a 256 px picture, then whole networks.

Prints Markdown tables with the date and the machine. Errors of one scan are against the recurrence step by step in
float64; those of a network are ONNX Runtime's against torch's, as largest |dp|. Each time is the least of the runs,
each memory the peak above that of the loaded model.

    python benchmarks/selective_scan.py [--repeats 3] [--small-only]
"""

import argparse
import datetime
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract
from skinseg_edge.networks import create
from skinseg_edge.networks.blocks.chunked_scan import chunked_scan
from skinseg_edge.networks.blocks.selective_scan import LONGEST_EXPORTED, chunk_length
from skinseg_export.foreign_noise import quiet
from skinseg_export.onnx_from_torch import onnx_from_torch
from skinseg_export.torch_engine import TorchEngine
from tests.edge.networks.selective_scan_reference import scan_case, sequential_scan

SIDE = 256
# Steps and inner channels of the four stages.
STAGES = ((4096, 192), (1024, 384), (256, 768), (64, 1536))
NETWORKS: dict[str, dict[str, Any]] = {
    "small (channels 24, ratio 2)": {"channels": 24, "ratio": 2},
    "full (channels 96, ratio 4)": {},
}


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Measure the selective scan.")
    parser.add_argument("--repeats", type=int, default=3, help="runs a time is the least of")
    parser.add_argument("--small-only", action="store_true", help="leave the full network out")
    parser.add_argument("--run", nargs=2, metavar=("MODEL", "REPEATS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        run_alone(Path(arguments.run[0]), int(arguments.run[1]))
        return
    say(
        f"{datetime.date.today()}, {platform.machine()} {platform.system()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}, torch {torch.__version__}, one thread\n"
    )
    torch.manual_seed(0)
    scans(arguments.repeats)
    wholes(arguments.repeats, [name for name in NETWORKS if not (arguments.small_only and name.startswith("full"))])


def scans(repeats: int) -> None:
    """Print the table of one scan in each stage."""
    say(
        "| steps L | channels E | chunk T | max error, nominal | max abs y | max error, stress | max abs y | "
        "nodes | ORT s | ORT MiB |"
    )
    say("|---|---|---|---|---|---|---|---|---|---|")
    for length, inner in STAGES:
        errors = []
        for stress in (False, True):
            case = scan_case(length, inner, stress=stress)
            expected = sequential_scan(case) - case.D[:, None] * case.u
            u, delta, A, B, C, _ = (each.float() for each in case)
            got = chunked_scan(u, delta, A, B, C, chunk_length(length, LONGEST_EXPORTED))[0]
            errors += [f"{(got - expected).abs().max():.1e}", f"{expected.abs().max():.0f}"]
        nodes, seconds, mebibytes = scan_in_onnxruntime(length, inner, repeats)
        cells = [
            length,
            inner,
            chunk_length(length, LONGEST_EXPORTED),
            *errors,
            nodes,
            f"{seconds:.2f}",
            f"{mebibytes:.0f}",
        ]
        say("| " + " | ".join(str(cell) for cell in cells) + " |")
    say("")


def scan_in_onnxruntime(length: int, inner: int, repeats: int) -> tuple[int, float, float]:
    """Return the nodes, seconds and MiB of one scan in ONNX Runtime."""
    import onnx
    import onnxsim

    case = [each.float() for each in scan_case(length, inner, stress=False)[:5]]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scan.onnx"
        inputs = (case[0], case[1], case[3], case[4])
        with quiet():
            torch.onnx.export(OneScan(case[2]).eval(), inputs, path, dynamo=True, external_data=False, verbose=False)
        model, _ = onnxsim.simplify(onnx.load(path))
        onnx.save(model, path)
        seconds, mebibytes = measured_alone(path, repeats)
    return len(model.graph.node), seconds, mebibytes


class OneScan(nn.Module):
    """The scan with constant decay rates, as in a network."""

    def __init__(self, A: Tensor) -> None:
        super().__init__()
        self.register_buffer("A", A)

    def forward(self, u: Tensor, delta: Tensor, B: Tensor, C: Tensor) -> Tensor:
        """Return C_t h_t."""
        return chunked_scan(u, delta, self.get_buffer("A"), B, C, chunk_length(int(u.shape[2]), LONGEST_EXPORTED))[0]


def wholes(repeats: int, names: list[str]) -> None:
    """Print the table of whole networks."""
    say("| network at 256 px | parameters | export s | nodes | MB | max abs dp | torch s | ORT s | ORT MiB |")
    say("|---|---|---|---|---|---|---|---|---|")
    for name in names:
        network = create("cmssm", **NETWORKS[name]).eval()
        contract = ModelContract(input_hw=(SIDE, SIDE))
        started = time.perf_counter()
        model = onnx_from_torch(network, contract).model
        export_s = time.perf_counter() - started
        images = np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 3), np.uint8)
        torch_s, expected = in_torch(network, contract, images, repeats)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.onnx"
            path.write_bytes(model.SerializeToString())
            size = path.stat().st_size / 1e6
            seconds, mebibytes = measured_alone(path, repeats)
            error = np.abs(np.load(path.with_suffix(".npy")) - expected).max()
        parameters = sum(weight.numel() for weight in network.parameters())
        cells = [name, f"{parameters:,}", f"{export_s:.0f}", len(model.graph.node), f"{size:.0f}", f"{error:.1e}"]
        cells += [f"{torch_s:.2f}", f"{seconds:.2f}", f"{mebibytes:.0f}"]
        say("| " + " | ".join(str(cell) for cell in cells) + " |")


def in_torch(network: nn.Module, contract: ModelContract, images: Any, repeats: int) -> tuple[float, Any]:
    """Return the seconds of one picture in torch and its probabilities."""
    engine = TorchEngine(network, contract)
    seconds = []
    probability: Any = None
    for _ in range(repeats):
        started = time.perf_counter()
        probability = engine.infer(images)
        seconds.append(time.perf_counter() - started)
    return min(seconds), probability


def measured_alone(path: Path, repeats: int) -> tuple[float, float]:
    """Run the model at *path* in a process of its own; return its seconds and MiB. Its answer lies beside it, .npy."""
    command = [sys.executable, __file__, "--run", str(path), str(repeats)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ).stdout.split()
    return float(answer[0]), float(answer[1])


def run_alone(path: Path, repeats: int) -> None:
    """Be the process of `measured_alone`."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    feeds = {
        value.name: random.integers(0, 256, value.shape, np.uint8)
        if "uint8" in value.type
        else random.random(value.shape, np.float32)
        for value in session.get_inputs()
    }
    before = memory_mib("VmRSS")
    seconds = []
    answers: list[Any] = []
    for _ in range(repeats):
        started = time.perf_counter()
        answers = list(session.run(None, feeds))
        seconds.append(time.perf_counter() - started)
    np.save(path.with_suffix(".npy"), answers[0])
    say(f"{min(seconds)} {memory_mib('VmHWM') - before}")


def memory_mib(field: str) -> float:
    """Return a memory figure of this process: VmRSS now, VmHWM the most so far. Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field + ":"))


def say(line: str) -> None:
    """Print at once."""
    print(line, flush=True)


if __name__ == "__main__":
    main()
