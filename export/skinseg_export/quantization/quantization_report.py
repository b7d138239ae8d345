"""What an export found out about 8 bits: for programs as JSON, for people as a page of tables."""

from collections.abc import Mapping
from dataclasses import dataclass

from skinseg_edge.networks.quantizable_layers import LayerChoice
from skinseg_export.quantization.fingerprint import Fingerprint
from skinseg_export.quantization.preparation import Calibration
from skinseg_export.quantization.quantize import AutoFile
from skinseg_export.quantization.sensitivity import sensitivity_table
from skinseg_export.tables import Cell, Table, markdown_of
from skinseg_runtime.acceptance import Acceptance

__all__ = ["REPORT_SCHEMA", "Findings", "page_of", "report_of"]

REPORT_SCHEMA = "skinseg.quantization/1"


@dataclass(frozen=True, kw_only=True)
class Findings:
    """*methods*: calibration method -> mean Dice with every layer in 8 bits, *method* the best. *int8*: judged so.

    *auto*: what the walk found, None if nobody asked for it.
    """

    calibration: Calibration
    quantizer: str
    fingerprint: Fingerprint
    choice: LayerChoice
    methods: Mapping[str, float]
    method: str
    int8: Acceptance
    auto: AutoFile | None


def report_of(found: Findings) -> dict[str, object]:
    """Return everything as plain values for `json.dumps`."""
    return {
        "schema": REPORT_SCHEMA,
        "quantizer": found.quantizer,
        "calibration": {
            "source": found.calibration.pictures.source,
            "pictures": len(found.calibration.images),
            "fingerprint": {**vars(found.fingerprint), "digest": found.fingerprint.digest},
            "coverage": found.calibration.coverage.to_json(),
        },
        "methods": dict(found.methods),
        "method": found.method,
        "layers": {"quantizable": list(found.choice.quantizable), "left_alone": dict(found.choice.left_alone)},
        "int8": {**found.int8.checks(), "passed": found.int8.passed},
        "sensitivity": None if found.auto is None else found.auto.sensitivity.to_json(),
        "walk": None if found.auto is None else found.auto.walk.to_json(),
    }


def page_of(found: Findings) -> str:
    """Return the page in Markdown: what the gate says, how it was calibrated, which layers cost what."""
    auto = found.auto
    tables = [_gate_table(found), _methods_table(found), found.calibration.coverage.table()]
    if auto is not None:
        tables.append(sensitivity_table(auto.sensitivity, auto.walk.restored))
    tables.append(_left_alone_table(found.choice))
    story = f"{auto.walk.story()}\n\n" if auto is not None else ""
    return f"# Quantization\n\n{story}{markdown_of(tables)}"


def _gate_table(found: Findings) -> Table:
    judged = {"int8, every layer": found.int8}
    if found.auto is not None and found.auto.file is not None:
        judged["auto"] = found.auto.file.acceptance
    checks = {name: acceptance.checks() for name, acceptance in judged.items()}
    rows: list[tuple[Cell, ...]] = [("gate", *("passes" if each.passed else "refuses" for each in judged.values()))]
    for figure in next(iter(checks.values())):
        rows.append((figure.replace("_", " "), *(_cell(each.get(figure)) for each in checks.values())))
    faults = tuple(f"{name}: {fault}" for name, each in judged.items() for fault in each.faults())
    return Table("The acceptance gate", ("figure", *judged), tuple(rows), faults)


def _cell(value: float | str | bool | None) -> Cell:
    return str(value) if isinstance(value, bool) else value


def _methods_table(found: Findings) -> Table:
    rows = tuple((method, dice) for method, dice in found.methods.items())
    note = f"{found.method} was chosen; on a part of the gate's pictures, with every layer in 8 bits"
    return Table("Calibration methods", ("method", "mean Dice to the trained masks"), rows, (note,))


def _left_alone_table(choice: LayerChoice) -> Table:
    return Table("Layers that are never quantized", ("layer", "why"), tuple(choice.left_alone.items()))
