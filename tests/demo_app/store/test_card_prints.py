"""What is kept of printed cards."""

from pathlib import Path

import pytest

from skinseg_demo.card import PrintScale
from skinseg_demo.store import Store


def test_the_last_measurement_of_a_card_holds_and_outlives_the_process(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.card_prints.keep(3, PrintScale(0.97, 0.005, "ruler"), who="phone1")
    store.card_prints.keep(3, PrintScale(0.951, 0.003, "bank card"), who="phone1")
    store.card_prints.keep(5, PrintScale(1.0, 0.003, "bank card"))
    store.close()

    again = Store.open(tmp_path)

    assert again.card_prints.all() == {
        3: PrintScale(0.951, 0.003, "bank card"),
        5: PrintScale(1.0, 0.003, "bank card"),
    }
    told = [(line.who, line.what, line.detail) for line in again.audit.list()]
    assert ("phone1", "card measured", "card 3, factor 0.9510 by bank card") in told
    again.close()


def test_a_card_that_nobody_measured_is_not_kept_as_one_that_was(tmp_path: Path) -> None:
    store = Store.open(tmp_path)

    with pytest.raises(Exception, match="CHECK constraint failed"):
        store.card_prints.keep(3, PrintScale(1.0, 0.06, "unchecked"))

    assert store.card_prints.all() == {}
    store.close()
