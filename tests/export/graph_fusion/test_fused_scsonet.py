"""The shipped network, whose figures docs/graph.md gives."""

import numpy as np
import pytest

from skinseg_edge import load_checkpoint
from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_edge.networks.quantizable_layers import quantizable_layers
from skinseg_export.onnx_from_torch import OnnxExport, onnx_from_torch
from skinseg_export.quantization.qdq import convolutions_of, weights_of
from skinseg_export.single_nodes import single_nodes
from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine


@pytest.fixture(scope="module")
def trained() -> Checkpoint:
    return load_checkpoint("scsonet")


@pytest.fixture(scope="module")
def plain(trained: Checkpoint) -> OnnxExport:
    return onnx_from_torch(trained.network, trained.contract)


@pytest.fixture(scope="module")
def joined(trained: Checkpoint) -> OnnxExport:
    return onnx_from_torch(trained.network, trained.contract, fuse=True)


def test_it_has_a_fifth_fewer_nodes(plain: OnnxExport, joined: OnnxExport) -> None:
    assert len(joined.model.graph.node) <= 0.82 * len(plain.model.graph.node)


def test_its_answers_stay(trained: Checkpoint, plain: OnnxExport, joined: OnnxExport) -> None:
    engines = [OnnxRuntimeEngine(each.model.SerializeToString(), trained.contract) for each in (plain, joined)]
    for seed in range(4):
        image = draw(seed, trained.contract.input_hw).photo[None]
        before, after = (engine.infer(image) for engine in engines)
        assert np.abs(after - before).max() <= 1e-5


def test_every_layer_that_may_be_quantized_is_still_there(
    trained: Checkpoint, plain: OnnxExport, joined: OnnxExport
) -> None:
    layers = quantizable_layers(trained.network, trained.contract.input_hw).quantizable

    assert list(convolutions_of(joined.model, layers)) == list(layers)
    assert weights_of(joined.model, layers) == weights_of(plain.model, layers)


def test_each_gate_is_still_decided_in_fp32(joined: OnnxExport) -> None:
    nodes = joined.model.graph.node
    kept = {nodes[index].output[0] for index in single_nodes(joined.model)}
    gates = [node for node in nodes if node.op_type == "GreaterOrEqual"]

    assert len(gates) == 6  # one in each fusion block
    assert all({node.output[0], node.input[0]} <= kept for node in gates)


def test_every_node_is_named_after_its_module(joined: OnnxExport) -> None:
    names = [node.name for node in joined.model.graph.node]

    assert len(set(names)) == len(names)
    assert {"network/bridge", "network/encoder2", "network/encoder4/3"} <= {name.rpartition("/")[0] for name in names}
