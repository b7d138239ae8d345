"""What a bundle says of its TensorRT files: who reads them, what their engines hold, what runs in 8 bits."""

from dataclasses import replace
from typing import Any

import pytest
from onnx import ModelProto, TensorProto, helper

from skinseg_export.half_precision import half_from_single
from skinseg_export.onnx_from_torch import OnnxExport
from skinseg_export.targets.tensorrt import report as report_module
from skinseg_export.targets.tensorrt.build import BuiltEngine, jetson_plan, rtx_engine_from_onnx
from skinseg_export.targets.tensorrt.engine_text import EngineText, Kernel
from skinseg_export.targets.tensorrt.report import FileReport, TensorRtReport, file_report
from skinseg_export.targets.tensorrt.report_page import page_of, summary_of
from tests.export.darkness import CONTRACT

KERNELS = EngineText(
    (
        Kernel("convolution", "c", ("int8", "int8", "float"), ("float",), ("one",)),
        Kernel("convolution", "d", ("half", "half"), ("half",), ("two",)),
        Kernel("fused", "f", ("half",), ("half",), ("three",)),
    )
)
MEMORY = {"activation_bytes": 3 << 20, "weights_bytes": 1 << 19, "scratch_bytes": 2 << 20}
BUILT = BuiltEngine(b"engine" * 100, {"layers": 5, "memory": MEMORY})


def _plan(model: ModelProto, path: str = "model.fp16.onnx") -> dict[str, object]:
    return jetson_plan(model.SerializeToString(), path, "fp16", CONTRACT, dynamic_batch=False)


def _whole(*files: FileReport, version: str | None = "1.7.1.116") -> TensorRtReport:
    return TensorRtReport(files, version, ("8.6", "8.9"))


@pytest.fixture
def written(exported: OnnxExport, monkeypatch: pytest.MonkeyPatch) -> FileReport:
    monkeypatch.setattr(report_module, "read_engine_text", lambda engine: KERNELS)
    return file_report("onnx-fp16", exported.model, _plan(exported.model), BUILT)


def test_a_real_engine_is_reported_with_memory_kernels_and_every_version(exported: OnnxExport) -> None:
    pytest.importorskip("tensorrt_rtx", reason="needs the trt-rtx extra")
    half = half_from_single(exported.model)
    built = rtx_engine_from_onnx(half.SerializeToString(), "model.fp16.onnx", "fp16")

    found = file_report("onnx-fp16", half, _plan(half), built)

    assert [parser.version for parser in found.parsers] == ["10.3", "10.16", "11.4"]
    assert found.size == len(built.data)
    assert found.memory is not None
    assert found.memory["activation_bytes"] > 64 * 96
    assert found.kernels is not None
    assert set(found.kernels.arithmetic()["convolution"]) == {"half"}
    assert found.eight_bits is None


def test_the_json_ties_every_file_to_its_hash_and_says_that_nothing_ran(
    written: FileReport, exported: OnnxExport
) -> None:
    document = _whole(written).to_json()

    assert (document["schema"], document["run_on_a_gpu"]) == ("skinseg.tensorrt-report/1", False)
    assert document["compute_capabilities"] == ["8.6", "8.9"]
    each = _only_file(document)
    assert each["onnx_sha256"] == each["plan"]["onnx_sha256"]
    assert [parser["documented"] for parser in each["parsers"]] == [True, True, True]
    assert each["tensorrt_rtx"]["memory"] == MEMORY
    assert each["tensorrt_rtx"]["kernels"] == {
        "count": 3,
        "types": {"half": 2, "int8": 1},
        "arithmetic": {"convolution": {"half": 1, "int8": 1}},
    }


def test_the_page_says_memory_kernels_and_the_line_for_the_device(written: FileReport) -> None:
    page = page_of(_whole(written))

    assert "Nothing here has run on a GPU" in page
    assert "| model.fp16.onnx | 18 | documented | documented | documented |" in page
    assert "Engines of TensorRT-RTX 1.7.1.116 for compute capability 8.6, 8.9" in page
    assert "| 3.00 | 0.50 | 2.00 | 2 half, 1 int8 | convolutions: 1 half, 1 int8 |" in page
    assert "trtexec --onnx=model.fp16.onnx --stronglyTyped" in page


