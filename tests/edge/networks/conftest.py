"""What every test of a network starts from."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    """Give every test the same fresh weights, whatever ran before it, and leave the random state as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        yield
