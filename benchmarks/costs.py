"""What every network of the papers costs at the papers' sizes, beside the figures that the papers print.

Prints a Markdown table with the date and the machine. Weights are fresh: they change no figure here. MACs are those of
convolutions and matrix products; the running sums of CM-SSM's scan, 0.98 G at its full width, are not among them.
Activations: the most that torch holds at once for one picture without gradients, float32, weights not counted.

    python benchmarks/costs.py [--only cmssm] [--repeats 9] [--threads 1] [--count-only]
"""

import argparse
import datetime
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from benchmarks.lines import say
from skinseg_edge import networks
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import ToolMissing
from skinseg_export.cost import graph_cost, network_cost

_MELASMA = ("BACKGROUND", "ET", "HHB", "XB", "LF", "RF")
_TWO = ("background", "lesion")


@dataclass(frozen=True)
class Row:
    """*printed*: parameters and "GFLOPs" of the paper, and how that figure comes about; empty where it has none."""

    label: str
    network: str
    side: int
    options: Mapping[str, object] = field(default_factory=dict)
    classes: tuple[str, ...] = ("lesion",)
    printed: str = ""


_PLAIN = {"squeeze": False, "mixing": False, "cross_attention": False}
ROWS = (
    Row("SCSONet", "scsonet", 256, printed="0.149 M, 0.056: thop, divided by 2^20 and 2^30, without functional layers"),
    Row(
        "U-Net 32",
        "unet",
        256,
        {"base": 32, "convolution_bias": True},
        printed="7.77 M, 13.76: thop / 1e9, which counts transposed convolutions 4 times",
    ),
    Row("U-Net 64", "unet", 224, {"base": 64}),
    Row("U-Net 64", "unet", 256, {"base": 64}),
    Row("CM-SSM without SE, CMN, CRA (VM-UNet)", "cmssm", 256, _PLAIN, printed="27.43 M, 4.11: thop / 1e9, no scan"),
    Row("CM-SSM ratio 4", "cmssm", 256),
    Row("CM-SSM ratio 2", "cmssm", 256, {"ratio": 2}),
    Row("CM-SSM ratio 1", "cmssm", 256, {"ratio": 1}),
    Row("CM-SSM 24, ratio 2", "cmssm", 256, {"channels": 24, "ratio": 2}),
    Row("ULFFN 64", "ulffn", 512, {"base": 64}, _TWO),
    Row("ULFFN 64, last stride 1", "ulffn", 512, {"base": 64, "last_stride": 1}, _TWO),
    Row("ULFFN 32", "ulffn", 512, {"base": 32}, _TWO),
    Row("ULFFN 16", "ulffn", 512, {"base": 16}, _TWO),
    Row("ULFFN 32", "ulffn", 256, {"base": 32}, _TWO),
    Row("HHBSNet", "hhbsnet", 512, {}, _MELASMA),
    Row("HHBSNet, decoder 128", "hhbsnet", 512, {"decoder": 128}, _MELASMA),
    Row("HHBSNet, decoder 128", "hhbsnet", 256, {"decoder": 128}, _MELASMA),
    Row("U-Net++ 32", "unet++", 256, printed="9.16 M, 34.86: another implementation"),
    Row("Attention U-Net 64", "attention-unet", 256),
)


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Measure what the networks cost.")
    parser.add_argument("--only", metavar="NETWORK", help="the rows of one network")
    parser.add_argument("--repeats", type=int, default=9, help="runs a latency is the median of")
    parser.add_argument("--threads", type=int, help="of ONNX Runtime; all usable ones when left out")
    parser.add_argument("--count-only", action="store_true", help="no export and no clock")
    arguments = parser.parse_args()
    cores = f"{arguments.threads or 'all'} of {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    say(
        f"{datetime.date.today()}, {platform.machine()} {platform.system()}, {cores}, torch {torch.__version__}; "
        f"ms: median of {arguments.repeats}\n"
    )
    say("| network | px | maps | parameters | MACs, G | activations, MB | nodes | ms | printed by the paper |")
    say("|---|---:|---:|---:|---:|---:|---:|---:|---|")
    for row in ROWS:
        if arguments.only in (None, row.network):
            say(_line(row, arguments.repeats, arguments.threads, arguments.count_only))


def _line(row: Row, repeats: int, threads: int | None, count_only: bool) -> str:
    torch.manual_seed(0)
    try:
        network = networks.create(row.network, len(row.classes), **row.options).eval()
    except ToolMissing:
        cells = [row.label, str(row.side), str(len(row.classes)), "its library is not installed", "", "", "", ""]
        return f"| {' | '.join([*cells, row.printed])} |"
    contract = ModelContract(input_hw=(row.side, row.side), classes=row.classes)
    cost = network_cost(network, contract.input_hw)
    cells = [row.label, str(row.side), str(len(row.classes)), f"{cost.parameters:,}"]
    cells += [f"{cost.macs / 1e9:.4g}", f"{cost.activation_bytes / 1e6:.1f}"]
    if count_only:
        cells += ["", ""]
    else:
        graph = graph_cost(network, contract, repeats=repeats, threads=threads)
        cells += [str(graph.nodes), f"{graph.median_ms:.0f}" if graph.median_ms >= 10 else f"{graph.median_ms:.1f}"]
    return f"| {' | '.join([*cells, row.printed])} |"


if __name__ == "__main__":
    main()
