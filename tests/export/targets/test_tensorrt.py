"""The real TensorRT-RTX builder, which needs no GPU."""

import sys
from collections.abc import Mapping

import pytest
from onnx import TensorProto, helper

from skinseg_edge.errors import InputError, IntegrityFailed, ToolMissing, UnknownName, VerificationFailed
from skinseg_export.half_precision import half_from_single
from skinseg_export.onnx_from_torch import OnnxExport, onnx_from_torch
from skinseg_export.targets.tensorrt import rtx_builder
from skinseg_export.targets.tensorrt.build import BuiltEngine, jetson_plan, rtx_engine_from_onnx
from skinseg_export.targets.tensorrt.compute_capabilities import COMPUTE_CAPABILITIES, check_compute_capabilities
from skinseg_export.targets.tensorrt.verify import verify_rtx_engine
from skinseg_runtime.engine_files.plan_header import read_plan_header
from tests.export.darkness import CONTRACT, Darkness


@pytest.fixture(scope="module")
def half_onnx(exported: OnnxExport) -> bytes:
    return bytes(half_from_single(exported.model).SerializeToString())


@pytest.fixture(scope="module")
def engine(half_onnx: bytes) -> BuiltEngine:
    pytest.importorskip("tensorrt_rtx", reason="needs the trt-rtx extra")
    return rtx_engine_from_onnx(half_onnx, "model.fp16.onnx", "fp16")


def test_the_engine_is_a_bare_plan_and_its_sidecar_says_what_it_is(engine: BuiltEngine, half_onnx: bytes) -> None:
    header = read_plan_header(engine.data)

    assert (header.product, header.size) == ("TensorRT-RTX", len(engine.data))
    assert engine.sidecar["version"] == header.version
    assert engine.sidecar["compute_capabilities"] == ["8.6", "8.9", "12.0"]
    assert engine.sidecar["inputs"] == [{"name": "image", "dtype": "UINT8", "shape": (1, 64, 96, 3)}]
    assert engine.sidecar["outputs"] == [{"name": "probability", "dtype": "FLOAT", "shape": (1, 1, 64, 96)}]


def test_the_figures_hold_memory_and_say_that_numbers_are_not_verified(engine: BuiltEngine, half_onnx: bytes) -> None:
    checks = verify_rtx_engine(engine.data, engine.sidecar, half_onnx, CONTRACT)

    memory = engine.sidecar["memory"]
    assert isinstance(memory, Mapping)
    assert memory["activation_bytes"] > 64 * 96
    assert checks["numbers_verified"] is False
    assert "built, not run" in str(checks["remark"])


def test_a_truncated_engine_is_refused(engine: BuiltEngine, half_onnx: bytes) -> None:
    with pytest.raises(IntegrityFailed, match=r"its size in the header is \d+, expected 1000; export the bundle again"):
        verify_rtx_engine(engine.data[:1000], engine.sidecar, half_onnx, CONTRACT)


def test_an_engine_of_another_onnx_file_is_refused(engine: BuiltEngine, exported: OnnxExport) -> None:
    with pytest.raises(IntegrityFailed, match="cannot accept the engine: its source is"):
        verify_rtx_engine(engine.data, engine.sidecar, exported.model.SerializeToString(), CONTRACT)


def test_a_changed_byte_in_the_engine_is_refused(engine: BuiltEngine, half_onnx: bytes) -> None:
    changed = engine.data[:-1] + bytes([engine.data[-1] ^ 1])

    with pytest.raises(IntegrityFailed, match="cannot accept the engine: its hash is"):
        verify_rtx_engine(changed, engine.sidecar, half_onnx, CONTRACT)


def test_an_engine_without_memory_figures_is_refused(engine: BuiltEngine, half_onnx: bytes) -> None:
    with pytest.raises(VerificationFailed, match="the builder logged no activation_bytes, weights_bytes"):
        verify_rtx_engine(engine.data, {**engine.sidecar, "memory": {}}, half_onnx, CONTRACT)


