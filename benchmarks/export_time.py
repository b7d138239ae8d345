"""How long `skinseg-export --target trt` takes for each network, step by step.

    python benchmarks/export_time.py [CASE ...] [--data DIR] [--validation DIR] [-o FILE.json]

A case is NETWORK:PRECISION: `scsonet:fp16` is the shipped network, `unet:fp16` one of full width with fresh weights,
`runs/best.safetensors:int8` a checkpoint. Without any: every network in both precisions. 8 bits need DATA, a folder
with images/, masks/, train.txt (calibrates) and validation.txt (judges, unless --validation names another folder).

Each case is a process of its own, from its start to its end. Processor seconds are the measure where others use the
machine, too: they count every thread, so on free cores the clock shows less.
"""

import argparse
import datetime
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SHIPPED = "scsonet"
NETWORKS = (SHIPPED, "ulffn", "hhbsnet", "unet", "cmssm")
PRECISIONS = ("fp16", "int8")
_IMPORTS = "imports"


def main() -> None:
    """Measure what is asked for and print the tables."""
    parser = argparse.ArgumentParser(description="Measure how long exports take.")
    parser.add_argument("cases", nargs="*", metavar="NETWORK:PRECISION", default=_every_case())
    parser.add_argument("--data", type=Path, help="folder of the pictures that 8 bits are calibrated on")
    parser.add_argument("--validation", type=Path, help="folder of the pictures that judge")
    parser.add_argument("-o", "--output", type=Path, help="also write every figure to this JSON file")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)  # this process is the one case
    arguments = parser.parse_args()
    if arguments.inside:
        print(json.dumps(inside(arguments.cases[0], arguments.data, arguments.validation)))
        return
    measured = [outside(case, arguments.data, arguments.validation) for case in arguments.cases]
    print(page(measured))
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")


def _every_case() -> list[str]:
    return [f"{network}:{precision}" for precision in PRECISIONS for network in NETWORKS]


def outside(case: str, data: Path | None, validation: Path | None) -> dict[str, Any]:
    """Export *case* in a process of its own and return what it took, its imports and its end included."""
    given = [] if data is None else ["--data", str(data)]
    given += [] if validation is None else ["--validation", str(validation)]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    ran = subprocess.run([sys.executable, __file__, case, *given, "--inside"], stdout=subprocess.PIPE, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode:
        return {
            "case": case,
            "outcome": f"ended with {ran.returncode}",
            "steps": {},
            "processor_s": 0.0,
            "clock_s": 0.0,
        }
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    found["clock_s"] = time.perf_counter() - start
    found["processor_s"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{case}: {found['processor_s']:.0f} s of processor, {found['clock_s']:.0f} s", file=sys.stderr)
    return found


def inside(case: str, data: Path | None, validation: Path | None) -> dict[str, Any]:
    """Export *case* here and return its steps, in processor seconds."""
    start = time.process_time()
    from skinseg_edge.errors import SkinsegError
    from skinseg_export import ExportOptions, export_bundle
    from skinseg_export.model_source import Variant, load_model

    clock = _StepClock()
    clock.spent[_IMPORTS] = time.process_time() - start
    model, _, precision = case.rpartition(":")
    is_bare = model != SHIPPED and model in NETWORKS
    options = ExportOptions(
        targets=("trt",), precision=precision, validation=validation, calibration=data if precision == "int8" else None
    )
    with tempfile.TemporaryDirectory() as folder:
        try:
            checkpoint = load_model(model, network=None, untrained=is_bare, variant=Variant())
            report = export_bundle(checkpoint, Path(folder) / "model.skinseg", options, clock)
        except SkinsegError as error:
            return {"case": case, "outcome": str(error), "steps": clock.spent}
        outcome = "; ".join(f"{name}: {reason}" for name, reason in report.failures.items()) or "made"
        files = {artefact.name: artefact.status for artefact in report.manifest.artefacts}
    spent = {**clock.spent, "the rest": time.process_time() - start - sum(clock.spent.values())}
    return {"case": case, "trained": not is_bare, "outcome": outcome, "files": files, "steps": spent}


class _StepClock:
    """The exporter's progress, as a stop-watch."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)

    @contextmanager
    def __call__(self, _total: int, description: str) -> Iterator[Callable[[], None]]:
        start = time.process_time()
        yield lambda: None
        self.spent[description] += time.process_time() - start


def page(measured: Sequence[Mapping[str, Any]]) -> str:
    """Lay the figures out: a row a case, then the steps of each."""
    lines = [
        f"Measured {datetime.date.today()} on {platform.machine()} {platform.system()}, {os.cpu_count()} cores, "
        f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'not set')}; seconds.\n",
        "| network | precision | processor | clock | outcome |",
        "|---|---|---:|---:|---|",
    ]
    for each in measured:
        model, _, precision = each["case"].rpartition(":")
        spent = f"{each['processor_s']:.0f} | {each['clock_s']:.0f}"
        lines.append(f"| {model} | {precision} | {spent} | {each['outcome']} |")
    for each in measured:
        steps = ", ".join(f"{name} {seconds:.1f}" for name, seconds in each["steps"].items())
        lines.append(f"\n- {each['case']}, processor: {steps}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
