"""What conversion to Core ML does to each network: figures of the evaluated programs, sizes, times; a row a package.

    python benchmarks/coreml.py scsonet unet=run/best.safetensors hhbsnet ... [--data DIR] [--precision fp32 ...]

A network that is only named gets fresh weights: its masks say nothing, so its row has no Dice. --data is a folder with
images/, masks/, train.txt (calibrates w8a8) and validation.txt (judges); without, golden pictures are drawn, and random
ones calibrate. The figures are of the saved programs, evaluated on this machine's processor: no Apple device is behind
any of them. Times are of this machine as well: they say what an export takes, not what a phone does.
"""

import argparse
import datetime
import platform
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.label_maps import MELASMA_CLASSES
from skinseg_edge.errors import SkinsegError
from skinseg_edge.image_io import decode
from skinseg_edge.networks.checkpoint import Checkpoint, shipped_names
from skinseg_edge.preprocessing import to_network_input
from skinseg_export.acceptance import AcceptanceBench, gate_pictures, subjects_of_golden
from skinseg_export.golden import Golden, golden_from_synthetic
from skinseg_export.model_source import Variant, load_model
from skinseg_export.parity import noise_pictures
from skinseg_export.quantization.calibration_pictures import calibration_pictures
from skinseg_export.targets.coreml.build import mlpackage_from_torch
from skinseg_export.targets.coreml.mil_reference import MilEngine, load_program
from skinseg_export.targets.coreml.options import CoremlOptions, CoremlPrecision
from skinseg_export.targets.coreml.reach import kept_in_single
from skinseg_export.targets.coreml.structure import check_structure
from skinseg_export.targets.coreml.verify import TrainedSide, verify_program
from skinseg_export.torch_engine import TorchEngine
from skinseg_runtime import Segmenter
from skinseg_runtime.acceptance import judge

_HEADINGS = (
    "network", "package", "verdict", "max error", "mean error", "golden Dice", "gate: mean Dice", "gate: worst", "MB",
    "operators", "casts", "in float32", "converted s", "evaluated s a picture",
)  # fmt: skip
_CALIBRATES = 64


def main() -> None:
    """Convert what is asked for and print the table."""
    parser = argparse.ArgumentParser(description="Convert networks to Core ML and hold them against torch.")
    parser.add_argument("models", nargs="+", metavar="[LABEL=]MODEL")
    parser.add_argument("--data", type=Path, help="folder of pictures that calibrate and judge")
    parser.add_argument("--precision", nargs="*", choices=get_args(CoremlPrecision), default=get_args(CoremlPrecision))
    arguments = parser.parse_args()
    print(f"{datetime.date.today()}, {platform.machine()} {platform.system()}, evaluated programs; no Apple device.\n")
    print("| " + " | ".join(_HEADINGS) + " |")
    print("|" + "---|" * len(_HEADINGS))
    for text in arguments.models:
        label, _, model = text.rpartition("=")
        for row in rows(label or model, _checkpoint(model), arguments.precision, arguments.data):
            print("| " + " | ".join(row) + " |", flush=True)


def rows(
    label: str, checkpoint: Checkpoint, precisions: Sequence[CoremlPrecision], data: Path | None
) -> Iterator[list[str]]:
    """Yield a row for each of *precisions*, all held against one fresh conversion in fp32."""
    contract = checkpoint.contract
    segmenter = Segmenter(contract, TorchEngine(checkpoint.network, contract))
    golden = golden_from_synthetic(segmenter)
    bench = AcceptanceBench(segmenter, gate_pictures(data)) if data is not None and checkpoint.trained else None
    seen = _seen(checkpoint, data)
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch) / "fresh.mlpackage"
        mlpackage_from_torch(checkpoint.network, contract, fresh, CoremlOptions(precision="fp32"))
        side = TrainedSide(checkpoint.network, contract, golden, load_program(fresh), trained=checkpoint.trained)
        kept = kept_in_single(side.fresh, [picture[0] for picture in side.pictures.values()])
        for precision in precisions:
            options = CoremlOptions(precision=precision, ios=18 if precision == "int4" else 17)
            package = Path(scratch) / f"{precision}.mlpackage"
            start = time.perf_counter()
            mlpackage_from_torch(checkpoint.network, contract, package, options, calibration=seen, kept=kept)
            converted = time.perf_counter() - start
            found = _figures(package, options, side, golden, bench)
            own = "-" if precision == "fp32" else str(len(kept))
            yield [label, precision, *found[:-1], own, f"{converted:.0f}", found[-1]]


def _figures(
    package: Path,
    options: CoremlOptions,
    side: TrainedSide,
    golden: Sequence[Golden],
    bench: AcceptanceBench | None,
) -> list[str]:
    parameters = sum(parameter.numel() for parameter in side.network.parameters())
    structure = check_structure(package, side.contract, options, parameters=parameters)
    program = load_program(package)
    engine = MilEngine(program, side.contract)
    numbers, verdict = ["-", "-", "-"], "verified"
    try:
        checks, parity = verify_program(program, options, side)
        numbers = [f"{checks['max_error']:.1e}", f"{checks['mean_error']:.1e}", "-"]
        if side.trained:
            numbers[2] = f"{np.mean([each.dice for each in parity.pictures[: len(golden)]]):.4f}"
    except SkinsegError as refusal:
        verdict = f"refused: {refusal}"
    gate = ["-", "-"]
    if side.trained:
        subjects = bench.subjects() if bench else subjects_of_golden(golden)
        limits = options.precision if options.precision in ("fp32", "fp16") else "int8"
        acceptance = judge(Segmenter(side.contract, engine), subjects, precision=limits)
        gate = [f"{acceptance.mean_dice:.4f}", f"{acceptance.worst.dice:.4f}"]
        verdict = verdict if acceptance.passed or verdict != "verified" else "refused by the gate"
    size = sum(path.stat().st_size for path in package.rglob("*") if path.is_file()) / 1e6
    operators = str(sum(use.count for use in structure.operators))
    seconds = f"{_seconds_a_picture(engine, side.contract):.2f}"
    return [verdict, *numbers, *gate, f"{size:.2f}", operators, str(structure.casts), seconds]


def _seconds_a_picture(engine: MilEngine, contract: ModelContract) -> float:
    pictures = np.stack(noise_pictures(contract))
    engine.infer(pictures[:1])
    start = time.perf_counter()
    engine.infer(pictures)
    return (time.perf_counter() - start) / len(pictures)


def _checkpoint(model: str) -> Checkpoint:
    if Path(model).is_file() or model in shipped_names():
        return load_model(model)
    faces = Variant(classes=MELASMA_CLASSES) if model == "hhbsnet" else None
    return load_model(model, untrained=True, variant=faces)


def _seen(checkpoint: Checkpoint, data: Path | None) -> Sequence[NDArray[np.uint8]]:
    """Return what w8a8 is calibrated on, as the network sees it."""
    if data is None or not checkpoint.trained:
        return noise_pictures(checkpoint.contract)
    found = calibration_pictures(data, checkpoint.training, count=_CALIBRATES)
    photos = [decode(path, at_least_hw=checkpoint.contract.input_hw) for path in found.paths]
    return [to_network_input(each.pixels, checkpoint.contract, photo_hw=each.full_hw).pixels for each in photos]


if __name__ == "__main__":
    main()