def test_a_free_batch_axis_gets_a_profile() -> None:
    pytest.importorskip("tensorrt_rtx", reason="needs the trt-rtx extra")
    model = onnx_from_torch(Darkness(), CONTRACT, dynamic_batch=True).model.SerializeToString()

    engine = rtx_engine_from_onnx(model, "model.onnx", "fp32")

    assert verify_rtx_engine(engine.data, engine.sidecar, model, CONTRACT)["numbers_verified"] is False
    plan = jetson_plan(model, "model.onnx", "fp32", CONTRACT, dynamic_batch=True)
    assert "--maxShapes=image:8x64x96x3" in str(plan["equivalent"])


def test_an_engine_is_built_for_the_compute_capabilities_that_were_asked_for(half_onnx: bytes) -> None:
    pytest.importorskip("tensorrt_rtx", reason="needs the trt-rtx extra")

    engine = rtx_engine_from_onnx(half_onnx, "model.fp16.onnx", "fp16", compute_capabilities=("8.9",))

    assert engine.sidecar["compute_capabilities"] == ["8.9"]
    checks = verify_rtx_engine(engine.data, engine.sidecar, half_onnx, CONTRACT, ("8.9",))
    assert checks["compute_capabilities"] == "8.9"
    with pytest.raises(
        VerificationFailed, match=r"its compute capabilities are \['8.9'\], expected \['8.6', '8.9', '12"
    ):
        verify_rtx_engine(engine.data, engine.sidecar, half_onnx, CONTRACT)


@pytest.mark.parametrize("given", [("86",), ("8.6", "8.6"), ("8.6.0",), ("",), ("0.1",)])
def test_what_is_no_compute_capability_is_refused_before_any_work(given: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match=r"expected numbers such as 8\.6, each once"):
        check_compute_capabilities(given)


def test_a_compute_capability_that_the_builder_does_not_know_is_answered_with_those_it_knows() -> None:
    pytest.importorskip("tensorrt_rtx", reason="needs the trt-rtx extra")

    check_compute_capabilities(COMPUTE_CAPABILITIES)
    with pytest.raises(
        UnknownName, match=r"the compute capability '9\.0': known are 12\.0, 12\.1, 7\.5, 8\.0, 8\.6, 8\.9"
    ):
        check_compute_capabilities(("9.0",))


def test_without_the_builder_only_the_form_of_a_compute_capability_is_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)

    check_compute_capabilities(("9.0",))
    with pytest.raises(InputError, match="cannot build for compute capabilities sm90: expected"):
        check_compute_capabilities(("sm90",))


def test_a_node_that_the_parser_refuses_is_named() -> None:
    pytest.importorskip("tensorrt_rtx", reason="needs the trt-rtx extra")
    graph = helper.make_graph(
        [helper.make_node("Det", ["image"], ["probability"], name="network/determinant")],
        "graph",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 8, 8])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, [1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)

    with pytest.raises(VerificationFailed, match=r"node network/determinant \(Det\): this operator is not supported"):
        rtx_engine_from_onnx(model.SerializeToString(), "model.onnx", "fp32")


def test_each_phase_of_the_build_is_told(half_onnx: bytes) -> None:
    pytest.importorskip("tensorrt_rtx", reason="needs the trt-rtx extra")
    phases: list[str] = []

    rtx_engine_from_onnx(half_onnx, "model.fp16.onnx", "fp16", phases.append)

    assert "Building engine" in phases


def test_ctrl_c_in_the_middle_of_a_build_cancels_it(half_onnx: bytes) -> None:
    pytest.importorskip("tensorrt_rtx", reason="needs the trt-rtx extra")

    def interrupt(phase: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rtx_engine_from_onnx(half_onnx, "model.fp16.onnx", "fp16", interrupt)


def test_a_missing_builder_is_told_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, half_onnx: bytes
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)

    assert rtx_builder.rtx_version() is None
    with pytest.raises(ToolMissing, match=r"run pip install 'skinseg-edge\[trt-rtx\]'"):
        rtx_engine_from_onnx(half_onnx, "model.fp16.onnx", "fp16")