def test_text_that_cannot_be_read_is_said_and_nothing_fails(exported: OnnxExport) -> None:
    found = file_report("onnx", exported.model, _plan(exported.model), BUILT)  # its engine holds no text

    assert found.kernels is None
    assert "| not readable | kernels that are not readable |" in page_of(_whole(found))
    assert "has kernels that are not readable" in summary_of(_whole(found))
    assert _only_file(_whole(found).to_json())["tensorrt_rtx"]["kernels"] is None


def test_without_an_engine_the_reason_stands_in_its_place(exported: OnnxExport) -> None:
    found = file_report("onnx", exported.model, _plan(exported.model), None, "tensorrt_rtx is not installed")
    whole = _whole(found, version=None)

    assert "| model.fp16.onnx | - | - | - | - | - | tensorrt_rtx is not installed |" in page_of(whole)
    assert "Engines of TensorRT-RTX (not installed)" in page_of(whole)
    assert summary_of(whole) == (
        "TensorRT: every file is documented to be read by 10.3, 10.16, 11.4 (tensorrt/report.md)"
    )


def test_layers_that_were_ordered_in_8_bits_and_run_otherwise_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_module, "read_engine_text", lambda engine: KERNELS)
    model = _pairs_around("one", "two", "absent")

    found = file_report("onnx-int8", model, _plan(model, "model.int8.onnx"), BUILT)

    assert found.eight_bits is not None
    assert found.eight_bits.ordered == 3
    assert found.eight_bits.others == {"two": "half", "absent": "none"}
    assert "| model.int8.onnx | 3 | 1 | two (half), absent (none) |" in page_of(_whole(found))


def test_what_the_documentation_speaks_against_is_in_the_summary_and_on_the_page(written: FileReport) -> None:
    first, *others = written.parsers
    against = replace(first, restricted=("node a (Resize) has mode cubic", "node b (Resize) has mode cubic"))

    whole = _whole(replace(written, parsers=(against, *others)))

    assert "its documentation speaks against model.fp16.onnx on 10.3; the engine of" in summary_of(whole)
    assert "node a (Resize) has mode cubic, and 1 more nodes (report.json)" in page_of(whole)


def _only_file(document: dict[str, Any]) -> dict[str, Any]:
    (each,) = document["files"]
    return dict(each)


def _pairs_around(*names: str) -> ModelProto:
    nodes = []
    for name in names:
        nodes += [helper.make_node("DequantizeLinear", [f"{name}.q", "s"], [f"{name}.x"])]
        nodes += [helper.make_node("DequantizeLinear", [f"{name}.w", "s"], [f"{name}.k"])]
        nodes += [helper.make_node("Conv", [f"{name}.x", f"{name}.k"], [f"{name}.y"], name=name)]
    floats = [helper.make_tensor_value_info("s", TensorProto.FLOAT, [])]
    bytes_ = [
        helper.make_tensor_value_info(f"{name}.{part}", TensorProto.INT8, [1, 1, 1, 1])
        for name in names
        for part in "qw"
    ]
    given = [helper.make_tensor_value_info(f"{names[0]}.y", TensorProto.FLOAT, [1, 1, 1, 1])]
    graph = helper.make_graph(nodes, "graph", [*floats, *bytes_], given)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def test_a_kernel_that_is_computed_for_each_picture_is_told(exported: OnnxExport) -> None:
    model = ModelProto()
    model.CopyFrom(exported.model)
    convolution = next(node for node in model.graph.node if node.op_type == "Conv")
    twice = helper.make_node("Add", [convolution.input[1], convolution.input[1]], ["twice"], name="twice")
    model.graph.node.insert(0, twice)
    convolution.input[1] = "twice"
    computed = file_report("onnx", model, _plan(model, "model.onnx"), None, "not installed")
    stored = file_report("onnx", exported.model, _plan(exported.model, "model.onnx"), None, "not installed")

    assert (computed.computed_kernels, stored.computed_kernels) == (1, 0)
    assert "model.onnx computes the kernel of 1 convolutions for each picture" in page_of(_whole(computed))
    assert "computes the kernel" not in page_of(_whole(stored))
