"""What the documentation of TensorRT's parsers says about a file."""

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from skinseg_export.half_precision import half_from_single
from skinseg_export.onnx_from_torch import OnnxExport
from skinseg_export.targets.tensorrt.operator_tables import OPERATOR_TABLES
from skinseg_export.targets.tensorrt.operators import ParserReport, parser_reports

FLOAT, HALF, BYTE = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.UINT8
# Names of Caffe2's time and of ONNX 1.2, which parsers keep for old files.
OLD = {"ImageScaler", "ParametricSoftplus", "ScaledTanh"}


def _value(name: str, kind: int = FLOAT, rank: int = 4) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, [1, 4, 8, 8][:rank])


def _model(
    nodes: Sequence[NodeProto],
    *,
    inputs: Sequence[ValueInfoProto] = (_value("x"),),
    outputs: Sequence[ValueInfoProto] = (_value("y"),),
    weights: Sequence[TensorProto] = (),
    opset: int = 18,
) -> ModelProto:
    graph = helper.make_graph(list(nodes), "graph", list(inputs), list(outputs), list(weights))
    domains = {node.domain for node in nodes if node.domain}
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def _by_version(model: ModelProto) -> dict[str, ParserReport]:
    return {report.version: report for report in parser_reports(model)}


def _words(model: ModelProto) -> tuple[str, ...]:
    return tuple(report.words() for report in parser_reports(model))


def test_files_as_the_export_makes_them_are_documented_for_every_version(exported: OnnxExport) -> None:
    assert _words(exported.model) == ("documented",) * 3
    assert _words(half_from_single(exported.model)) == ("documented",) * 3


def test_an_unknown_operator_is_named_once_for_each_version() -> None:
    model = _model([helper.make_node("Det", ["x"], ["d"]), helper.make_node("Det", ["x"], ["y"])])

    assert _words(model) == ("does not know Det",) * 3
    assert not any(report.is_supported for report in parser_reports(model))


def test_an_operator_of_a_foreign_domain_is_named_with_it() -> None:
    model = _model([helper.make_node("FusedConv", ["x"], ["y"], domain="com.microsoft")])

    assert _by_version(model)["11.4"].missing == ("com.microsoft::FusedConv",)


def test_an_operator_that_came_later_is_missing_in_the_versions_before() -> None:
    model = _model(
        [helper.make_node("RMSNormalization", ["x", "w"], ["y"])], inputs=(_value("x"), _value("w")), opset=23
    )

    found = _by_version(model)

    assert found["10.3"].words() == "does not know RMSNormalization; reads opset 9 to 20, not 23"
    assert found["10.16"].is_supported
    assert found["11.4"].is_supported


@pytest.mark.parametrize(("opset", "supported"), [(8, []), (19, ["10.3", "10.16", "11.4"]), (21, ["10.16", "11.4"])])
def test_an_opset_outside_the_range_of_a_version_is_told(opset: int, supported: list[str]) -> None:
    found = _by_version(_model([helper.make_node("Relu", ["x"], ["y"])], opset=opset))

    assert [version for version, report in found.items() if report.is_supported] == supported


def test_bytes_may_come_in_and_be_cast_but_nothing_else() -> None:
    pixels = (_value("x", BYTE),)
    cast = helper.make_node("Cast", ["x"], ["y"], to=FLOAT)
    turned = helper.make_node("Transpose", ["x"], ["t"], name="turn", perm=[0, 2, 3, 1])
    cast_late = helper.make_node("Cast", ["t"], ["y"], to=FLOAT)

    assert _words(_model([cast], inputs=pixels)) == ("documented",) * 3
    assert "node turn (Transpose) has data of type UINT8" in _words(_model([turned, cast_late], inputs=pixels))[0]


def test_pow_of_whole_numbers_is_documented_from_10_12_on() -> None:
    whole = (_value("x", TensorProto.INT32), _value("p", TensorProto.INT32))
    model = _model(
        [helper.make_node("Pow", ["x", "p"], ["y"])], inputs=whole, outputs=(_value("y", TensorProto.INT32),)
    )

    assert [report.is_supported for report in parser_reports(model)] == [False, True, True]


def test_a_kernel_that_is_computed_is_documented_where_its_size_is_given() -> None:
    sized = helper.make_node("Conv", ["x", "x"], ["y"], kernel_shape=[3, 3])
    bare = helper.make_node("Conv", ["x", "x"], ["y"])

    assert [report.is_supported for report in parser_reports(_model([sized]))] == [True, True, True]
    assert [report.is_supported for report in parser_reports(_model([bare]))] == [False, True, True]


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (
            helper.make_node("Resize", ["x", "", "s"], ["y"], mode="cubic"),
            "has mode cubic, allowed are nearest, linear",
        ),
        (helper.make_node("Resize", ["x", "", "s"], ["y"], mode="linear", antialias=1), "has antialias"),
        (
            helper.make_node("Resize", ["x", "", "s"], ["y"], coordinate_transformation_mode="tf_crop_and_resize"),
            "has coordinate_transformation_mode tf_crop_and_resize",
        ),
        (helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], dilations=[2, 2]), "has dilations [2, 2]"),
        (helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2]), "has a pool over 1 axes"),
        (helper.make_node("ReduceMean", ["x", "axes"], ["y"]), "has axes that are computed"),
        (helper.make_node("ScatterND", ["x", "axes", "x"], ["y"], reduction="add"), "has reduction add"),
    ],
)
def test_a_condition_that_is_broken_is_told_with_the_node(node: NodeProto, words: str) -> None:
    node.name = "network/place"
    axes = _value("axes", TensorProto.INT64, 1)
    scale = numpy_helper.from_array(np.ones(4, np.float32), "s")

    found = _words(_model([node], inputs=(_value("x"), axes), weights=[scale]))

    assert all(f"node network/place ({node.op_type}) {words}" in each for each in found)


