"""What 8 bits do to the masks of each network: the acceptance gate's figures and sizes, a row a file.

    python benchmarks/quantization.py DATA scsonet unet=runs/learning/unet/best.safetensors ... -o runs/quantization

DATA is a folder with images/, masks/, train.txt (calibrates) and validation.txt (judges). Each network is exported with
`--precision auto --target trt`; its bundle, with the whole report, stays in the folder of -o. The figures of 8 bits are
simulated by ONNX Runtime (quantized steps exactly, half precision rounded), not measured on a GPU. For times there is
`skinseg-bench --compare`.
"""

import argparse
import datetime
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skinseg_edge import load_checkpoint
from skinseg_edge.bundle import Bundle
from skinseg_edge.known_names import first_names
from skinseg_export import ExportOptions, export_bundle

PRECISIONS = ("fp32", "fp16", "int8", "auto")
_HEADINGS = (
    "network", "file", "in 8 bits", "gate", "mean Dice", "bound", "5 %", "worst", "expert drop", "worst group",
    "kB", "RTX builds",
)  # fmt: skip


def main() -> None:
    """Export what is asked for and print the table."""
    parser = argparse.ArgumentParser(description="Quantize networks and judge them.")
    parser.add_argument("data", type=Path)
    parser.add_argument("models", nargs="+", metavar="[LABEL=]MODEL")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the bundles")
    arguments = parser.parse_args()
    print(f"{datetime.date.today()}, {platform.machine()} {platform.system()}, simulated by ONNX Runtime on the CPU.\n")
    print("| " + " | ".join(_HEADINGS) + " |")
    print("|" + "---|" * len(_HEADINGS))
    stories = []
    for text in arguments.models:
        label, _, model = text.rpartition("=")
        bundle, report = exported(model, arguments.data, arguments.output / f"{label or model}.skinseg")
        for row in rows(label or model, bundle, report):
            print("| " + " | ".join(row) + " |", flush=True)
        stories.append(f"- **{label or model}**: {story(report)}")
    print("\n" + "\n".join(stories))


def exported(model: str, data: Path, path: Path) -> tuple[Bundle, Mapping[str, Any]]:
    """Export *model* unless its bundle is there, and read the report on it."""
    if not path.exists():
        options = ExportOptions(targets=("trt",), precision="auto", calibration=data)
        made = export_bundle(load_checkpoint(model), path, options)
        for name, reason in made.failures.items():
            print(f"<!-- {name}: {reason} -->")
    bundle = Bundle.open(path)
    return bundle, json.loads(bundle.read("quantization/report.json"))


def rows(label: str, bundle: Bundle, report: Mapping[str, Any]) -> list[list[str]]:
    """Return a row a file, and one of all-INT8 where that was refused and left out."""
    artefacts = {artefact.precision: artefact for artefact in bundle.manifest.artefacts if "onnx" in artefact.name}
    layers = len(report["layers"]["quantizable"])
    made = []
    for name in PRECISIONS:
        artefact = artefacts.get(name)
        checks = dict(artefact.checks) if artefact else (report["int8"] if name == "int8" else {})
        if not checks:
            continue
        quantized = {"int8": str(layers), "auto": str(checks.get("layers_in_8_bits", "-"))}.get(name, "-")
        passed = artefact is not None and artefact.status == "verified"
        size = f"{bundle.manifest.files[artefact.path].size / 1000:.0f}" if artefact else "-"
        builds = "yes" if checks.get("trt_rtx_builds") else "-"
        verdict = "by numbers" if name == "fp32" else "passes" if passed else "refused"
        made.append([label, name, quantized, verdict, *_figures(checks), size, builds])
    return made


def _figures(checks: Mapping[str, Any]) -> list[str]:
    names = ("mean_dice", "lower_bound_dice", "fifth_percentile_dice", "worst_dice", "expert_dice_drop")
    figures = [f"{checks[name]:.4f}" if name in checks else "-" for name in names]
    group = f"{checks['worst_group_drop']:.4f} ({checks['worst_group']})" if "worst_group" in checks else "-"
    return [*figures, group]


def story(report: Mapping[str, Any]) -> str:
    """Say what auto did, and which layers may not be quantized."""
    left = report["layers"]["left_alone"]
    methods = ", ".join(f"{name} {dice:.4f}" for name, dice in report["methods"].items())
    return f"{report['walk']['story']} Methods: {methods}. Left alone: {len(left)} ({first_names(list(left))})."


if __name__ == "__main__":
    main()
