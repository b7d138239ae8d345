"""Which engine is opened on a machine with a GPU, on a fake device: the proved one, or another one loudly."""

import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import DeviceBusy, EngineUnusable, ParityFailed, ToolMissing
from skinseg_runtime import cuda_memory
from skinseg_runtime.engine_build import BuildOptions, BuildStep, build_and_prove
from skinseg_runtime.engine_build.device_build import engines_locked
from skinseg_runtime.engine_files.shelf import Shelf
from skinseg_runtime.engines import Chosen, choose_engine, open_engine
from skinseg_runtime.engines.products import TENSORRT, product_named
from skinseg_runtime.gpu_queue import Queueing
from skinseg_runtime.this_device import identify
from tests.fake_device.installing import FakeDevice
from tests.runtime.tiny_bundle import binary_model, write_bundle

_ONLY_TENSORRT = ("tensorrt_rtx",)
_ONLY_RTX = ("tensorrt",)
_NO_LIBRARY = ("tensorrt", "tensorrt_rtx")
_NO_CUDA = ("cuda", "pycuda")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKINSEG_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cuda_memory, "has_nvidia_gpu", lambda: True)


@pytest.fixture
def opened(bundle: Path, fake_device: FakeDevice) -> Iterator[Bundle]:
    yield Bundle.open(bundle)
    assert fake_device.gpu.live_bytes == 0  # every engine that a test opened was closed


def _build(bundle: Bundle, engine: str = "trt") -> None:
    build_and_prove(bundle, BuildOptions(engine=engine, precision="fp32", timeout_s=300))


def _damage(bundle: Bundle, engine: str = "trt") -> None:
    """Change one byte of the current plan."""
    folder = Shelf(bundle, identify(product_named(engine))).current("fp32")
    assert folder is not None
    plan = folder.path / "model.engine"
    data = bytearray(plan.read_bytes())
    data[-1] ^= 1
    plan.write_bytes(data)


def _told(chosen: Chosen) -> tuple[str, str, str | None]:
    """Close the engine, and return what was chosen."""
    with closing(chosen.engine):
        return chosen.engine.name, chosen.precision, chosen.fallback


def _names_of(bundle: Bundle) -> list[str]:
    return sorted(path.name for path in (bundle.path / "engines").rglob("*"))


@pytest.fixture
def pictures(opened: Bundle) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(5).integers(0, 256, (3, *opened.contract.input_hw, 3), np.uint8)


def test_auto_takes_the_engine_that_this_device_proved(
    opened: Bundle, pictures: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
) -> None:
    _build(opened)
    with closing(open_engine(opened, "onnxruntime")) as reference:
        expected = reference.infer(pictures)

    chosen = choose_engine(opened)

    with closing(chosen.engine) as engine:
        assert (engine.name, chosen.precision, chosen.fallback) == ("trt", "fp32", None)
        np.testing.assert_allclose(engine.infer(pictures), expected, atol=1e-6)  # the fake runs the same graph


