"""A case that was followed over four visits, made once for the tests that only read it; and an empty store."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from skinseg_demo.fhir import bundle_of_case
from skinseg_demo.store import Store
from tests.demo_app.browsers import HandClock
from tests.demo_app.drawn_visits import followed_case
from tests.demo_app.sending.conftest import store

__all__ = ["Followed", "followed", "store"]


@dataclass(frozen=True)
class Followed:
    """A case of four visits with an overview and a close-up each; the third has no scale. *bundle*: of it."""

    store: Store
    case_id: str
    bundle: dict[str, object]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Followed]:
    """The case; its clock stands still."""
    clock = HandClock()
    made = Store.open(tmp_path_factory.mktemp("followed") / "store", now=clock)
    case_id = followed_case(made, clock)
    yield Followed(made, case_id, bundle_of_case(made, case_id))
    made.close()
