"""What can be read of an engine's kernels: out of text that was written down here, and out of a real engine."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from skinseg_export.targets.tensorrt.build import rtx_engine_from_onnx
from skinseg_export.targets.tensorrt.engine_text import EngineText, Kernel, read_engine_text

# The form that TensorRT-RTX 1.7.1 writes, shortened: bytes before, the network's program, a fused kernel's insides.
TEXT = """\
vtrt\x00\x07header {
  version = 5
descriptors {
  tensor={ alignment=128 dims={ 1 4 8 8 } mem_prop=0 name="image.1" offset=0 region="" strides={ 1 } type=uint8 }
  tensor={ alignment=128 dims={ 1 4 8 8 } mem_prop=0 name="a" offset=0 region="r" strides={ 1 } type=half }
  tensor={ alignment=128 const_payload_size=16 dims={ 4 } name="weights8" offset=0 strides={ 1 } type=int8 }
  tensor={ alignment=128 dims={ 1 4 8 8 } mem_prop=0 name="q" offset=0 region="r" strides={ 1 } type=int8 }
  tensor={ alignment=128 dims={ 1 4 8 8 } mem_prop=0 name="b" offset=0 region="r" strides={ 1 } type=float }
  sub_tensor={ base="b" const_offset=0 dims={ 1 } mem_prop=0 name="b^deref" offset=0 strides={ 1 } type=float }
}
main {
  inputs={ "image.1" }
  outputs={ "b" }
  function={ name=__myl_Cast fqn=__myl_Cast_0x7f args={ "image.1" "a" } input_args={ "image.1" } output_args={ "a" } grid = { 8 1 1 } layers="[ONNX Layer: cast]" swap_ab=false }
  function={ name=__myl_Quan fqn=__myl_Quan_0x7e args={ "a" "q" } input_args={ "a" } output_args={ "q" } layers="[ONNX Layer: pair]" }
  wait={ name="__mye1" stream=1 event=1 layers="" }
  corrltn={ name="conv1" output={"b" } input={"q" "weights8" "b" } stream=0 layers="[ONNX Layer: conv1]\x1f[ONNX Layer: relu]" }
  runtime_fusion={ name=__myl_CorrAdd input_args={ "b^deref" "a" } output_args={ "a" } layers="[ONNX Layer: conv2]" backbone=conv }
  fully_connected={ name="matmul" output={"a" } input={"a" "a" } trA=false layers="[ONNX Layer: matmul]" }
  maxpool={ name="pool" output={"q" } input={"q" "b" } sizes={ 2 2 } layers="[ONNX Layer: pool]" }
  function={ name=__myl_Move fqn=__myl_Move_0x01 args={ "b" } input_args={ } output_args={ "b" } layers="" }
}
header {
  version = 5
descriptors {
}
main {
  add={ name="inside" output={"x" } input={"y" } }
}
"""  # noqa: E501  # as it stands in the engine


def _read(text: str) -> EngineText | None:
    return read_engine_text(text.encode("latin-1"))


def _engine(text: str) -> EngineText:
    found = _read(text)
    assert found is not None
    return found


def test_kernels_are_read_with_their_types_and_nodes_in_order() -> None:
    kernels = _engine(TEXT).kernels

    assert [kernel.kind for kernel in kernels] == [
        "fused", "fused", "convolution", "convolution", "matrix product", "maxpool", "fused",
    ]  # fmt: skip
    assert kernels[2] == Kernel("convolution", "conv1", ("int8", "int8", "float"), ("float",), ("conv1", "relu"))


def test_a_convolution_runs_in_8_bits_where_picture_and_weights_have_8() -> None:
    found = _engine(TEXT)

    assert found.arithmetic() == {"convolution": {"float": 1, "int8": 1}, "matrix product": {"half": 1}}
    assert found.types_of_layers(("conv1", "conv2", "pool")) == {"conv1": "int8", "conv2": "float", "pool": "none"}


def test_weights_of_8_bits_alone_are_no_arithmetic_of_8_bits() -> None:
    found = _engine(TEXT.replace('input={"q" "weights8" "b" }', 'input={"a" "weights8" }'))

    assert found.types_of_layers(("conv1",)) == {"conv1": "half"}


def test_what_does_not_multiply_counts_by_what_it_reads_first() -> None:
    assert _engine(TEXT).types() == {"float": 2, "half": 2, "int8": 2, "uint8": 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "vtrt and nothing that could be read",
        TEXT[: TEXT.index("main {")],
        TEXT[: TEXT.index("  maxpool")],
        TEXT.replace("main {", "program {"),
        TEXT.replace("tensor={", "value={"),
        TEXT.replace("output=", "result="),
        TEXT.replace('"weights8" offset', '"renamed" offset'),
        TEXT.replace("  function={", "  // function={").replace("={ name=", "={ title="),
    ],
)
def test_text_of_another_form_is_not_readable_rather_than_half_read(text: str) -> None:
    assert _read(text) is None


def test_a_real_engine_of_a_quantized_convolution_says_that_it_runs_in_8_bits() -> None:
    pytest.importorskip("tensorrt_rtx", reason="needs the trt-rtx extra")

    built = rtx_engine_from_onnx(_quantized_convolution().SerializeToString(), "model.int8.onnx", "int8")
    found = read_engine_text(built.data)

    assert found is not None
    assert found.types_of_layers(("conv",)) == {"conv": "int8"}
    assert found.arithmetic() == {"convolution": {"int8": 1}}


def _quantized_convolution() -> ModelProto:
    """Picture and weights through a pair each, opset 19, half outside: what the export makes of a layer."""
    rng = np.random.default_rng(0)
    weights: dict[str, NDArray[Any]] = {
        "w": rng.integers(-127, 127, (32, 32, 3, 3)).astype(np.int8),
        "s": np.asarray(0.02, np.float16),
        "z": np.asarray(0, np.int8),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["half"], name="in", to=TensorProto.FLOAT16),
        helper.make_node("QuantizeLinear", ["half", "s", "z"], ["q"], name="forth"),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["x"], name="back"),
        helper.make_node("DequantizeLinear", ["w", "s", "z"], ["k"], name="weights"),
        helper.make_node("Conv", ["x", "k"], ["y"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("Cast", ["y"], ["probability"], name="out", to=TensorProto.FLOAT),
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 32, 32, 32])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, [1, 32, 32, 32])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=10)
