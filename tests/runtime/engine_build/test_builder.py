"""The shared builder against the real TensorRT-RTX builder, which needs no GPU."""

from dataclasses import replace

import pytest
from onnx import TensorProto, helper

from skinseg_edge.errors import BuildFailed, InputError, UnknownName
from skinseg_runtime.engine_build.builder import READING, BuiltPlan, TensorType, build
from skinseg_runtime.engine_build.request import BuildRequest, BuildStep
from skinseg_runtime.engine_files.plan_header import read_plan_header
from skinseg_runtime.engines.products import TENSORRT_RTX
from skinseg_runtime.engines.tensorrt_api import TensorRt
from skinseg_runtime.engines.tensorrt_library import load
from tests.runtime.tiny_bundle import binary_model, three_class_model

pytest.importorskip("tensorrt_rtx", reason="needs the trt-rtx extra")

PLAIN = BuildRequest(compute_capabilities=("8.6",))


@pytest.fixture(scope="module")
def rtx() -> TensorRt:
    return load(TENSORRT_RTX)


def ignore(_step: BuildStep) -> None:
    pass


def built(rtx: TensorRt, onnx: bytes, request: BuildRequest = PLAIN) -> BuiltPlan:
    return build(rtx, onnx, request, on_step=ignore)


def test_a_plan_comes_with_its_inputs_outputs_and_memory(rtx: TensorRt) -> None:
    plan = built(rtx, three_class_model())

    header = read_plan_header(plan.data)
    assert (header.product, header.size) == ("TensorRT-RTX", len(plan.data))
    assert plan.network.inputs == (TensorType("image", "UINT8", (1, 64, 96, 3)),)
    assert plan.network.outputs == (TensorType("probability", "FLOAT", (1, 3, 64, 96)),)
    # 9 weights and 3 biases of the one convolution, 4 bytes each, and whatever the kernel pads them to.
    assert plan.memory["weights_bytes"] >= 4 * (9 + 3)


def test_tensorrt_rtx_times_no_kernel_so_nothing_is_learned(rtx: TensorRt) -> None:
    plan = built(rtx, binary_model(), replace(PLAIN, timing_cache=b"of another product"))

    assert plan.timing_cache is None
    assert plan.dla is None


def test_every_step_is_told_with_its_phase_its_parent_and_the_time_so_far(rtx: TensorRt) -> None:
    steps: list[BuildStep] = []

    build(rtx, binary_model(), PLAIN, on_step=steps.append)

    assert [(step.phase, step.step, step.of) for step in steps[:2]] == [(READING, 0, 1), (READING, 1, 1)]
    # As TensorRT-RTX 1.7 names them: one phase within the other.
    assert ("Building engine from subgraph", "Building engine") in {(step.phase, step.parent) for step in steps}
    assert all(0 <= step.step <= step.of for step in steps)
    times = [step.elapsed_s for step in steps]
    assert times == sorted(times)


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), BrokenPipeError("nobody listens")])
def test_what_the_listener_raises_in_the_middle_ends_the_build(rtx: TensorRt, fault: BaseException) -> None:
    told: list[str] = []

    def listen(step: BuildStep) -> None:
        told.append(step.phase)
        if step.phase == "Building engine":
            raise fault

    with pytest.raises(type(fault)) as raised:
        build(rtx, binary_model(), PLAIN, on_step=listen)

    assert raised.value is fault
    assert told[-1] == "Building engine", "nothing is told after the fault"


def test_a_free_batch_axis_is_built_for_as_many_as_are_asked_for(rtx: TensorRt) -> None:
    plan = built(rtx, binary_model(batch="N"), replace(PLAIN, max_batch=4))

    assert plan.network.inputs[0].shape == (-1, 64, 96, 3)


def test_a_fixed_batch_axis_cannot_be_built_for_more(rtx: TensorRt) -> None:
    with pytest.raises(InputError, match=r"for batches of 4: the ONNX file takes 1 at a time; .*--dynamic-batch"):
        built(rtx, binary_model(), replace(PLAIN, max_batch=4))


