"""The printed rows: whole, in order of size, and marked where they contradict themselves."""

import pytest

from skinseg_export.paper_results import PAPER_TABLES, PaperTable
from skinseg_export.scores import SCORES

EVERY = pytest.mark.parametrize("table", PAPER_TABLES.values(), ids=list(PAPER_TABLES))


@EVERY
def test_every_row_has_a_share_or_nothing_a_column(table: PaperTable) -> None:
    for row in table.rows:
        assert len(row.figures) == len(table.columns), row.model
        assert all(figure is None or 0.2 < figure < 1 for figure in row.figures), row.model


@EVERY
def test_every_column_is_compared_with_a_score_that_exists(table: PaperTable) -> None:
    assert {key for _, key in table.columns} <= set(SCORES)


# Printed by the papers as the figures of their own networks.
@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("scsonet", (0.8099, 0.8950)),
        ("scsonet-isic2017", (0.8014, 0.8897)),
        ("cmssm", (0.8125, 0.8965, 0.9494)),
        ("cmssm-isic2016", (0.8816, 0.9371, 0.9552)),
        ("cmssm-isic2017", (0.8148, 0.8979, 0.9661)),
        ("ulffn", (0.92876, 0.93044, 0.87360, 0.92725, 0.90040)),
        ("hhbsnet", (0.7889, 0.9659, 0.8777, 0.8781, 0.8778, 0.2316, 0.9467)),
        ("unet", (0.9547, 0.9721, 0.8404, 0.9015, 0.8207)),
    ],
)
def test_the_last_row_is_the_paper_s_own_network(name: str, figures: tuple[float, ...]) -> None:
    assert PAPER_TABLES[name].rows[-1].figures == figures


def test_rows_that_contradict_themselves_are_found() -> None:
    found = {
        (name, row.model) for name, table in PAPER_TABLES.items() for row in table.rows if table.contradiction_in(row)
    }
    # Those whose Dice is another than their IoU implies; the papers' own headline rows are not among them.
    assert {("scsonet", "UNet"), ("scsonet", "UNet++"), ("cmssm-isic2017", "HC-Mamba")} <= found
    assert {("cmssm-isic2016", model) for model in ("U-Net", "Attention-UNet", "LV-UNet")} <= found
    assert not {name for name, model in found if model in ("SCSONet", "CM-SSM + CRA")}
    assert len(found) == 14
    table = PAPER_TABLES["scsonet"]
    assert table.contradiction_in(table.rows[0]) == "IoU 0.7813 implies Dice 0.8772, not 0.8699"
