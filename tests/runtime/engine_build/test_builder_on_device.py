"""The shared builder as it drives TensorRT itself, which runs on its device only: here a fake that keeps its rules."""

import json
import logging
from dataclasses import replace
from typing import Any

import pytest

from skinseg_edge.errors import BuildFailed, InputError
from skinseg_runtime.engine_build.builder import BuiltPlan, TensorType, build
from skinseg_runtime.engine_build.request import BuildRequest, BuildStep
from skinseg_runtime.engine_files.plan_header import read_plan_header
from tests.fake_device.installing import FakeDevice
from tests.runtime.tiny_bundle import binary_model, three_class_model

PLAIN = BuildRequest()


def built(device: FakeDevice, onnx: bytes | None = None, request: BuildRequest = PLAIN) -> BuiltPlan:
    return build(device.module("tensorrt"), onnx or binary_model(), request, on_step=lambda step: None)


def kernels_timed(cache: bytes | None) -> int:
    """How many kernels a cache of the fake knows."""
    assert cache is not None
    return int(json.loads(cache[cache.index(b"{") :])["kernels"])


@pytest.mark.parametrize("version", ["10.3.0", "10.16.1.11", "11.4.0.106"])
def test_every_supported_version_builds_with_the_same_calls(fake_device: FakeDevice, version: str) -> None:
    fake_device.use(tensorrt=version)

    plan = built(fake_device)

    header = read_plan_header(plan.data)
    assert header.product == "TensorRT"
    assert header.version.startswith(version)
    assert plan.network.inputs == (TensorType("image", "UINT8", (1, 64, 96, 3)),)
    assert set(plan.memory) == {"activation_bytes", "weights_bytes", "scratch_bytes"}


def test_what_a_build_learns_the_next_one_begins_with(fake_device: FakeDevice) -> None:
    first = built(fake_device).timing_cache

    second = built(fake_device, request=replace(PLAIN, timing_cache=first)).timing_cache

    assert kernels_timed(second) == 2 * kernels_timed(first) > 0


@pytest.mark.parametrize("known", [b"damaged", None])
def test_without_a_cache_that_can_be_read_every_kernel_is_timed_anew(
    fake_device: FakeDevice, known: bytes | None
) -> None:
    plan = built(fake_device, request=replace(PLAIN, timing_cache=known))

    assert kernels_timed(plan.timing_cache) == kernels_timed(built(fake_device).timing_cache)


@pytest.mark.parametrize("other", [{"tensorrt": "10.7.0"}, {"gpu": "another Orin"}])
def test_a_cache_of_another_version_or_device_is_not_used(
    fake_device: FakeDevice, other: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    foreign = built(fake_device).timing_cache
    fake_device.use(**other)

    with caplog.at_level(logging.INFO):
        plan = built(fake_device, request=replace(PLAIN, timing_cache=foreign))

    assert kernels_timed(plan.timing_cache) == kernels_timed(foreign)
    assert "the timing cache is damaged or of another device" in caplog.text


def test_a_refusal_carries_the_builders_own_words(fake_device: FakeDevice) -> None:
    fake_device.use(builder={"refuse": "no tactic for node stem/conv"})

    with pytest.raises(BuildFailed, match=r"cannot build the TensorRT engine: .*no tactic for node stem/conv$"):
        built(fake_device)


def test_words_of_a_damaged_timing_cache_are_no_reason_of_a_later_refusal(fake_device: FakeDevice) -> None:
    fake_device.use(builder={"returns_none": True})

    with pytest.raises(BuildFailed, match=r"cannot build the TensorRT engine: the builder gave no reason$"):
        built(fake_device, request=replace(PLAIN, timing_cache=b"damaged"))


def test_too_small_a_workspace_is_answered_with_the_option_that_widens_it(fake_device: FakeDevice) -> None:
    with pytest.raises(BuildFailed, match=r"OutOfMemory.*; give its kernels more than 1 MiB with --workspace"):
        built(fake_device, request=replace(PLAIN, workspace_mib=1))


def test_operators_that_the_parser_lacks_are_named_with_their_nodes(fake_device: FakeDevice) -> None:
    fake_device.use(builder={"unsupported": ["ReduceMean", "Sigmoid"]})

    with pytest.raises(
        BuildFailed,
        match=r"cannot parse the ONNX file for TensorRT: node ReduceMean_2 \(ReduceMean\): this operator is not "
        r"supported; node Sigmoid_5 \(Sigmoid\): this operator is not supported$",
    ):
        built(fake_device)


def test_without_a_gpu_the_reason_and_the_next_step_are_told(fake_device: FakeDevice) -> None:
    fake_device.use(devices=0)

    with pytest.raises(BuildFailed, match=r"did not start: .*CUDA initialization failure\); run skinseg-doctor"):
        built(fake_device)


def test_tensorrt_builds_for_no_other_gpu_than_its_own(fake_device: FakeDevice) -> None:
    with pytest.raises(InputError, match=r"compute capability 8\.9: TensorRT builds for the GPU it runs on"):
        built(fake_device, request=replace(PLAIN, compute_capabilities=("8.9",)))


def test_a_free_batch_axis_is_built_for_one_to_as_many_as_are_asked_for(fake_device: FakeDevice) -> None:
    plan = built(fake_device, binary_model(batch="N"), replace(PLAIN, max_batch=4))

    assert b'"profile": {"image": [[1, 64, 96, 3], [1, 64, 96, 3], [4, 64, 96, 3]]}' in plan.data


def test_a_mask_of_bytes_is_the_second_output(fake_device: FakeDevice) -> None:
    plan = built(fake_device, request=replace(PLAIN, mask_threshold=0.4))

    assert plan.network.outputs[1] == TensorType("mask", "UINT8", (1, 1, 64, 96))


def test_with_a_dla_it_is_told_which_layers_it_takes(fake_device: FakeDevice) -> None:
    plan = built(fake_device, three_class_model(), replace(PLAIN, dla_core=1))

    assert plan.dla is not None
    assert plan.dla.core == 1
    assert {layer.type: layer.on_dla for layer in plan.dla.layers}["CONVOLUTION"] is True
    assert b'"dla_core": 1' in plan.data


def test_a_listener_that_fails_ends_the_build_with_its_own_error(fake_device: FakeDevice) -> None:
    def listen(step: BuildStep) -> None:
        if step.phase == "Timing graph nodes":
            raise BrokenPipeError("the parent is gone")

    with pytest.raises(BrokenPipeError, match="the parent is gone"):
        build(fake_device.module("tensorrt"), binary_model(), PLAIN, on_step=listen)