@pytest.mark.parametrize("batch", [1, "N"])
def test_a_mask_can_be_added_as_a_second_output_of_bytes(rtx: TensorRt, batch: int | str) -> None:
    plan = built(rtx, binary_model(batch=batch), replace(PLAIN, mask_threshold=0.4))

    shape = (-1 if batch == "N" else 1, 1, 64, 96)
    assert plan.network.outputs == (TensorType("probability", "FLOAT", shape), TensorType("mask", "UINT8", shape))
    read_plan_header(plan.data)


def test_a_mask_of_several_classes_is_refused(rtx: TensorRt) -> None:
    with pytest.raises(InputError, match=r"the network gives probability \(1, 3, 64, 96\), expected .*--mask-output"):
        built(rtx, three_class_model(), replace(PLAIN, mask_threshold=0.5))


def test_a_node_that_the_parser_refuses_is_named_with_its_operator(rtx: TensorRt) -> None:
    with pytest.raises(BuildFailed, match=r"node network/determinant \(Det\): this operator is not supported"):
        built(rtx, graph_of("Det", "network/determinant"))


def test_of_many_refused_nodes_the_first_ones_are_named_and_the_rest_counted(rtx: TensorRt) -> None:
    with pytest.raises(BuildFailed, match=r"node det/0 .*node det/4 \(Det\): [^;]*; and 3 more$"):
        built(rtx, graph_of("Det", *(f"det/{index}" for index in range(8))))


@pytest.mark.parametrize(
    ("onnx", "words"),
    [
        (b"no model at all " * 9, "cannot parse the ONNX file for TensorRT-RTX: .*Failed to parse the ONNX model"),
        (b"", "it has 0 inputs and 0 outputs, expected a picture and a probability"),
    ],
)
def test_a_file_that_is_no_model_is_refused(rtx: TensorRt, onnx: bytes, words: str) -> None:
    with pytest.raises(BuildFailed, match=words):
        built(rtx, onnx)


def test_too_small_a_workspace_fails_with_what_to_do_about_it(rtx: TensorRt) -> None:
    # A convolution needs 8 MiB here (measured with TensorRT-RTX 1.7.1), so 1 MiB is too little.
    with pytest.raises(
        BuildFailed, match=r"within workspace limit.*; give its kernels more than 1 MiB with --workspace"
    ):
        built(rtx, three_class_model(), replace(PLAIN, workspace_mib=1))


def test_a_failed_build_leaves_no_words_to_the_next_one(rtx: TensorRt) -> None:
    with pytest.raises(BuildFailed):
        built(rtx, graph_of("Det", "first"))

    with pytest.raises(BuildFailed, match=r"node second \(Unique\)") as raised:
        built(rtx, graph_of("Unique", "second"))

    assert "first" not in str(raised.value)


def test_an_unknown_compute_capability_is_answered_with_the_known_ones(rtx: TensorRt) -> None:
    with pytest.raises(UnknownName, match=r"'8\.7': known are 12\.0, .*8\.6, 8\.9"):
        built(rtx, binary_model(), replace(PLAIN, compute_capabilities=("8.7",)))


def test_without_compute_capabilities_and_with_less_effort_a_plan_comes_too(rtx: TensorRt) -> None:
    plan = built(rtx, binary_model(), replace(PLAIN, compute_capabilities=(), optimization_level=0, workspace_mib=64))

    assert read_plan_header(plan.data).product == "TensorRT-RTX"


def graph_of(operator: str, *names: str) -> bytes:
    """A graph of as many nodes of *operator* as there are names, side by side."""
    graph = helper.make_graph(
        [helper.make_node(operator, ["image"], [f"{name}/out"], name=name) for name in names],
        "graph",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 8, 8])],
        [helper.make_tensor_value_info(f"{names[0]}/out", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return bytes(model.SerializeToString())
