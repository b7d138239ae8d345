"""The chunked selective scan against the sequential recurrence in float64, at every length of a 256 px picture."""

import pytest
import torch
from torch.nn import functional as F

from skinseg_edge.networks.blocks.chunked_scan import chunked_scan, sums_before
from skinseg_edge.networks.blocks.scan_2d import Scan2d
from skinseg_edge.networks.blocks.scan_gradient import ScanWithGradient
from skinseg_edge.networks.blocks.selective_scan import chunk_length, selective_scan
from tests.edge.networks.selective_scan_reference import ScanCase, scan_case, sequential_scan


def single(case: ScanCase) -> ScanCase:
    return ScanCase(*(each.float() for each in case))


@pytest.mark.parametrize("stress", [False, True], ids=["nominal", "stress"])
@pytest.mark.parametrize("length", [64, 256, 1024, 4096])
def test_the_chunked_scan_equals_the_sequential_one(length: int, stress: bool) -> None:
    case = scan_case(length, inner=3, stress=stress)
    error = (selective_scan(*single(case)) - sequential_scan(case)).abs().max()
    assert error <= 1e-4  # with max |y| of 18 (nominal) and 400 (stress); 4e-6 and 8e-5 were seen


@pytest.mark.parametrize("chunk", [1, 2, 3, 6, 12, 24])
def test_the_result_does_not_depend_on_the_chunks(chunk: int) -> None:
    case = scan_case(24, inner=3, stress=True, batch=2)
    torch.testing.assert_close(
        selective_scan(*single(case), chunk=chunk), sequential_scan(case).float(), atol=1e-4, rtol=1e-5
    )


@pytest.mark.parametrize(
    ("length", "chunk"), [(4096, 16), (1024, 16), (256, 16), (64, 8), (16, 4), (15, 3), (49, 7), (17, 1), (1, 1)]
)
def test_chunks_divide_the_sequence_and_stay_short(length: int, chunk: int) -> None:
    assert chunk_length(length) == chunk


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("chunks", [1, 5, 16, 64, 66, 68, 256, 1024])
def test_the_sums_before_chunks_are_the_recurrence_however_many_there_are(chunks: int, direction: int) -> None:
    gains, decays = torch.randn(2, 2, 3, chunks, 2, 3, dtype=torch.float64)
    decays = decays.sigmoid()
    expected, summed = torch.empty_like(gains), torch.zeros_like(gains[:, :, 0])
    for place in range(chunks)[::direction]:
        expected[:, :, place] = summed
        summed = gains[:, :, place] + decays[:, :, place] * summed

    torch.testing.assert_close(sums_before(gains, decays, direction), expected, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize(("length", "chunk"), [(4096, 4), (64, 4), (15, 3), (17, 1)])
def test_exported_chunks_are_shorter(length: int, chunk: int) -> None:
    case = single(scan_case(length, inner=2, stress=False))

    traced = torch.export.export(_Scan(), tuple(case)).graph_module.graph

    steps = [node for node in traced.nodes if node.target is torch.ops.aten.matmul.default]  # each reads the state once
    assert len(steps) == chunk


class _Scan(torch.nn.Module):
    def forward(
        self,
        u: torch.Tensor,
        delta: torch.Tensor,
        A: torch.Tensor,
        B: torch.Tensor,
        C: torch.Tensor,
        D: torch.Tensor,
    ) -> torch.Tensor:
        return selective_scan(u, delta, A, B, C, D)


def test_a_chunk_that_does_not_divide_the_sequence_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot scan 24 steps in chunks of 5: expected a divisor of 24"):
        selective_scan(*single(scan_case(24, inner=2, stress=False)), chunk=5)


def test_half_inputs_are_scanned_in_single_precision() -> None:
    case = ScanCase(*(each.half() for each in scan_case(256, inner=3, stress=True)))
    y = selective_scan(*case)
    assert y.dtype == torch.float32
    torch.testing.assert_close(y, selective_scan(*single(case)), atol=0, rtol=0)


def test_steps_that_would_overflow_a_quotient_of_decays_stay_finite() -> None:
    # Formulations that divide by exp(A ΣΔ) overflow from |A ΣΔ| = 88 on in single precision.
    case = single(scan_case(256, inner=3, stress=True))
    assert selective_scan(*case._replace(delta=1e3 * case.delta)).isfinite().all()


def test_gradients_equal_those_of_the_sequential_scan() -> None:
    case = scan_case(16, inner=2, stress=False, states=3, batch=2)
    weights = torch.randn(2, 4, 16, 2)
    ours = ScanCase(*(each.float().requires_grad_() for each in case))
    theirs = ScanCase(*(each.clone().requires_grad_() for each in case))
    (selective_scan(*ours) * weights).sum().backward()  # type: ignore[no-untyped-call]  # unannotated in torch
    (sequential_scan(theirs) * weights).sum().backward()  # type: ignore[no-untyped-call]  # unannotated in torch
    for name in ScanCase._fields:
        got, expected = getattr(ours, name).grad, getattr(theirs, name).grad
        torch.testing.assert_close(got, expected.float(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("length", "chunk"), [(24, 1), (24, 4), (24, 24), (15, 3)])
def test_the_gradient_by_hand_equals_torch_s_own(length: int, chunk: int) -> None:
    case = scan_case(length, inner=2, stress=True, states=3, batch=2)[:5]  # float64 all through
    weights = torch.randn(2, 4, length, 2, dtype=torch.float64)
    ours = [each.clone().requires_grad_() for each in case]
    theirs = [each.clone().requires_grad_() for each in case]
    (ScanWithGradient.apply(*ours, chunk) * weights).sum().backward()  # type: ignore[no-untyped-call]  # unannotated in torch
    u, delta, A, B, C = theirs
    (chunked_scan(u, delta, A, B, C, chunk)[0] * weights).sum().backward()  # type: ignore[no-untyped-call]  # unannotated in torch
    for got, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(got.grad, expected.grad, atol=1e-10, rtol=1e-10)


def test_four_paths_read_rows_and_columns_from_both_ends() -> None:
    scan = Scan2d(4, states=2)
    features = torch.randn(1, 2, 4, 8)  # N x H x W x E
    rows, columns = features.flatten(1, 2), features.transpose(1, 2).flatten(1, 2)
    paths = torch.stack((rows, columns, rows.flip(1), columns.flip(1)), 1)  # N x K x L x E
    described = torch.einsum("kde,nkle->nkld", scan.describe, paths)
    ranked, B, C = torch.split(described, [scan.rank, 2, 2], 3)
    delta = F.softplus(torch.einsum("ker,nklr->nkle", scan.step_weight, ranked) + scan.step_bias[:, None])
    arguments = (paths, delta, -scan.log_rates.exp(), B, C, scan.direct)
    y = sequential_scan(ScanCase(*(each.double() for each in arguments)))
    expected = (y[:, 0] + y[:, 2].flip(1)).reshape(1, 2, 4, 8)
    expected += (y[:, 1] + y[:, 3].flip(1)).reshape(1, 4, 2, 8).transpose(1, 2)
    torch.testing.assert_close(scan.scanned(features), expected.float(), atol=1e-5, rtol=1e-5)
