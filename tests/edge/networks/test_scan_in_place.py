"""The scan in place against the one whose operations exporters see: whatever fits into the caches at once."""

import pytest
import torch

from skinseg_edge.networks.blocks import scan_in_place
from skinseg_edge.networks.blocks.chunked_scan import chunked_scan
from skinseg_edge.networks.blocks.scan_in_place import scanned
from tests.edge.networks.selective_scan_reference import scan_case


@pytest.mark.parametrize("at_once", [1, 5 * 3 * 2, 2**18], ids=["a chunk", "five chunks", "all"])
@pytest.mark.parametrize("chunk", [1, 2, 8])
def test_states_and_answers_are_those_of_the_operations(
    at_once: int, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_in_place, "_NUMBERS_AT_ONCE", at_once)
    case = scan_case(48, inner=2, stress=True, states=3, batch=2)[:5]  # float64 all through

    found, expected = scanned(*case, chunk), chunked_scan(*case, chunk)

    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=1e-12)


def test_what_was_given_is_left_as_it_was() -> None:
    case = scan_case(16, inner=2, stress=False)[:5]
    before = [each.clone() for each in case]

    scanned(*case, 4)

    assert all(torch.equal(each, kept) for each, kept in zip(case, before, strict=True))


def test_where_nothing_is_computed_shapes_flow_through() -> None:
    u, delta, A, B, C, _ = (each.to("meta") for each in scan_case(16, inner=2, stress=False, batch=2))

    answers, starts = scanned(u, delta, A, B, C, 4)

    assert (answers.shape, starts.shape) == (u.shape, (2, 4, 4, 16, 2))
