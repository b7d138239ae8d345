"""`skinseg-export`: a checkpoint becomes a bundle."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from skinseg_edge.command_line import Ui, command, name_option
from skinseg_edge.errors import SkinsegError, ToolMissing, VerificationFailed
from skinseg_edge.network_options import classes_from_text, options_from_texts
from skinseg_export.export_options import CALIBRATION_PICTURES, PRECISIONS, QUANTIZERS, ExportOptions, ExportReport
from skinseg_export.picture_sizes import sizes_from_text
from skinseg_export.targets.names import resolve_target
from skinseg_export.targets.tensorrt.compute_capabilities import COMPUTE_CAPABILITIES

if TYPE_CHECKING:
    from rich.table import Table


__all__ = ["main"]


@command(
    "skinseg-export",
    "skinseg.export/1",
    examples=(
        "skinseg-export scsonet --target all -o lesion.skinseg",
        "skinseg-export run/best.safetensors --target onnx --precision fp32 -o lesion.skinseg --json",
    ),
)
@click.argument("model")
@click.option(
    "--target",
    "target_name",
    required=True,
    metavar="onnx|trt|coreml|triton|all",
    help="What to make beside the fp32 ONNX file, which every bundle holds. trt: the typed ONNX files, a plan for a "
    "Jetson, and a TensorRT-RTX engine where tensorrt_rtx is installed. coreml: packages for Apple "
    "devices. triton: a model repository for a server. Also: tensorrt, engine, mlpackage.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The bundle to write [default: MODEL.skinseg].")
@name_option(
    "--precision",
    "precision",
    PRECISIONS,
    default="fp16",
    show_default=True,
    help="fp32: fp32 artefacts only. fp16: half precision beside the fp32 ONNX file. int8: beside both, every layer "
    "that may be in 8 bits. auto: as many of them as pass the acceptance gate. For coreml, beside "
    "fp16: int8, int4 (iOS 18) or palettized (4 bits) weights, or w8a8, 8 bits for weights and activations.",
)
@click.option(
    "--calibration",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Training pictures to measure ranges on [default: the training list that the checkpoint names, looked for in "
    "SKINSEG_DATA and here].",
)
@click.option(
    "--calibration-pictures",
    "calibration_count",
    type=click.IntRange(1),
    default=CALIBRATION_PICTURES,
    show_default=True,
    help="How many of them.",
)
@click.option(
    "--calibration-cache",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Keep what calibration finds; read only for the same pictures, preprocessing and graph.",
)
@name_option("--quantizer", "quantizer", QUANTIZERS, default="onnxruntime", show_default=True, help="What calibrates.")
@click.option("--network", help="The network that a .pt file's weights belong to; .safetensors files say it.")
@click.option("--untrained", is_flag=True, help="Give network MODEL fresh weights, to try targets; nothing accepts it.")
@click.option(
    "--option",
    "option_texts",
    multiple=True,
    metavar="KEY=VALUE",
    help="Constructor option of an untrained network or a .pt file's, such as base=32; repeatable.",
)
@click.option("--classes", "class_text", metavar="A,B,...", help="Their classes, background first [default: lesion].")
@click.option("--input-size", type=int, metavar="PX", help="Side of their square input [default: 256].")
@click.option(
    "--import",
    "imports",
    multiple=True,
    metavar="MODULE|FILE.py",
    help="Run this code of yours first; it registers your own networks. Repeatable.",
)
@click.option("--opset", type=int, default=18, show_default=True, help="ONNX opset.")
@click.option("--dynamic-batch", is_flag=True, help="Leave the number of pictures free in the ONNX files; 1 otherwise.")
@click.option(
    "--validation",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Pictures to judge on, with masks where there are: those of its validation.txt, or all. Golden pictures are "
    "taken from them and travel in the bundle; without, they are drawn.",
)
@click.option(
    "--compute-capability",
    "compute_capabilities",
    multiple=True,
    metavar="NUMBER",
    help="GPU to build the TensorRT-RTX engine for, such as 8.9; repeatable [default: 8.6, 8.9 and 12.0, which are "
    "GeForce RTX 30, 40 and 50].",
)
@click.option(
    "--ios",
    type=click.Choice(["17", "18"]),
    default="17",
    show_default=True,
    help="Oldest iOS for the Core ML packages.",
)
@click.option(
    "--coreml-sizes",
    "coreml_size_text",
    metavar="ROWSxCOLUMNS,...",
    help="Sizes that the Core ML packages take beside the network's own, such as 256x256,384x384.",
)
@click.option("--key", type=click.Path(path_type=Path), help="Ed25519 private key (PEM) that signs the bundle.")
@click.option("--force", is_flag=True, help="Replace a bundle of that name.")
def main(
    ui: Ui,
    model: str,
    target_name: str,
    output: Path | None,
    precision: str,
    network: str | None,
    untrained: bool,
    option_texts: tuple[str, ...],
    class_text: str | None,
    input_size: int | None,
    imports: tuple[str, ...],
    opset: int,
    dynamic_batch: bool,
    validation: Path | None,
    calibration: Path | None,
    calibration_count: int,
    calibration_cache: Path | None,
    quantizer: str,
    compute_capabilities: tuple[str, ...],
    ios: str,
    coreml_size_text: str | None,
    key: Path | None,
    force: bool,
) -> int:
    """Turn MODEL, a shipped model's name or a checkpoint file, into a verified bundle."""
    targets = resolve_target(target_name)
    options_of_network = options_from_texts(option_texts)
    coreml_sizes = () if coreml_size_text is None else sizes_from_text(coreml_size_text)
    classes = () if class_text is None else classes_from_text(class_text)
    # torch and the exporters take seconds to import: after the arguments have been checked.
    from skinseg_edge.networks.user_networks import import_user_networks
    from skinseg_export.exporter import export_bundle
    from skinseg_export.model_source import Variant, load_model

    for module_or_file in imports:
        import_user_networks(module_or_file)
    options = ExportOptions(
        targets=targets,
        precision=precision,
        opset=opset,
        dynamic_batch=dynamic_batch,
        validation=validation,
        calibration=calibration,
        calibration_count=calibration_count,
        calibration_cache=calibration_cache,
        quantizer=quantizer,
        compute_capabilities=compute_capabilities or COMPUTE_CAPABILITIES,
        ios=18 if ios == "18" else 17,
        coreml_sizes=coreml_sizes,
        key=key,
        force=force,
    )
    path = output or Path(f"{Path(model).stem}.skinseg")
    variant = Variant(options=options_of_network, classes=classes, input_size=input_size)
    checkpoint = load_model(model, network=network, untrained=untrained, variant=variant)
    if untrained:
        ui.warn("the weights are random: the bundle is for trying targets, and the runtime refuses it")
    report = export_bundle(checkpoint, path, options, ui.progress)
    for warning in report.warnings:
        ui.warn(warning)
    for remark in report.remarks:
        ui.info(remark)
    for name, picture in report.worst.items():
        ui.info(f"the pictures {name} did worst on: {picture}")
    for missing in report.missing:
        ui.warn(f"no {missing.artefact}: {missing.remedy}")
    return ui.result(_document(report), _table(report), failure=_failure(report))


