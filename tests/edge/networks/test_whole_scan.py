"""The selective scan as one operator: the same bits, one node in a recorded graph, and only where it is asked for."""

import torch
from torch import Tensor, nn

from skinseg_edge.networks.blocks.scan_2d import Scan2d
from skinseg_edge.networks.blocks.whole_scan import SCAN_OPERATOR, scans_kept_whole, scans_stay_whole


def _nodes_of_scans(network: nn.Module, tokens: Tensor) -> tuple[list[str], int]:
    nodes = torch.export.export(network, (tokens,), strict=False).graph.nodes
    targets = [str(node.target) for node in nodes]
    return [target for target in targets if SCAN_OPERATOR.replace("::", ".") in target], len(targets)


def test_the_operator_computes_what_the_operations_do() -> None:
    scan, tokens = Scan2d(4, states=2).eval(), torch.randn(2, 4, 6, 4)
    with torch.inference_mode():
        plain = scan(tokens)
        with scans_kept_whole():
            whole = scan(tokens)

    torch.testing.assert_close(whole, plain, atol=0, rtol=0)


def test_a_recorded_graph_has_one_node_a_scan_inside_the_block_and_plain_operations_outside() -> None:
    scan, tokens = Scan2d(4, states=2).eval(), torch.randn(1, 4, 6, 4)

    with scans_kept_whole():
        inside, few = _nodes_of_scans(scan, tokens)
    outside, many = _nodes_of_scans(scan, tokens)

    assert len(inside) == 1
    assert outside == []
    assert few < many / 2


def test_the_block_ends_behind_an_error_too() -> None:
    try:
        with scans_kept_whole():
            raise KeyError("stopped")
    except KeyError:
        pass

    assert not scans_stay_whole()
