"""What `onnx_from_torch` makes of a network: fused, named, and with a word about its memory layout."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from skinseg_edge.networks.blocks import ODConv3x3
from skinseg_export.graph_fusion.narrowness import is_narrow
from skinseg_export.half_precision import half_from_single
from skinseg_export.onnx_from_torch import OnnxExport, onnx_from_torch
from skinseg_export.targets.onnx.build import onnx_files
from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine
from skinseg_runtime.engines.onnxruntime_metadata import metadata_of
from tests.export.graph_fusion.networks import CHANNELS, CONTRACT, Around


@pytest.fixture(scope="module")
def network() -> Around:
    return Around(ODConv3x3(CHANNELS, CHANNELS))


@pytest.fixture(scope="module")
def exported(network: Around) -> OnnxExport:
    return onnx_from_torch(network, CONTRACT)


@pytest.fixture(scope="module")
def narrow(exported: OnnxExport) -> onnx.ModelProto:
    return exported.model


def test_every_node_is_named_after_its_module(narrow: onnx.ModelProto) -> None:
    names = [node.name for node in narrow.graph.node]

    assert len(set(names)) == len(names)
    assert {"network/first", "network/block", "network/head"} <= {name.rpartition("/")[0] for name in names}


def test_the_kernel_is_made_for_each_picture(narrow: onnx.ModelProto) -> None:
    stored = {each.name for each in narrow.graph.initializer}
    made = [node for node in narrow.graph.node if node.op_type == "Conv" and node.input[1] not in stored]

    assert [node.name.rpartition("/")[0] for node in made] == ["network/block"]
    assert not {"Tile"} & {node.op_type for node in narrow.graph.node}


def test_typed_files_are_made_of_a_graph_in_which_every_kernel_is_stored(network: Around, exported: OnnxExport) -> None:
    source = exported.typed_source
    files = onnx_files(onnx_from_torch(network, CONTRACT), half=True)

    stored = {each.name for each in source.graph.initializer}
    assert all(node.input[1] in stored for node in source.graph.node if node.op_type == "Conv")
    assert files.half is not None
    assert files.half.SerializeToString() == half_from_single(source).SerializeToString()
    assert metadata_of(source.SerializeToString()) == metadata_of(exported.model.SerializeToString())


def test_both_graphs_give_the_same_answers(exported: OnnxExport) -> None:
    image = np.random.default_rng(3).integers(0, 256, (1, *CONTRACT.input_hw, 3), np.uint8)
    graphs = (exported.model, exported.typed_source)
    made, stored = (OnnxRuntimeEngine(each.SerializeToString(), CONTRACT).infer(image) for each in graphs)

    assert exported.stored is not None
    assert np.abs(made - stored).max() <= 1e-5


def test_there_is_one_graph_where_no_kernel_is_made_for_each_picture() -> None:
    plain = onnx_from_torch(Around(nn.GELU()), CONTRACT)

    assert plain.stored is None
    assert plain.typed_source is plain.model


def test_the_file_says_that_a_narrow_network_wants_a_plain_layout(narrow: onnx.ModelProto) -> None:
    assert metadata_of(narrow.SerializeToString())["skinseg.layout"] == "plain"


@pytest.mark.parametrize(("channels", "narrow"), [(16, True), (31, True), (32, False), (64, False)])
def test_narrow_is_a_network_that_computes_fewer_than_32_channels_mostly(channels: int, narrow: bool) -> None:
    nodes = [
        helper.make_node("Conv", ["image", "first"], ["features"], kernel_shape=[1, 1]),
        helper.make_node("Conv", ["features", "last"], ["probability"], kernel_shape=[1, 1]),
    ]
    weights = {"first": np.zeros((channels, 3, 1, 1), np.float32), "last": np.zeros((1, channels, 1, 1), np.float32)}
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, sides, 8, 8])
        for name, sides in (("image", 3), ("probability", 1))
    ]
    stored = [numpy_helper.from_array(each, name) for name, each in weights.items()]

    model = helper.make_model(helper.make_graph(nodes, "two layers", values[:1], values[1:], stored))

    assert is_narrow(model) is narrow
