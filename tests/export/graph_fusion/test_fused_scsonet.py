"""The shipped network, whose figures docs/graph.md gives."""

import numpy as np
import onnx
import pytest

from skinseg_edge import load_checkpoint
from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_edge.networks.quantizable_layers import quantizable_layers
from skinseg_export.graph_fusion import fused
from skinseg_export.graph_fusion.narrowness import is_narrow
from skinseg_export.onnx_from_torch import onnx_from_torch
from skinseg_export.quantization.qdq import convolutions_of, weights_of
from skinseg_export.single_nodes import single_nodes
from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine


@pytest.fixture(scope="module")
def trained() -> Checkpoint:
    return load_checkpoint("scsonet")


@pytest.fixture(scope="module")
def plain(trained: Checkpoint) -> onnx.ModelProto:
    return onnx_from_torch(trained.network, trained.contract, fuse=False).model


@pytest.fixture(scope="module")
def joined(plain: onnx.ModelProto) -> onnx.ModelProto:
    return fused(plain).model


def test_it_has_a_fifth_fewer_nodes(plain: onnx.ModelProto, joined: onnx.ModelProto) -> None:
    assert len(joined.graph.node) <= 0.82 * len(plain.graph.node)


def test_its_answers_stay(trained: Checkpoint, plain: onnx.ModelProto, joined: onnx.ModelProto) -> None:
    engines = [OnnxRuntimeEngine(each.SerializeToString(), trained.contract) for each in (plain, joined)]
    for seed in range(4):
        image = draw(seed, trained.contract.input_hw).photo[None]
        before, after = (engine.infer(image) for engine in engines)
        assert np.abs(after - before).max() <= 1e-5


def test_every_layer_that_may_be_quantized_is_still_there(
    trained: Checkpoint, plain: onnx.ModelProto, joined: onnx.ModelProto
) -> None:
    layers = quantizable_layers(trained.network, trained.contract.input_hw).quantizable

    assert list(convolutions_of(joined, layers)) == list(layers)
    assert weights_of(joined, layers) == weights_of(plain, layers)


def test_each_gate_is_still_decided_in_fp32_on_the_normalised_values(joined: onnx.ModelProto) -> None:
    nodes = joined.graph.node
    makers = {name: node for node in nodes for name in node.output}
    kept = {nodes[index].output[0] for index in single_nodes(joined)}
    gates = [node for node in nodes if node.op_type in ("GreaterOrEqual", "LessOrEqual")]

    assert len(gates) == 6  # one in each fusion block
    for gate in gates:
        back = makers[gate.input[0]]
        assert [back.op_type, makers[back.input[0]].op_type] == ["Reshape", "InstanceNormalization"]
        assert {gate.output[0], back.output[0]} <= kept


def test_it_is_told_apart_from_networks_that_gain_by_blocks_of_channels(joined: onnx.ModelProto) -> None:
    assert is_narrow(joined)