def _failure(report: ExportReport) -> SkinsegError | None:
    if report.failures:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in report.failures.items())
        return VerificationFailed(f"made {report.path}, but {reasons}")
    fatal = [missing for missing in report.missing if missing.is_fatal]
    if fatal:
        return ToolMissing(f"made {report.path} without {fatal[0].artefact}: {fatal[0].remedy}")
    return None


def _document(report: ExportReport) -> dict[str, object]:
    artefacts = [
        {
            "name": artefact.name,
            "path": artefact.path,
            "precision": artefact.precision,
            "status": artefact.status,
            "size": _size(report, artefact.path),
            "checks": dict(artefact.checks),
        }
        for artefact in report.manifest.artefacts
    ]
    return {
        "bundle": str(report.path),
        "trained": report.manifest.provenance.trained,
        "artefacts": artefacts,
        "unmade": dict(report.unmade),
        "missing": {missing.artefact: missing.remedy for missing in report.missing},
        "remarks": list(report.remarks),
        "warnings": list(report.warnings),
        "worst": {name: str(picture) for name, picture in report.worst.items()},
        "golden": len(report.manifest.golden),
        "device_plans": len(report.manifest.device_plans),
    }


def _table(report: ExportReport) -> "Table":
    from rich.table import Table

    table = Table(title=str(report.path), title_justify="left")
    table.add_column("artefact")
    table.add_column("status")
    for figure in ("size", "parity", "golden Dice", "gate: mean Dice"):
        table.add_column(figure, justify="right")
    for artefact in report.manifest.artefacts:
        checks = artefact.checks
        size = f"{_size(report, artefact.path) / 2**20:.2f} MiB"
        parity, golden = _parity(artefact.precision, checks), _dice(checks, "dice", "golden_dice")
        table.add_row(artefact.name, artefact.status, size, parity, golden, _dice(checks, "mean_dice"))
    for name in report.unmade:
        table.add_row(name, "failed", "-", "-", "-", "-")
    for missing in report.missing:
        table.add_row(missing.artefact, "not made", "-", "-", "-", "-")
    return table


def _parity(precision: str, checks: Mapping[str, float | str | bool]) -> str:
    if "failure" in checks:
        return "left its tolerance"
    if checks.get("numbers_verified") is False:  # of an engine, which runs on its GPU alone
        return "structure only"
    if "max_error" not in checks:
        return "by masks"
    name = "max" if precision == "fp32" else "mean"
    return f"{name} |dp| {checks[f'{name}_error']:.1e}"


def _dice(checks: Mapping[str, float | str | bool], *names: str) -> str:
    """Return the first of the figures *names* that is there."""
    return next((f"{checks[name]:.4f}" for name in names if name in checks), "-")


def _size(report: ExportReport, path: str) -> int:
    return sum(record.size for record in report.manifest.below(path).values())


if __name__ == "__main__":
    main()
