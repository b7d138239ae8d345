"""One table in four forms: what each shows, and what it keeps of the digits."""

import csv

import pytest

from skinseg_export.run_statistics import Summary
from skinseg_export.tables import Table, csv_of, json_of, markdown_of, text_of

TABLE = Table(
    "Scores",
    ("model", "Dice", "pixels", "AUC"),
    (
        ("ours [best]|x", Summary(0.9, 0.0123456, 3), 1234567, None),
        ("theirs", 0.891234567, 12, float("nan")),
        ("once", Summary(0.5, float("nan"), 1), 0, 1.0),
    ),
    ("a note [of] some kind",),
)


def test_text_has_a_line_for_the_deviation_of_repeated_runs() -> None:
    lines = text_of([TABLE]).splitlines()
    row = next(i for i, line in enumerate(lines) if "ours [best]|x" in line)
    assert "0.9000" in lines[row]
    assert "1,234,567" in lines[row]
    assert "sd, 3 runs" in lines[row + 1]
    assert "±0.0123" in lines[row + 1]
    assert sum("sd, " in line for line in lines) == 1
    assert (lines[0], lines[-1]) == ("Scores", "  a note [of] some kind")


def test_markdown_has_the_deviation_in_the_cell_and_no_broken_bars() -> None:
    lines = markdown_of([TABLE]).splitlines()
    assert lines[2:5] == [
        "| model | Dice | pixels | AUC |",
        "| --- | ---: | ---: | ---: |",
        "| ours [best]\\|x | 0.9000 ± 0.0123 | 1,234,567 | - |",
    ]
    assert "| theirs | 0.8912 | 12 | - |" in lines
    assert "| once | 0.5000 | 0 | 1.0000 |" in lines
    assert "- a note [of] some kind" in lines


def test_csv_keeps_every_digit_and_gives_the_deviation_a_column() -> None:
    first, second = csv_of([TABLE, Table("Other", ("a", "b"), (("x", 1),))]).split("\n\n")
    title, *rows = first.splitlines()
    parsed = list(csv.reader(rows))
    assert title == "# Scores"
    assert parsed[0] == ["model", "Dice", "Dice sd", "pixels", "AUC"]
    assert parsed[1] == ["ours [best]|x", "0.9", "0.0123456", "1234567", ""]
    assert parsed[2] == ["theirs", "0.891234567", "", "12", ""]
    assert second.splitlines() == ["# Other", "a,b", "x,1"]


def test_json_knows_neither_infinity_nor_nan() -> None:
    rows = json_of(TABLE)["rows"]
    assert rows == [
        ["ours [best]|x", {"mean": 0.9, "sd": 0.0123456, "runs": 3}, 1234567, None],
        ["theirs", 0.891234567, 12, None],
        ["once", {"mean": 0.5, "sd": None, "runs": 1}, 0, 1.0],
    ]


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="'Scores': a row has 1 cells, not 2"):
        Table("Scores", ("a", "b"), (("x",),))
