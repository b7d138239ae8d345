"""`skinseg-build`: make the engine of a bundle on the device that will run it, and prove it there."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import click

from skinseg_edge.command_line import Ui, command, name_option
from skinseg_edge.command_options import trusted_key_option
from skinseg_edge.errors import ToolMissing
from skinseg_runtime.engines import PRECISIONS
from skinseg_runtime.engines.precisions import usual_precision
from skinseg_runtime.engines.products import PRODUCTS, product_named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

    from skinseg_edge.bundle import Bundle
    from skinseg_runtime.engine_build.job import BuildOptions
    from skinseg_runtime.engine_build.ready_engine import ReadyEngine
    from skinseg_runtime.this_device import Device

__all__ = ["main"]

_SCHEMA = "skinseg.build/1"
_PATH = click.Path(path_type=Path)
_AT_LEAST_ONE = click.IntRange(min=1)
_ENGINES = ("auto", *(product.engine for product in PRODUCTS))
_MIB, _GIB = 1 << 20, 1 << 30


@command(
    "skinseg-build",
    _SCHEMA,
    examples=(
        "skinseg-build lesion.skinseg",
        "skinseg-build lesion.skinseg --precision int8 --workspace 512 --json",
    ),
)
@click.argument("bundle", type=_PATH)
@name_option(
    "--engine", "engine", _ENGINES, default="auto", show_default=True, help="NVIDIA's TensorRT or TensorRT-RTX."
)
@name_option("--precision", "precision", PRECISIONS, help="Which form of it. Default: fp16, or fp32 without one.")
@click.option("--max-batch", type=_AT_LEAST_ONE, default=1, show_default=True, help="Pictures in one call.")
@click.option("--workspace", type=_AT_LEAST_ONE, metavar="MIB", help="Memory of one kernel. Default: by free memory.")
@click.option("--dla", type=click.IntRange(min=0), metavar="CORE", help="Send what may go there to this DLA (experts).")
@click.option("--mask-output", is_flag=True, help="Let the engine give masks, too, as bytes.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=3600.0,
    show_default=True,
    metavar="S",
    help="Seconds it may take.",
)
@click.option("--rollback", is_flag=True, help="Build nothing: go back to the engine before the current one.")
@click.option("--force", is_flag=True, help="Build although such an engine is there.")
@trusted_key_option()
def main(
    ui: Ui,
    bundle: Path,
    engine: str,
    precision: str | None,
    max_batch: int,
    workspace: int | None,
    dla: int | None,
    mask_output: bool,
    timeout: float,
    rollback: bool,
    force: bool,
    trusted_key: Path | None,
) -> int:
    """Build the engine of BUNDLE for this device, run the golden cases through it, and use it from then on.

    It takes minutes on a Jetson. What was used before stays until the new engine has given the right masks, and is kept
    for --rollback; if the masks are wrong the exit code is 1 and nothing changes. An engine runs only on the kind of
    device and with the versions that built it: build again after an update. Ctrl-C leaves everything as it was.
    """
    from skinseg_edge.bundle import Bundle
    from skinseg_runtime.engine_build.job import BuildOptions
    from skinseg_runtime.this_device import identify

    opened = Bundle.open(bundle, trusted_key=trusted_key)
    chosen = _installed() if engine == "auto" else engine
    options = BuildOptions(
        engine=chosen,
        precision=precision or usual_precision(opened),
        max_batch=max_batch,
        workspace_mib=workspace,
        dla_core=dla,
        mask_output=mask_output,
        timeout_s=timeout,
    )
    device = identify(product_named(chosen))
    if rollback:
        return _roll_back(ui, opened, options, device)
    return _build(ui, opened, options, device, force)


def _installed() -> str:
    """Return the engine whose library is installed, TensorRT before TensorRT-RTX."""
    for product in PRODUCTS:
        if _is_there(product.module):
            return product.engine
    modules = " nor ".join(product.module for product in PRODUCTS)
    raise ToolMissing(f"cannot build an engine: Python finds neither {modules}; {PRODUCTS[0].remedy}")


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # a finder that refuses, or a module without a specification
        return False


def _roll_back(ui: Ui, bundle: Bundle, options: BuildOptions, device: Device) -> int:
    from skinseg_runtime.engine_build.ready_engine import roll_back

    engine = roll_back(bundle, options.precision, device)
    return _tell(ui, bundle, engine, "went back to", {"built": False, "rolled_back": True})


def _build(ui: Ui, bundle: Bundle, options: BuildOptions, device: Device, force: bool) -> int:
    from skinseg_runtime.engine_build.device_build import build_and_prove
    from skinseg_runtime.engine_build.progress_lines import telling_steps
    from skinseg_runtime.engine_build.ready_engine import ReadyEngine, ready_engine
    from skinseg_runtime.engine_build.wanted_engine import wanted_engine

    wanted = wanted_engine(bundle, options, device)
    ready = None if force else ready_engine(bundle, wanted, options.precision, device)
    if ready is not None:
        ui.info("such an engine is there already; --force builds another")
        return _tell(ui, bundle, ready, "ready", {"built": False, "rolled_back": False})
    with telling_steps(ui) as tell:
        made = build_and_prove(bundle, options, tell, device=device)
    engine = ReadyEngine(folder=made.folder, sidecar=made.sidecar, receipt=made.receipt)
    more = {"built": True, "rolled_back": False, "seconds": round(made.seconds, 1), "dla": made.dla}
    return _tell(ui, bundle, engine, f"built and proved in {made.seconds:.0f} s", more)


def _tell(ui: Ui, bundle: Bundle, engine: ReadyEngine, what: str, more: Mapping[str, object]) -> int:
    sidecar, receipt = engine.sidecar, engine.receipt
    document = {
        "bundle": str(bundle.path),
        "name": bundle.manifest.name,
        "bundle_sha256": bundle.sha256,
        "folder": engine.folder.path.relative_to(bundle.path).as_posix(),
        **more,
        "engine": sidecar.product,
        "version": sidecar.version,
        "precision": sidecar.precision,
        "size_bytes": sidecar.size,
        "sha256": sidecar.sha256,
        "device": sidecar.device.to_json(),
        "memory": dict(sidecar.memory),
        "trtexec": sidecar.trtexec,
        "golden": [dict(case) for case in receipt.golden],
        "figures": dict(receipt.figures),
    }
    ui.info(f"NVIDIA's own tool builds the same with: {sidecar.trtexec}")  # no cell: it would be broken to be copied
    return ui.result(document, _table(engine, what, more.get("dla")))


def _table(engine: ReadyEngine, what: str, dla: object) -> object:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    sidecar, device = engine.sidecar, engine.sidecar.device
    overview = Table("", "", box=None, show_header=False, pad_edge=False)
    gpu = f"{device.gpu}, compute capability {device.compute_capability}, {device.memory_bytes / _GIB:.1f} GiB"
    for name, value in (
        ("engine", f"{engine.folder.name}, {what}"),
        ("made by", f"{product_named(sidecar.product).title} {sidecar.version}, CUDA {device.cuda}"),
        ("device", gpu if device.jetpack is None else f"{gpu}, JetPack {device.jetpack}"),
        ("size", f"{sidecar.size / _MIB:.1f} MiB"),
        *([("DLA", _dla_words(dla))] if dla else []),
    ):
        overview.add_row(name, Text(value, overflow="fold"))
    return Group(overview, Text(""), _golden_table(engine.receipt.golden))


def _dla_words(dla: object) -> str:
    match dla:
        case {"core": int(core), "stretches": int(stretches), "layers": list(layers)}:
            left = [f"{layer['name']} ({layer['type']})" for layer in layers if not layer["on_dla"]]
            on_gpu = f"; on the GPU: {', '.join(left)}" if left else ""
            return f"{len(layers) - len(left)} of {len(layers)} layers on DLA {core}, entered {stretches} times{on_gpu}"
    return "no report"


def _golden_table(golden: Sequence[Mapping[str, object]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    cases = Table("golden case", box=None, pad_edge=False)
    for heading in ("Dice", "at least", "area drift", "at most"):
        cases.add_column(heading, justify="right")
    cases.add_column("")
    for case in golden:
        figures = [f"{case[name]:.4f}" for name in ("dice", "min_dice")]
        drift = case["area_drift"]
        figures += ["without end" if drift is None else f"{drift:.2%}", f"{case['max_area_drift']:.2%}"]
        verdict = "holds" if case["passed"] else "fails"
        cases.add_row(Text(str(case["image"])), *figures, verdict if case["judged"] else "not judged")
    return cases


if __name__ == "__main__":
    main()
