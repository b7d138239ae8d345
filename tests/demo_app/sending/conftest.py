"""A store in a folder of its own, with a clock wound by hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from skinseg_demo.store import Store
from tests.demo_app.browsers import HandClock


@pytest.fixture
def store(tmp_path: Path, clock: HandClock) -> Iterator[Store]:
    """An empty store."""
    made = Store.open(tmp_path / "store", now=clock)
    yield made
    made.close()
