"""One table in four forms: text for a terminal, Markdown for a page, CSV for a spreadsheet, JSON for a program."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from skinseg_export.run_statistics import Summary

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table as Grid

__all__ = ["FORMATS", "Cell", "Table", "csv_of", "grids_of", "json_of", "markdown_of", "text_of"]

Cell: TypeAlias = str | int | float | Summary | None
FORMATS = ("text", "markdown", "csv", "json")

_PAGE_WIDTH = 120  # columns of a text file
_NOTHING = "-"


@dataclass(frozen=True)
class Table:
    """*rows*: one cell a column, a number, words, the summary of several runs, or None where nothing is known.

    *notes*: sentences that belong below. The first column names the rows.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that every row has a cell a column."""
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"cannot lay out {self.title!r}: a row has {len(row)} cells, not {len(self.columns)}")


def grids_of(tables: Sequence[Table]) -> "list[RenderableType]":
    """Lay *tables* out for a terminal, each below its title and above its notes."""
    from rich.text import Text

    laid: list[RenderableType] = []
    for table in tables:
        laid += [*([""] if laid else []), Text(table.title, style="bold"), _grid(table)]
        laid += [Text(f"  {note}") for note in table.notes]
    return laid


def text_of(tables: Sequence[Table]) -> str:
    """Write *tables* as plain text, as they look in a terminal of 120 columns."""
    from rich.console import Console, Group

    page = io.StringIO()
    Console(file=page, width=_PAGE_WIDTH, no_color=True, highlight=False).print(Group(*grids_of(tables)))
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines()) + "\n"


def markdown_of(tables: Sequence[Table]) -> str:
    """Write *tables* as GitHub's Markdown, numbers aligned to the right."""
    return "\n".join(_markdown(table) for table in tables)


def csv_of(tables: Sequence[Table]) -> str:
    """Write *tables* as CSV with all digits, parted by an empty line; a line with # gives each its title.

    A column that sums up runs is followed by one with their standard deviation.
    """
    return "\n".join(_csv(table) for table in tables)


def json_of(table: Table) -> dict[str, object]:
    """Return plain values for `json.dumps`; what is no finite number is null."""
    return {
        "title": table.title,
        "columns": list(table.columns),
        "rows": [[_plain(cell) for cell in row] for row in table.rows],
        "notes": list(table.notes),
    }


def _grid(table: Table) -> "Grid":
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid()
    for number, heading in enumerate(table.columns):
        grid.add_column(heading, justify="right" if number else "left")
    for row in table.rows:
        grid.add_row(*(Text(_shown(cell)) for cell in row))  # Text: a file's name may look like rich's markup
        spreads = [cell for cell in row if isinstance(cell, Summary) and cell.count > 1]
        if spreads:  # on a line of its own: side by side, mean and deviation would not fit 80 columns
            below = (f"±{cell.sd:.4f}" if isinstance(cell, Summary) and _has_spread(cell) else "" for cell in row[1:])
            grid.add_row(f" sd, {spreads[0].count} runs", *below)
    return grid


def _has_spread(summary: Summary) -> bool:
    return summary.count > 1 and math.isfinite(summary.sd)


def _shown(cell: Cell) -> str:
    if isinstance(cell, Summary):
        cell = cell.mean
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return _NOTHING
    if isinstance(cell, float):
        return f"{cell:.4f}"
    return f"{cell:,}" if isinstance(cell, int) else cell


def _markdown(table: Table) -> str:
    lines = [f"**{table.title}**", "", _line(table.columns)]
    lines.append(_line(["---", *(["---:"] * (len(table.columns) - 1))]))
    lines += [_line([_markdown_cell(cell) for cell in row]) for row in table.rows]
    return "\n".join([*lines, "", *(f"- {note}" for note in table.notes), *([""] if table.notes else [])])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown_cell(cell: Cell) -> str:
    if isinstance(cell, Summary) and _has_spread(cell):
        return f"{cell.mean:.4f} ± {cell.sd:.4f}"
    return _shown(cell).replace("|", "\\|")


def _csv(table: Table) -> str:
    spread = [any(isinstance(row[k], Summary) for row in table.rows) for k in range(len(table.columns))]
    page = io.StringIO()
    page.write(f"# {table.title}\n")
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(
        name for k, heading in enumerate(table.columns) for name in (heading, f"{heading} sd")[: 1 + spread[k]]
    )
    for row in table.rows:
        writer.writerow(value for k, cell in enumerate(row) for value in _csv_cells(cell)[: 1 + spread[k]])
    return page.getvalue()


def _csv_cells(cell: Cell) -> tuple[object, object]:
    values = (cell.mean, cell.sd) if isinstance(cell, Summary) else (cell, None)
    mean, sd = ("" if value is None or value != value else value for value in values)  # or NaN
    return mean, sd


def _plain(cell: Cell) -> object:
    if isinstance(cell, Summary):
        return {"mean": _plain(cell.mean), "sd": _plain(cell.sd), "runs": cell.count}
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell
