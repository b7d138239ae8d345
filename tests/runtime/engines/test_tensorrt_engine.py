"""The TensorRT engine over the fake device: right answers, memory that stays flat, and a sentence for every fault.

The fake executes the ONNX file with ONNX Runtime and holds NVIDIA's rules; nothing here ran on a GPU.
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from skinseg_edge.bundle import Bundle
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import (
    ContractInvalid,
    DeadlinePassed,
    DeviceBusy,
    DeviceLost,
    DeviceUnready,
    EngineUnusable,
    ParityFailed,
    ToolMissing,
)
from skinseg_runtime.engines import Engine
from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine
from skinseg_runtime.engines.products import TENSORRT, TENSORRT_RTX, Product
from skinseg_runtime.engines.tensorrt import TensorRtEngine
from skinseg_runtime.gpu_worker import Queueing
from skinseg_runtime.segmenter import Segmenter
from tests.fake_device.installing import FakeDevice
from tests.runtime.engines.device_engines import CONTRACT, DeviceMaker, engine_of, gpu_held, levels, plan_of
from tests.runtime.tiny_bundle import binary_model, photo_and_mask, three_class_model, write_bundle

BACKENDS = ("pycuda", "cuda.bindings")
PRODUCTS = (TENSORRT, TENSORRT_RTX)
ORIN = {"integrated": True, "can_map_host": True}
CARD = {"integrated": False, "can_map_host": True}


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKINSEG_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def device(fake_device: FakeDevice) -> DeviceMaker:
    return fake_device.use


def reference(model: bytes, images: NDArray[np.uint8], contract: ModelContract = CONTRACT) -> NDArray[np.float32]:
    return OnnxRuntimeEngine(model, contract).infer(images)


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.module)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("board", [ORIN, CARD, {**ORIN, "can_map_host": False}])
def test_its_answers_are_the_networks(
    device: DeviceMaker, product: Product, backend: str, board: dict[str, bool]
) -> None:
    device(**board)
    images = levels(1, 100, 127, 160)
    with engine_of(product, cuda_backend=backend) as engine:
        like_an_engine: Engine = engine
        assert (like_an_engine.name, engine.input_hw, engine.classes) == (product.engine, (64, 96), 1)
        for _ in range(3):  # plain, captured and launched runs agree
            assert np.array_equal(engine.infer(images), reference(binary_model(), images))


@pytest.mark.parametrize("backend", BACKENDS)
def test_several_classes_have_a_map_each(device: DeviceMaker, backend: str) -> None:
    device()
    contract = ModelContract(input_hw=(64, 96), classes=("skin", "red", "blue"))
    images = levels(40, 200)
    with engine_of(TENSORRT, three_class_model(), contract, cuda_backend=backend) as engine:
        assert engine.infer(images).shape == (2, 3, 64, 96)
        assert np.array_equal(engine.infer(images), reference(three_class_model(), images, contract))


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 11])
@pytest.mark.parametrize(("batch", "most"), [(4, 4), ("N", 4), (1, 1)])
def test_any_number_of_images_is_served_whatever_the_engine_takes_at_once(
    device: DeviceMaker, batch: int | str, most: int, count: int
) -> None:
    device(**CARD)
    images = levels(*range(100, 100 + count)) if count else np.empty((0, 64, 96, 3), np.uint8)
    expected = reference(binary_model(), images)
    with engine_of(TENSORRT, binary_model(batch=batch), max_batch=most) as engine:
        assert engine.max_batch == most
        assert np.array_equal(engine.infer(images), expected)


def test_an_array_that_is_not_contiguous_is_served(device: DeviceMaker) -> None:
    device()
    turned = np.zeros((1, 96, 64, 3), np.uint8).transpose(0, 2, 1, 3)
    with engine_of(TENSORRT) as engine:
        assert engine.infer(turned).min() > 0.999


def test_an_answer_is_the_callers_own(device: DeviceMaker) -> None:
    device()
    with engine_of(TENSORRT) as engine:
        first = engine.infer(levels(20))
        kept = first.copy()
        engine.infer(levels(250))
        assert np.array_equal(first, kept)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_mask_is_thresholded_on_the_gpu(device: DeviceMaker, backend: str) -> None:
    gpu = device(**CARD)
    images = levels(100, 127, 128, 160)  # 128 gives exactly 0.5, which belongs to the lesion
    with engine_of(TENSORRT, mask_threshold=0.5, cuda_backend=backend) as engine:
        assert engine.has_mask
        masks = engine.infer_mask(images)
        assert masks.shape == (4, 64, 96)
        assert masks.dtype == np.uint8
        assert masks[:, -1, -1].tolist() == [1, 1, 1, 0]
        copied = gpu.counts["copies"]
        engine.infer_mask(images[:1])
        assert gpu.counts["copies"] - copied == 2  # the picture in, the mask out, no probability


def test_an_engine_without_a_mask_says_how_to_get_one(device: DeviceMaker) -> None:
    device()
    with engine_of(TENSORRT) as engine:
        assert not engine.has_mask
        with pytest.raises(ValueError, match="gives no mask; build it with skinseg-build --mask-output"):
            engine.infer_mask(levels(100))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("board", "copies"), [(ORIN, 0), (CARD, 2), ({**ORIN, "can_map_host": False}, 2)])
def test_a_gpu_that_shares_the_boards_memory_copies_nothing(
    device: DeviceMaker, backend: str, board: dict[str, bool], copies: int
) -> None:
    gpu = device(**board)
    with engine_of(TENSORRT, cuda_backend=backend) as engine:
        before = gpu.counts["copies"]
        for _ in range(5):
            engine.infer(levels(100))
        assert gpu.counts["copies"] - before == 5 * copies
        assert gpu.counts["pageable copies"] == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_after_the_warm_up_every_run_is_the_launch_of_one_graph(device: DeviceMaker, backend: str) -> None:
    gpu = device()
    with engine_of(TENSORRT, cuda_backend=backend) as engine:
        before = gpu.counts.copy()
        for _ in range(5):
            engine.infer(levels(100))
        assert gpu.counts["launches"] - before["launches"] == 5
        assert gpu.counts["captures"] == before["captures"] == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_another_batch_has_another_graph_and_the_old_one_is_given_back(device: DeviceMaker, backend: str) -> None:
    gpu = device()
    with engine_of(TENSORRT, binary_model(batch="N"), max_batch=4, cuda_backend=backend) as engine:
        handles = gpu.live_handles
        for count in (1, 3, 3, 3, 4, 4, 1, 1):
            images = levels(*range(100, 100 + count))
            assert np.array_equal(engine.infer(images), reference(binary_model(), images))
        assert gpu.live_handles == handles


@pytest.mark.parametrize("backend", BACKENDS)
def test_where_no_graph_can_be_captured_runs_are_queued_plainly(
    device: DeviceMaker, backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    gpu = device(capture_fails=True)
    with engine_of(TENSORRT, cuda_backend=backend) as engine:
        before = gpu.counts["enqueues"]
        assert np.array_equal(engine.infer(levels(100)), reference(binary_model(), levels(100)))
        assert gpu.counts["enqueues"] - before == 1
        assert gpu.counts["launches"] == 0
    assert "no CUDA graph could be captured" in caplog.text


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.module)
def test_graphs_can_be_left_out(device: DeviceMaker, product: Product) -> None:
    gpu = device()
    with engine_of(product, use_graph=False) as engine:
        engine.infer(levels(100))
    assert gpu.counts["captures"] == gpu.counts["launches"] == 0


def test_the_time_on_the_gpu_is_told_without_copies(device: DeviceMaker) -> None:
    device(**CARD)
    with engine_of(TENSORRT) as engine:
        engine.infer(levels(100))
        assert engine.gpu_ms == 1.0  # what a run takes on the fake's clock, where a copy takes 0.25


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("board", [ORIN, CARD])
def test_memory_stays_flat_over_a_thousand_runs(device: DeviceMaker, backend: str, board: dict[str, bool]) -> None:
    gpu = device(**board)
    with engine_of(TENSORRT, cuda_backend=backend) as engine:
        live, handles, allocations = gpu.live_bytes, gpu.live_handles, gpu.counts["allocations"]
        for number in range(1000):
            engine.infer(levels(number % 256))
        assert (gpu.live_bytes, gpu.live_handles, gpu.counts["allocations"]) == (live, handles, allocations)


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.module)
@pytest.mark.parametrize("backend", BACKENDS)
def test_closing_gives_everything_back_and_says_so_to_late_callers(
    device: DeviceMaker, product: Product, backend: str
) -> None:
    gpu = device(**CARD)
    with engine_of(product, mask_threshold=0.5, cuda_backend=backend) as engine:
        assert gpu.live_bytes > 0
        engine.close()
        assert (gpu.live_bytes, gpu.live_handles, gpu.internal_bytes) == (0, 0, 0)
        with pytest.raises(ValueError, match=r"the TensorRT.* engine net\.engine is closed"):
            engine.infer(levels(100))


def test_the_bytes_of_the_plan_are_not_kept(device: DeviceMaker) -> None:
    device()
    plan = plan_of(TENSORRT)
    held = sys.getrefcount(plan)
    engine = TensorRtEngine(plan, CONTRACT, TENSORRT)
    assert sys.getrefcount(plan) == held
    engine.close()


def test_only_the_workers_thread_touches_the_gpu(device: DeviceMaker) -> None:
    gpu = device()
    plan = plan_of(TENSORRT)
    gpu.threads.clear()
    engine = TensorRtEngine(plan, CONTRACT, TENSORRT)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(engine.infer, [levels(level) for level in range(20)]))
    engine.close()
    (thread,) = gpu.threads
    assert thread != threading.get_ident()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("board", [ORIN, CARD])
def test_sixteen_threads_on_one_segmenter_get_their_own_right_masks(
    device: DeviceMaker, tmp_path: Path, backend: str, board: dict[str, bool]
) -> None:
    device(**board)
    bundle = Bundle.open(write_bundle(tmp_path / "tiny.skinseg"))
    photo, _ = photo_and_mask()
    photos = [np.roll(photo, (5 * number, 9 * number), axis=(0, 1)) for number in range(48)]
    with Segmenter.open(bundle, engine="onnxruntime") as alone:
        expected = [alone.segment(photo).mask for photo in photos]
    assert len({mask.tobytes() for mask in expected}) == len(photos)

    plan = plan_of(TENSORRT)
    engine = TensorRtEngine(plan, bundle.contract, TENSORRT, cuda_backend=backend, queueing=Queueing(deadline_s=None))
    with Segmenter(bundle.contract, engine) as segmenter, ThreadPoolExecutor(16) as pool:
        masks = list(pool.map(lambda photo: segmenter.segment(photo).mask, photos))
    for mask, right in zip(masks, expected, strict=True):
        assert np.array_equal(mask, right)


def test_requests_are_answered_in_the_order_in_which_they_came(device: DeviceMaker) -> None:
    gpu = device(**CARD)
    with engine_of(TENSORRT) as engine:
        with gpu_held(gpu):
            pending = [engine.submit(levels(level)) for level in range(20)]
        pending[-1].result()
        assert all(answer.done for answer in pending)
        for level, answer in enumerate(pending):
            assert np.array_equal(answer.result(), reference(binary_model(), levels(level)))


def test_a_frame_may_be_used_again_as_soon_as_it_is_submitted(device: DeviceMaker) -> None:
    gpu = device()
    frame = levels(30)
    with engine_of(TENSORRT) as engine:
        with gpu_held(gpu):
            engine.submit(frame)
            pending = engine.submit(frame)
            assert not pending.done
            frame[:] = 250
        assert pending.result().min() > 0.999


def test_more_than_the_engine_takes_at_once_cannot_be_submitted(device: DeviceMaker) -> None:
    device()
    with engine_of(TENSORRT) as engine:
        for images in (levels(1, 2), np.empty((0, 64, 96, 3), np.uint8)):
            with pytest.raises(ValueError, match=f"there are {len(images)} images, expected 1 to 1, as the engine"):
                engine.submit(images)


def test_images_of_another_shape_are_refused_before_they_wait(device: DeviceMaker) -> None:
    device()
    wrong = np.zeros((1, 64, 64, 3), np.uint8)
    with engine_of(TENSORRT, mask_threshold=0.5) as engine:
        for use in (engine.infer, engine.infer_mask, engine.submit):
            with pytest.raises(ValueError, match=r"images are \(1, 64, 64, 3\) uint8, expected"):
                use(wrong)


def test_a_deadline_that_passes_while_the_gpu_works_is_a_clear_error(device: DeviceMaker) -> None:
    gpu = device()
    with engine_of(TENSORRT, queueing=Queueing(deadline_s=0.05)) as engine:
        expected = r"cannot answer in time: the TensorRT engine net\.engine gave no answer within 0\.05 s, "
        with gpu_held(gpu), pytest.raises(DeadlinePassed, match=expected):
            engine.infer(levels(100))


def test_more_requests_than_may_wait_are_refused_at_once(device: DeviceMaker) -> None:
    gpu = device()
    with engine_of(TENSORRT, queueing=Queueing(waiting=3)) as engine:
        with gpu_held(gpu) as begun:
            engine.submit(levels(100))
            begun.wait()
            pending = [engine.submit(levels(100)) for _ in range(3)]
            with pytest.raises(DeviceBusy, match=r"3 wait for the TensorRT engine net\.engine, as many as may"):
                engine.infer(levels(100))
        pending[-1].result()
        assert engine.infer(levels(100)).min() > 0.9


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_sticky_error_ends_the_engine_and_says_how_to_go_on(device: DeviceMaker, backend: str) -> None:
    gpu = device(**CARD)
    with engine_of(TENSORRT, cuda_backend=backend) as engine:
        gpu.fault = {"call": "kernel", "code": "cudaErrorIllegalAddress"}
        expected = "after which no CUDA call of this process succeeds any more; end this process and start it again"
        with gpu_held(gpu):
            others = [engine.submit(levels(100)) for _ in range(3)]
        for answer in others:
            with pytest.raises(DeviceLost, match=expected):
                answer.result()
        with pytest.raises(DeviceLost, match=expected):
            engine.infer(levels(100))
        with pytest.raises(DeviceLost, match=expected):
            TensorRtEngine(plan_of(TENSORRT), CONTRACT, TENSORRT, cuda_backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_error_that_passes_fails_one_request_and_no_other(device: DeviceMaker, backend: str) -> None:
    gpu = device(**CARD)
    with engine_of(TENSORRT, cuda_backend=backend) as engine:
        gpu.calls.clear()
        gpu.fault = {"call": "cudaMemcpyAsync", "after": 1, "times": 1, "code": "cudaErrorInvalidValue"}
        with pytest.raises(
            DeviceUnready, match=r"cannot run the TensorRT engine net\.engine: .* failed with .*; run sk"
        ):
            engine.infer(levels(100))
        assert np.array_equal(engine.infer(levels(100)), reference(binary_model(), levels(100)))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("board", [ORIN, CARD])
def test_a_gpu_without_room_is_left_as_it_was(device: DeviceMaker, backend: str, board: dict[str, bool]) -> None:
    gpu = device(**board)
    plan = plan_of(TENSORRT)
    gpu.calls.clear()
    gpu.fault = {"call": "cudaHostAlloc", "after": 1, "code": "cudaErrorMemoryAllocation"}
    with pytest.raises(DeviceUnready, match="free memory of the GPU or send fewer pictures at once"):
        TensorRtEngine(plan, CONTRACT, TENSORRT, cuda_backend=backend)
    assert (gpu.live_bytes, gpu.live_handles, gpu.internal_bytes) == (0, 0, 0)


def test_a_plan_that_tensorrt_refuses_is_told_with_its_words(device: DeviceMaker) -> None:
    gpu = device()
    plan = plan_of(TENSORRT)
    with pytest.raises(EngineUnusable) as met:
        TensorRtEngine(plan[:-40], CONTRACT, TENSORRT, source="net.engine")
    assert str(met.value).startswith(f"cannot load net.engine ({len(plan) - 40} bytes): TensorRT 10.3.0 says '")
    assert str(met.value).endswith("; build the engine again on this device with skinseg-build")
    assert (gpu.live_bytes, gpu.live_handles) == (0, 0)


def test_a_plan_of_another_version_is_told_with_its_words(device: DeviceMaker) -> None:
    device(tensorrt="10.3.0")
    plan = plan_of(TENSORRT)
    device(tensorrt="10.7.0")
    with pytest.raises(EngineUnusable, match=r"TensorRT 10\.7\.0 says '"):
        TensorRtEngine(plan, CONTRACT, TENSORRT)


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.module)
def test_a_context_that_cannot_be_made_is_an_error_and_not_a_crash(device: DeviceMaker, product: Product) -> None:
    gpu = device(engine={"context_none": True})
    with pytest.raises(
        DeviceUnready, match=r"cannot get net\.engine ready to run: TensorRT .*; free memory of the GPU"
    ):
        TensorRtEngine(plan_of(product), CONTRACT, product, source="net.engine")
    assert (gpu.live_bytes, gpu.live_handles) == (0, 0)


@pytest.mark.parametrize("missing", ["cuda", "tensorrt"])
def test_what_is_missing_is_named(device: DeviceMaker, missing: str) -> None:
    device()
    plan = plan_of(TENSORRT)
    device(missing=("cuda", "pycuda") if missing == "cuda" else ("tensorrt",))
    with pytest.raises(ToolMissing):
        TensorRtEngine(plan, CONTRACT, TENSORRT)


def test_an_engine_of_another_contract_is_refused(device: DeviceMaker) -> None:
    gpu = device()
    other = ModelContract(input_hw=(64, 64))
    expected = r"cannot use net\.engine: its input is \(64, 96\) with 1 classes, the contract says \(64, 64\) with 1"
    with pytest.raises(ContractInvalid, match=expected):
        TensorRtEngine(plan_of(TENSORRT), other, TENSORRT, source="net.engine")
    assert (gpu.live_bytes, gpu.live_handles) == (0, 0)


def test_an_answer_that_is_no_probability_is_refused(device: DeviceMaker) -> None:
    device()
    model = onnx.load_from_string(binary_model())
    model.graph.node[-1].op_type = "Identity"  # logits in place of probabilities
    with engine_of(TENSORRT, model.SerializeToString()) as engine:
        for use in (engine.infer, lambda images: engine.submit(images).result()):
            with pytest.raises(
                ParityFailed, match=r"answer of net\.engine: its values .*, expected probabilities from 0 to 1"
            ):
                use(levels(20))


def test_rtx_keeps_what_it_compiled_for_the_next_start(device: DeviceMaker, tmp_path: Path) -> None:
    device()
    cache = tmp_path / "rtx-cache" / "net.cache"
    for _ in range(2):
        with engine_of(TENSORRT_RTX, cache_path=cache) as engine:
            engine.infer(levels(100))
        assert cache.is_file()
    written = cache.stat().st_mtime_ns
    with engine_of(TENSORRT_RTX, cache_path=cache):
        pass
    assert cache.stat().st_mtime_ns == written  # nothing new was compiled


def test_a_damaged_rtx_cache_counts_as_missing_and_is_made_again(device: DeviceMaker, tmp_path: Path) -> None:
    device()
    cache = tmp_path / "net.cache"
    with engine_of(TENSORRT_RTX, cache_path=cache):
        pass
    whole = cache.read_bytes()
    cache.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with engine_of(TENSORRT_RTX, cache_path=cache) as engine:
        assert engine.infer(levels(100)).shape == (1, 1, 64, 96)
    assert cache.read_bytes() == whole
