"""What `skinseg-verify --receipt` finds and shows: a device's receipt, read, judged, and kept in the bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from skinseg_edge.bundle import Bundle
from skinseg_runtime.device_receipt_check import UnitVerdict, keep_receipt, missing_units, unit_verdicts
from skinseg_runtime.device_receipt_reading import read_device_receipt

if TYPE_CHECKING:
    from skinseg_runtime.device_receipt import DeviceReceipt

__all__ = ["ReceiptFindings"]

_NOT_TOLD = "-"


@dataclass
class ReceiptFindings:
    """A receipt and, once `judge` was called, what it is worth.

    *not_run*: what of the bundle's packages it says nothing about. *kept*: where it lies in the bundle.
    """

    receipt: DeviceReceipt
    data: bytes
    verdicts: tuple[UnitVerdict, ...] = ()
    not_run: tuple[str, ...] = ()
    kept: Path | None = None

    @classmethod
    def read(cls, path: Path) -> ReceiptFindings:
        """Read the receipt in a file; raises what `read_device_receipt` raises."""
        return cls(*read_device_receipt(path))

    def judge(self, bundle: Bundle) -> None:
        """Judge every run and keep the receipt, whatever the verdict; raises what the steps of the check raise."""
        self.verdicts = unit_verdicts(bundle, self.receipt)
        self.not_run = missing_units(bundle, self.receipt)
        self.kept = keep_receipt(bundle, self.receipt, self.data)

    @property
    def passed(self) -> bool:
        """Whether it was judged and no run failed."""
        return bool(self.verdicts) and all(verdict.passed for verdict in self.verdicts)

    @property
    def summary(self) -> str:
        """The verdict in a clause."""
        failed = [verdict for verdict in self.verdicts if not verdict.passed]
        if failed:
            run = failed[0].run
            return f"{run.artefact} on {run.compute_units} of {self.receipt.model}: {failed[0].faults[0]}"
        not_run = f"; not run: {', '.join(self.not_run)}" if self.not_run else ""
        return f"{len(self.verdicts)} runs on {self.receipt.model} gave their golden masks{not_run}"

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`."""
        told = {name: getattr(self.receipt, name) for name in ("model", "chip", "system", "made")}
        runs = [verdict.to_json() for verdict in self.verdicts]
        return {**told, "kept": None if self.kept is None else str(self.kept), "runs": runs}

    def table(self) -> Table:
        """Return the figures of every run, one line each; "-" stands for what is not told."""
        receipt = self.receipt
        table = Table(box=None, pad_edge=False)
        table.add_column(Text(f"{receipt.model}, {receipt.chip}, {receipt.system}"))
        for heading in ("worst Dice", "area drift", "load cold", "warm", "p50", "p90"):
            table.add_column(heading, justify="right")
        table.add_column("operations")
        table.add_column("")
        for verdict in self.verdicts:
            table.add_row(*_cells(verdict))
        return table


def _cells(verdict: UnitVerdict) -> tuple[Text | str, ...]:
    run, latency = verdict.run, verdict.latency
    operations = ", ".join(f"{kind} {count}" for kind, count in sorted(run.operations.items()))
    return (
        Text(f"{run.artefact} on {run.compute_units}"),
        _told("{:.4f}", verdict.worst_dice),
        _told("{:.2%}", verdict.worst_area_drift),
        _told("{:.0f} ms", None if run.failure else run.load_cold_ms),
        _told("{:.0f} ms", None if run.failure else run.load_warm_ms),
        _told("{:.2f} ms", None if latency is None else latency.p50_ms),
        _told("{:.2f} ms", None if latency is None else latency.p90_ms),
        Text(operations or _NOT_TOLD),
        "[green]holds[/]" if verdict.passed else "[bold red]fails[/]",
    )


def _told(form: str, figure: float | None) -> str:
    return _NOT_TOLD if figure is None else form.format(figure)
