"""What `skinseg-verify` found, as a person reads it: the checks, the golden cases, the receipt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from skinseg_runtime.device_receipt_findings import ReceiptFindings
    from skinseg_runtime.verification import GoldenOutcome

__all__ = ["Check", "verify_table"]


@dataclass(frozen=True)
class Check:
    """One promise of a bundle. *detail*: what it was held by, or why it does not hold."""

    name: str
    passed: bool
    detail: str


def verify_table(checks: list[Check], outcomes: list[GoldenOutcome], findings: ReceiptFindings | None) -> object:
    """Return what rich prints; *findings*: of a receipt, where one was given."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    overview = Table("check", "", "", box=None, show_header=False, pad_edge=False)
    for check in checks:
        overview.add_row(check.name, _word(check.passed), Text(check.detail))
    parts: list[RenderableType] = [overview]
    if outcomes:
        parts += [Text(""), _golden_table(outcomes)]
    if findings is not None and findings.verdicts:
        parts += [Text(""), findings.table()]
    return Group(*parts)


def _golden_table(outcomes: list[GoldenOutcome]) -> Table:
    from rich.table import Table
    from rich.text import Text

    cases = Table("golden case", box=None, pad_edge=False)
    for heading in ("Dice", "at least", "area drift", "at most"):
        cases.add_column(heading, justify="right")
    cases.add_column("")
    for outcome in outcomes:
        asked = outcome.floors
        figures = [
            f"{outcome.dice:.4f}",
            f"{asked.min_dice:.4f}",
            f"{outcome.area_drift:.2%}",
            f"{asked.max_area_drift:.2%}",
        ]
        verdict = _word(outcome.passed) if outcome.is_judged else "not judged"
        cases.add_row(Text(outcome.case.image), *figures, verdict)
    return cases


def _word(passed: bool) -> str:
    return "[green]holds[/]" if passed else "[bold red]fails[/]"
