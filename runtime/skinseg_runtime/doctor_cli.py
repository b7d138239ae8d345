"""`skinseg-doctor`: what this machine can build and run, and the command that mends what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from skinseg_edge.command_line import Ui, command
from skinseg_edge.errors import ToolMissing

if TYPE_CHECKING:
    from skinseg_runtime.doctor import Diagnosis

__all__ = ["main"]

_STYLES = {"ok": "green", "warn": "yellow", "missing": "bold red"}


@command(
    "skinseg-doctor",
    "skinseg.doctor/1",
    examples=("skinseg-doctor", "skinseg-doctor lesion.skinseg --fix-hints"),
)
@click.argument("bundle", type=click.Path(path_type=Path), required=False)
@click.option("--fix-hints", is_flag=True, help="Print only the commands that mend what was found.")
def main(ui: Ui, bundle: Path | None, fix_hints: bool) -> int:
    """Look at this machine, and at BUNDLE on it; change nothing, send nothing.

    One line a check: ok; warn, it runs and could be better; missing, this kind of machine needs it. The exit code is 3
    when something is missing. docs/jetson.md explains each line of a Jetson.
    """
    from skinseg_runtime.doctor import CHECKS, Host, diagnose

    with ui.progress(len(CHECKS) + 1, "looking") as advance:
        diagnosis = diagnose(Host(), bundle, advance=advance)
    human = "\n".join(diagnosis.remedies) or None if fix_hints else _table(diagnosis)
    document = {**diagnosis.to_json(), "fix_hints": list(diagnosis.remedies)}
    return ui.result(document, human, failure=_failure(diagnosis))


def _failure(diagnosis: Diagnosis) -> ToolMissing | None:
    if not diagnosis.missing:
        return None
    first = diagnosis.missing[0]
    count = len(diagnosis.missing)
    return ToolMissing(
        f"cannot call this machine ready: {count} of {len(diagnosis.findings)} checks miss something, first "
        f"{first.name}: {first.found}; run: {first.remedy}"
    )


def _table(diagnosis: Diagnosis) -> object:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in diagnosis.findings:
        remedy = f"\n-> {finding.remedy}" if finding.remedy else ""
        status = Text(finding.status, _STYLES[finding.status])
        table.add_row(finding.name, status, Text(finding.found + remedy, overflow="fold"))
    lines = (("runs", diagnosis.runs), ("builds", diagnosis.builds), ("exports", diagnosis.exports))
    told = (Text(f"This machine {verb}: {', '.join(names) or 'nothing'}") for verb, names in lines)
    return Group(table, Text(""), *told)


if __name__ == "__main__":
    main()