def test_a_linear_resize_and_a_plain_pool_are_documented() -> None:
    scale = numpy_helper.from_array(np.asarray([1, 1, 2, 2], np.float32), "s")
    resize = helper.make_node(
        "Resize", ["p", "", "s"], ["y"], mode="linear", coordinate_transformation_mode="asymmetric"
    )
    pool = helper.make_node("MaxPool", ["x"], ["p"], kernel_shape=[2, 2], strides=[2, 2])

    assert _words(_model([pool, resize], weights=[scale])) == ("documented",) * 3


def test_the_indices_of_a_pool_may_be_there_but_not_be_read() -> None:
    pool = helper.make_node("MaxPool", ["x"], ["y", "i"], name="pool", kernel_shape=[2, 2])
    read = helper.make_node("Cast", ["i"], ["z"], to=FLOAT)

    assert _words(_model([pool])) == ("documented",) * 3
    assert "the indices, is read" in _words(_model([pool, read], outputs=(_value("y"), _value("z"))))[2]


def test_computed_axes_of_squeeze_are_told_for_the_versions_before_10_7() -> None:
    constant = helper.make_node("Constant", [], ["a"], value=numpy_helper.from_array(np.asarray([0]), "v"))
    squeeze = helper.make_node("Squeeze", ["x", "a"], ["y"], name="squeeze")

    found = _by_version(_model([constant, squeeze]))

    assert found["10.3"].words() == "node squeeze (Squeeze) has axes that are computed"
    assert found["10.16"].is_supported


def test_batch_normalization_of_mixed_types_is_told_for_the_versions_before_10_7() -> None:
    weights = [numpy_helper.from_array(np.ones(4, np.float32), name) for name in "abcd"]
    node = helper.make_node("BatchNormalization", ["x", "a", "b", "c", "d"], ["y"], name="norm")

    found = _by_version(_model([node], inputs=(_value("x", HALF),), outputs=(_value("y", HALF),), weights=weights))

    assert "has inputs of types FLOAT, FLOAT16, mixed from 10.7 on" in found["10.3"].words()
    assert found["11.4"].is_supported


@pytest.mark.parametrize(
    ("zero", "words"),
    [(np.int8(3), "a zero point other than 0"), (np.uint8(0), "a zero point of type UINT8"), (None, "no zero point")],
)
def test_a_pair_that_is_not_signed_and_symmetric_is_told(zero: np.generic | None, words: str) -> None:
    weights = [numpy_helper.from_array(np.asarray(0.5, np.float32), "s")]
    names = ["x", "s"]
    if zero is not None:
        weights.append(numpy_helper.from_array(np.asarray(zero), "z"))
        names.append("z")
    forth = helper.make_node("QuantizeLinear", names, ["q"], name="forth")
    back = helper.make_node("DequantizeLinear", ["q", *names[1:]], ["y"], name="back")

    found = _words(_model([forth, back], weights=weights))

    assert all(f"node forth (QuantizeLinear) has {words}" in each for each in found)


def test_nodes_inside_branches_are_looked_at() -> None:
    def branch(operator: str) -> onnx.GraphProto:
        return helper.make_graph([helper.make_node(operator, ["x"], ["b"])], operator, [], [_value("b")])

    node = helper.make_node("If", ["c"], ["y"], then_branch=branch("Relu"), else_branch=branch("Det"))
    condition = helper.make_tensor_value_info("c", TensorProto.BOOL, [1])

    assert _words(_model([node], inputs=(_value("x"), condition))) == ("does not know Det",) * 3


def test_every_operator_of_the_tables_is_one_of_onnx() -> None:
    known = {schema.name for schema in onnx.defs.get_all_schemas_with_history()}
    young = {"Attention", "RMSNormalization", "RotaryEmbedding", "Swish", "TensorScatter"}  # not in onnx 1.17

    for table in OPERATOR_TABLES:
        assert table.types.keys() - known <= OLD | young
        assert {kind for kinds in table.types.values() for kind in kinds} <= set(TensorProto.DataType.keys())


def test_later_versions_know_what_earlier_ones_know() -> None:
    names = [set(table.types) for table in OPERATOR_TABLES]

    assert names[0] < names[1] < names[2]


def test_the_parser_that_is_installed_knows_what_the_newest_table_lists() -> None:
    rtx = pytest.importorskip("tensorrt_rtx", reason="needs the trt-rtx extra")
    logger = rtx.Logger(rtx.Logger.ERROR)
    parser = rtx.OnnxParser(rtx.Builder(logger).create_network(0), logger)

    unknown = {name for name in OPERATOR_TABLES[-1].types if not parser.supports_operator(name)}

    # TensorRT has a plugin for it, TensorRT-RTX has no plugins.
    assert unknown <= {"DeformConv"}