def test_auto_is_silently_the_processor_without_a_gpu(
    opened: Bundle, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _build(opened)
    monkeypatch.setattr(cuda_memory, "has_nvidia_gpu", lambda: False)

    assert _told(choose_engine(opened)) == ("onnxruntime", "fp32", None)
    open_engine(opened).close()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("missing", [_NO_LIBRARY, _ONLY_RTX])
def test_auto_is_silently_the_processor_where_nobody_asks_for_the_gpu(
    opened: Bundle, fake_device: FakeDevice, missing: tuple[str, ...]
) -> None:
    fake_device.use(missing=missing)  # TensorRT-RTX alone asks for nothing: pip brings it to every x86-64 machine

    assert _told(choose_engine(opened)) == ("onnxruntime", "fp32", None)


def test_auto_says_that_no_engine_was_built(opened: Bundle) -> None:
    assert _told(choose_engine(opened)) == (
        "onnxruntime",
        "fp32",
        "cannot use the TensorRT engine of tiny.skinseg: none was built in fp32; run skinseg-build tiny.skinseg; "
        "until then ONNX Runtime does its work on the processor",
    )


def test_what_was_chosen_instead_is_logged_as_a_warning(opened: Bundle, caplog: pytest.LogCaptureFixture) -> None:
    open_engine(opened).close()

    (record,) = (record for record in caplog.records if record.levelno >= logging.WARNING)
    assert "none was built in fp32; run skinseg-build" in record.getMessage()


def test_a_damaged_engine_gives_way_to_the_one_before_and_stays_where_it_is(opened: Bundle) -> None:
    _build(opened)
    _build(opened)
    _damage(opened)
    before = _names_of(opened)

    for name in ("auto", "trt"):
        engine, precision, fallback = _told(choose_engine(opened, name))
        assert (engine, precision) == ("trt", "fp32")
        assert fallback == (
            "cannot use the TensorRT engine of tiny.skinseg: its bytes differ from those that were proved on this "
            "device; run skinseg-build tiny.skinseg; until then the engine before it does its work"
        )
    assert _names_of(opened) == before


def test_without_an_engine_before_auto_takes_the_processor_and_trt_refuses(opened: Bundle) -> None:
    _build(opened)
    _damage(opened)

    engine, _, fallback = _told(choose_engine(opened))
    assert engine == "onnxruntime"
    assert "its bytes differ from those that were proved" in (fallback or "")
    with pytest.raises(EngineUnusable, match=r"its bytes differ .*; run skinseg-build tiny\.skinseg$"):
        choose_engine(opened, "trt")


def test_trt_by_name_never_falls_back_to_the_processor(opened: Bundle, fake_device: FakeDevice) -> None:
    with pytest.raises(EngineUnusable, match=r"none was built in fp32; run skinseg-build tiny\.skinseg$"):
        choose_engine(opened, "trt")
    with pytest.raises(EngineUnusable, match=r"TensorRT-RTX engine .* skinseg-build tiny\.skinseg --engine trt-rtx$"):
        choose_engine(opened, "trt-rtx")

    fake_device.use(missing=_NO_LIBRARY)
    with pytest.raises(ToolMissing, match="cannot use TensorRT: Python finds no tensorrt"):
        choose_engine(opened, "trt")


def test_where_cuda_is_missing_auto_says_so_and_trt_refuses(opened: Bundle, fake_device: FakeDevice) -> None:
    _build(opened)
    fake_device.use(missing=_NO_CUDA)

    engine, _, fallback = _told(choose_engine(opened))
    assert engine == "onnxruntime"
    assert "neither pycuda nor cuda.bindings is installed" in (fallback or "")
    with pytest.raises(ToolMissing, match=r"neither pycuda nor cuda\.bindings is installed"):
        choose_engine(opened, "trt")


def test_an_engine_that_tensorrt_refuses_gives_way(opened: Bundle, fake_device: FakeDevice) -> None:
    _build(opened)
    fake_device.use(deserialize_returns_none=True)

    engine, _, fallback = _told(choose_engine(opened))
    assert engine == "onnxruntime"
    assert fallback
    with pytest.raises(EngineUnusable):
        choose_engine(opened, "trt")


def test_an_engine_of_before_an_update_is_refused_with_both_versions(opened: Bundle, fake_device: FakeDevice) -> None:
    _build(opened)
    fake_device.use(tensorrt="10.16.2")

    with pytest.raises(EngineUnusable, match=r"it was built with TensorRT 10\.3\.0, this device has 10\.16\.2; run"):
        choose_engine(opened, "trt")


def test_allow_build_builds_what_is_missing_and_tells_its_steps(opened: Bundle) -> None:
    steps: list[BuildStep] = []

    chosen = choose_engine(opened, "trt", allow_build=True, on_build_step=steps.append)

    assert _told(chosen) == ("trt", "fp32", None)
    assert steps
    assert _told(choose_engine(opened, "trt")) == ("trt", "fp32", None)


def test_allow_build_builds_nothing_where_an_engine_serves(opened: Bundle) -> None:
    _build(opened)
    before = _names_of(opened)

    assert _told(choose_engine(opened, allow_build=True)) == ("trt", "fp32", None)
    assert _names_of(opened) == before


def test_a_new_engine_with_wrong_masks_never_serves(opened: Bundle, fake_device: FakeDevice) -> None:
    fake_device.use(engine={"flip": True})

    engine, _, fallback = _told(choose_engine(opened, allow_build=True))
    assert engine == "onnxruntime"
    assert "golden cases left their tolerance" in (fallback or "")
    with pytest.raises(ParityFailed, match="golden cases left their tolerance"):
        choose_engine(opened, "trt", allow_build=True)


def test_while_another_process_builds_the_engine_before_serves(opened: Bundle) -> None:
    _build(opened)
    _build(opened)
    _damage(opened)

    with engines_locked(opened, "build an engine"):
        engine, _, fallback = _told(choose_engine(opened, "trt", allow_build=True))
    assert engine == "trt"
    assert "until then the engine before it does its work" in (fallback or "")


def test_while_another_process_builds_the_first_engine_trt_is_busy(opened: Bundle) -> None:
    with engines_locked(opened, "build an engine"), pytest.raises(DeviceBusy):
        choose_engine(opened, "trt", allow_build=True)


def test_a_gpu_runs_fp16_unless_another_precision_is_asked_for(tmp_path: Path, fake_device: FakeDevice) -> None:
    both = Bundle.open(write_bundle(tmp_path / "both.skinseg", forms={"fp16": binary_model()}))
    build_and_prove(both, BuildOptions(precision="fp16", timeout_s=300))

    assert _told(choose_engine(both)) == ("trt", "fp16", None)
    assert _told(choose_engine(both, "onnxruntime")) == ("onnxruntime", "fp32", None)
    engine, precision, fallback = _told(choose_engine(both, precision="fp32"))
    assert (engine, precision) == ("onnxruntime", "fp32")
    assert "run skinseg-build both.skinseg --precision fp32" in (fallback or "")


def test_a_form_that_failed_its_acceptance_is_no_gpu_s_choice(tmp_path: Path, fake_device: FakeDevice) -> None:
    failed = Bundle.open(write_bundle(tmp_path / "f.skinseg", forms={"fp16": binary_model()}, failed=("fp16",)))

    engine, precision, fallback = _told(choose_engine(failed))
    assert (engine, precision) == ("onnxruntime", "fp32")
    assert "none was built in fp32" in (fallback or "")
    for name in ("auto", "trt"):
        with pytest.raises(ParityFailed, match="its status is 'failed', expected 'verified'"):
            choose_engine(failed, name, "fp16")


def test_tensorrt_rtx_serves_by_name_and_where_it_was_built_also_as_auto(
    opened: Bundle, fake_device: FakeDevice, tmp_path: Path
) -> None:
    fake_device.use(missing=_ONLY_RTX, integrated=False, gpu="fake RTX", compute_capability=(8, 9))
    _build(opened, "trt-rtx")

    assert _told(choose_engine(opened, "trt-rtx")) == ("trt-rtx", "fp32", None)
    assert _told(choose_engine(opened)) == ("trt-rtx", "fp32", None)
    caches = list((tmp_path / "state" / "rtx-cache").iterdir())
    assert [path.suffix for path in caches] == [".cache"]  # what it compiled is kept, sealed


def test_auto_prefers_tensorrt_and_tries_tensorrt_rtx_next(opened: Bundle, fake_device: FakeDevice) -> None:
    fake_device.use(integrated=False, gpu="fake RTX", compute_capability=(8, 9))
    _build(opened, "trt-rtx")
    assert _told(choose_engine(opened)) == ("trt-rtx", "fp32", None)

    _build(opened)
    assert _told(choose_engine(opened)) == ("trt", "fp32", None)


def test_auto_says_why_tensorrt_rtx_serves_in_place_of_an_engine_of_tensorrt(
    opened: Bundle, fake_device: FakeDevice
) -> None:
    fake_device.use(integrated=False, gpu="fake RTX", compute_capability=(8, 9))
    _build(opened, "trt-rtx")
    _build(opened)
    _damage(opened)

    assert _told(choose_engine(opened)) == (
        "trt-rtx",
        "fp32",
        "cannot use the TensorRT engine of tiny.skinseg: its bytes differ from those that were proved on this device; "
        "run skinseg-build tiny.skinseg; until then TensorRT-RTX does its work",
    )


def test_callers_queue_as_they_are_told(opened: Bundle) -> None:
    _build(opened)

    chosen = choose_engine(opened, queueing=Queueing(waiting=1, deadline_s=5))

    assert _told(chosen) == ("trt", "fp32", None)
    assert identify(TENSORRT).product == "trt"
