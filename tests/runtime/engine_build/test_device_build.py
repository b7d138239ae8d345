"""Builds on a fake device, and every way in which one may fail: what was in use before serves on."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from skinseg_edge.bundle import Bundle
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import (
    BuildFailed,
    BundleUnusable,
    DeadlinePassed,
    DeviceBusy,
    InputError,
    OutputRefused,
    ParityFailed,
    SkinsegError,
    ToolMissing,
)
from skinseg_edge.manifest import MANIFEST_NAME
from skinseg_runtime.engine_build import BuildOptions, BuildStep, BuiltEngine, build_and_prove, device_build
from skinseg_runtime.engine_build.device_build import REJECTED_NAME, engines_locked
from skinseg_runtime.engine_build.timing_cache import known_timings
from skinseg_runtime.engine_files.shelf import Shelf
from skinseg_runtime.engines.products import TENSORRT
from skinseg_runtime.engines.tensorrt import TensorRtEngine
from skinseg_runtime.preflight import preflight
from skinseg_runtime.this_device import Device, identify
from tests.fake_device.installing import FakeDevice
from tests.runtime.tiny_bundle import binary_model, photo_and_mask, two_class_model, write_bundle

_FP32 = BuildOptions(precision="fp32", timeout_s=300)
_LATER_S = 1e6

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals of this kind")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKINSEG_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def opened(bundle: Path, fake_device: FakeDevice) -> Bundle:
    """A bundle on a fake Orin."""
    assert fake_device.gpu.live_bytes == 0
    return Bundle.open(bundle)


@pytest.fixture
def served(opened: Bundle) -> BuiltEngine:
    """An engine that is in use."""
    return build_and_prove(opened, _FP32)


def _orin() -> Device:
    return identify(TENSORRT)


def _left_behind(bundle: Bundle) -> list[str]:
    return [path.name for path in (bundle.path / "engines").rglob("*.part")]


def _still_serves(bundle: Bundle, before: BuiltEngine) -> None:
    """Assert that the engine *before* is current, may be used, and gives its masks; and that nothing else is there."""
    found = preflight(bundle, TENSORRT, "fp32", _orin())
    assert (found.state, found.folder) == ("ready", before.folder)
    rows, columns = bundle.contract.input_hw
    dark = np.zeros((1, rows, columns, 3), np.uint8)
    engine = TensorRtEngine(found.plan_bytes(), bundle.contract, TENSORRT)
    try:
        assert engine.infer(dark).min() > 0.99
    finally:
        engine.close()
    assert _left_behind(bundle) == []
    folders = [path for path in before.folder.path.parent.iterdir() if path.is_dir()]
    assert folders == [before.folder.path]


def test_a_build_leaves_a_proved_engine_with_its_records(opened: Bundle) -> None:
    built = build_and_prove(opened, _FP32)

    found = preflight(opened, TENSORRT, "fp32", _orin())
    assert (found.state, found.folder) == ("ready", built.folder)
    assert sorted(path.name for path in built.folder.path.iterdir()) == [
        "model.engine", "model.json", "receipt.json", "seal",
    ]  # fmt: skip
    assert found.plan_bytes().startswith(b"ftrt")
    assert (built.sidecar.onnx_path, built.sidecar.precision, built.sidecar.device) == ("model.onnx", "fp32", _orin())
    assert built.sidecar.profile == {"image": {key: [1, 64, 96, 3] for key in ("min", "opt", "max")}}
    assert built.receipt.accepted
    assert [case["passed"] for case in built.receipt.golden] == [True]
    assert built.receipt.figures["mean_dice"] == pytest.approx(0.9887, abs=1e-4)  # of a mask drawn at photo size
    assert built.trtexec.startswith("trtexec --onnx=model.onnx --stronglyTyped --saveEngine=model.engine ")
    assert "--memPoolSize=workspace:" in built.trtexec
    assert _left_behind(opened) == []


def test_every_phase_is_told_with_a_time_that_never_runs_back(opened: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10**9, 0, -1000))
    monkeypatch.setattr(time, "time", lambda: float(next(clock)))  # the wall clock runs backwards
    steps: list[BuildStep] = []

    build_and_prove(opened, _FP32, steps.append)

    assert {"Reading the ONNX file", "Building engine", "Timing graph nodes", "Golden cases"} <= {
        s.phase for s in steps
    }
    assert [step.elapsed_s for step in steps] == sorted(step.elapsed_s for step in steps)


def test_what_is_newer_is_told_by_a_count_and_not_by_the_date(opened: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build_and_prove(opened, _FP32)
    monkeypatch.setattr(device_build, "today", lambda: "1970-01-01")  # the board's clock lost its battery
    second = build_and_prove(opened, _FP32)
    shelf = Shelf(opened, _orin())

    assert (second.sidecar.date, shelf.current("fp32"), shelf.previous("fp32")) == (
        "1970-01-01", second.folder, first.folder,
    )  # fmt: skip
    assert first.folder.name.removesuffix("-1") == second.folder.name.removesuffix("-2")


def test_a_second_build_knows_what_the_first_one_learned(opened: Bundle) -> None:
    build_and_prove(opened, _FP32)
    once = known_timings(_orin())
    build_and_prove(opened, _FP32)
    twice = known_timings(_orin())

    def kernels(timings: bytes | None) -> int:
        assert timings is not None
        return int(json.loads(timings[timings.index(b"{") :])["kernels"])

    assert kernels(twice) == 2 * kernels(once) > 0


def test_a_damaged_timing_cache_costs_time_and_nothing_else(opened: Bundle, tmp_path: Path) -> None:
    build_and_prove(opened, _FP32)
    (cache,) = (tmp_path / "state" / "timing").iterdir()
    cache.write_bytes(cache.read_bytes()[:-1] + b"?")

    assert build_and_prove(opened, _FP32).receipt.accepted


@posix_only
def test_a_builder_killed_for_want_of_memory_is_told_with_what_helps(
    opened: Bundle, served: BuiltEngine, fake_device: FakeDevice
) -> None:
    fake_device.use(builder={"kill_after_phase": 2})

    with pytest.raises(
        BuildFailed,
        match=r"cannot build the TensorRT engine of tiny\.skinseg: its process was killed in the phase 'Building "
        r"engine from subgraph' .* memory ran out, .* add swap, or give it less with --workspace \(it was \d+ MiB\); "
        r"the engine in use stays$",
    ):
        build_and_prove(opened, _FP32)

    _still_serves(opened, served)


@posix_only
def test_a_build_whose_own_process_was_killed_leaves_the_old_engine_and_is_cleared_up_by_the_next(
    opened: Bundle, served: BuiltEngine, fake_device: FakeDevice
) -> None:
    fake_device.use(builder={"seconds": 600})
    with _building(opened.path) as process:
        process.kill()
        process.wait()
    assert preflight(opened, TENSORRT, "fp32", _orin()).folder == served.folder
    assert len(_left_behind(opened)) == 1

    fake_device.use()
    again = build_and_prove(opened, _FP32)

    assert Shelf(opened, _orin()).current("fp32") == again.folder
    assert _left_behind(opened) == []


def test_golden_cases_that_fail_leave_the_old_engine_and_a_report(
    opened: Bundle, served: BuiltEngine, fake_device: FakeDevice
) -> None:
    fake_device.use(engine={"flip": True})

    with pytest.raises(
        ParityFailed,
        match=r"cannot accept the TensorRT engine of tiny\.skinseg: 1 of 1 golden cases left their tolerance; the "
        r"worst is golden/01\.png with a Dice of 0\.\d{4}, expected at least 0\.9700, .* the engine in use stays$",
    ) as caught:
        build_and_prove(opened, _FP32)

    fake_device.use()
    assert caught.value.exit_code == 1
    _still_serves(opened, served)
    report = json.loads((served.folder.path.parent / REJECTED_NAME).read_text())
    assert (report["schema"], report["golden"][0]["passed"]) == ("skinseg.rejected/1", False)
    assert report["figures"]["mean_dice"] < 0.5
    assert report["engine"]["onnx_path"] == "model.onnx"

    build_and_prove(opened, _FP32)
    assert not (served.folder.path.parent / REJECTED_NAME).exists()


def test_golden_cases_that_fail_the_first_time_leave_no_engine_at_all(opened: Bundle, fake_device: FakeDevice) -> None:
    fake_device.use(engine={"flip": True})

    with pytest.raises(ParityFailed, match=rf"see engines/.*/{REJECTED_NAME}$"):
        build_and_prove(opened, _FP32)

    assert preflight(opened, TENSORRT, "fp32", _orin()).state == "absent"


def test_an_engine_that_cannot_be_loaded_is_not_accepted(
    opened: Bundle, served: BuiltEngine, fake_device: FakeDevice
) -> None:
    fake_device.use(deserialize_returns_none=True)

    with pytest.raises(SkinsegError, match=r"the new engine.*the engine in use stays$") as caught:
        build_and_prove(opened, _FP32)

    fake_device.use()
    assert caught.value.exit_code == 1
    assert (served.folder.path.parent / REJECTED_NAME).exists()
    _still_serves(opened, served)


@pytest.mark.parametrize(
    ("builder", "words"),
    [
        ({"unsupported": ["Sigmoid"]}, r"cannot parse the ONNX file for TensorRT: node .*\(Sigmoid\)"),
        ({"refuse": "no implementation of node 7"}, "Error Code 4: no implementation of node 7"),
        ({"returns_none": True}, "cannot build the TensorRT engine: "),
    ],
)
def test_what_the_builder_refuses_is_told_in_its_own_words(
    builder: dict[str, object], words: str, opened: Bundle, served: BuiltEngine, fake_device: FakeDevice
) -> None:
    fake_device.use(builder=builder)

    with pytest.raises(BuildFailed, match=rf"{words}.*the engine in use stays$"):
        build_and_prove(opened, _FP32)

    fake_device.use()
    _still_serves(opened, served)


@posix_only
def test_of_two_builds_at_once_the_second_is_told_who_is_at_it(
    opened: Bundle, served: BuiltEngine, fake_device: FakeDevice
) -> None:
    fake_device.use(builder={"seconds": 600})
    with _building(opened.path) as process:
        try:
            with pytest.raises(
                DeviceBusy, match=rf"cannot build an engine of tiny\.skinseg: process {process.pid} is at it already"
            ):
                build_and_prove(opened, _FP32)
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait() == 130
    fake_device.use()
    _still_serves(opened, served)


def test_too_little_room_is_told_before_the_build_with_both_figures(
    opened: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(opened.path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=20 << 20))
    steps: list[BuildStep] = []

    with pytest.raises(OutputRefused, match=r"20 MiB are free beside it, expected at least 65 MiB; free some space"):
        build_and_prove(opened, _FP32, steps.append)

    assert steps == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 KiB of its own."""
    place = tmp_path / "small"
    place.mkdir()
    mount = shutil.which("mount")
    asked = mount and [mount, "-t", "tmpfs", "-o", "size=128k", "none", str(place)]
    if not asked or subprocess.run(asked, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs a file system of its own to fill it up, which only root may mount, on Linux")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def _fill(filler: Path) -> None:
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(4096))


def test_a_disk_that_fills_up_while_the_engine_is_written_leaves_the_old_one(
    bundle: Path, small_disk: Path, fake_device: FakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(small_disk)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 30))  # it was free a moment ago
    opened = Bundle.open(shutil.copytree(bundle, small_disk / "tiny.skinseg"))
    served = build_and_prove(opened, _FP32)
    _fill(small_disk / "filler")

    with pytest.raises(
        OutputRefused, match=r"^cannot write .*tiny\.skinseg.*: the disk is full; free some space"
    ) as caught:
        build_and_prove(opened, _FP32)

    assert ".part" not in str(caught.value)
    _still_serves(opened, served)
    assert fake_device.gpu.live_bytes == 0


@posix_only
def test_a_build_that_takes_too_long_is_ended(
    opened: Bundle, served: BuiltEngine, fake_device: FakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_device.use(builder={"seconds": 600})
    real = time.monotonic

    def let_time_pass(step: BuildStep) -> None:
        if step.phase == "Building engine":
            monkeypatch.setattr(time, "monotonic", lambda: real() + _LATER_S)

    with pytest.raises(
        DeadlinePassed,
        match=r"is not done after 300 s, in the phase 'Building engine', .* with --timeout; the engine in use stays$",
    ):
        build_and_prove(opened, _FP32, let_time_pass)

    monkeypatch.setattr(time, "monotonic", real)
    fake_device.use()
    _still_serves(opened, served)


def test_ctrl_c_leaves_everything_as_it_was(opened: Bundle, served: BuiltEngine, fake_device: FakeDevice) -> None:
    fake_device.use(builder={"seconds": 600})

    def press(step: BuildStep) -> None:
        if step.phase == "Building engine":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_and_prove(opened, _FP32, press)

    fake_device.use()
    _still_serves(opened, served)
    with engines_locked(opened, "build"):  # the lock is free
        pass


@pytest.mark.parametrize("missing", [("tensorrt",), ("cuda", "pycuda")])
def test_without_tensorrt_or_cuda_the_missing_tool_is_named(
    missing: tuple[str, ...], opened: Bundle, fake_device: FakeDevice
) -> None:
    fake_device.use(missing=missing)

    with pytest.raises(ToolMissing) as caught:
        build_and_prove(opened, _FP32)

    assert caught.value.exit_code == 3
    assert missing[-1] in str(caught.value)
    assert not (opened.path / "engines").exists()


def test_a_bundle_that_was_replaced_while_it_was_built_is_not_trusted(
    opened: Bundle, served: BuiltEngine, tmp_path: Path
) -> None:
    other = write_bundle(tmp_path / "other.skinseg", model=binary_model(middle=100))
    for name in (MANIFEST_NAME, "model.onnx"):
        shutil.copy(other / name, opened.path / name)

    with pytest.raises(SkinsegError, match="its manifest was replaced since the build began"):
        build_and_prove(opened, _FP32)

    assert Shelf(opened, _orin()).current("fp32") == served.folder


def test_a_network_of_a_free_batch_axis_is_built_for_batches(tmp_path: Path, fake_device: FakeDevice) -> None:
    opened = Bundle.open(write_bundle(tmp_path / "free.skinseg", model=binary_model(batch="N")))

    built = build_and_prove(opened, BuildOptions(precision="fp32", max_batch=4))

    assert "--maxShapes=image:4x64x96x3" in built.trtexec
    assert built.sidecar.profile["image"] == {"min": [1, 64, 96, 3], "opt": [1, 64, 96, 3], "max": [4, 64, 96, 3]}
    assert fake_device.gpu.live_bytes == 0


def test_batches_of_a_network_made_for_one_are_refused(opened: Bundle) -> None:
    with pytest.raises(InputError, match="cannot build for batches of 4: the ONNX file takes 1 at a time"):
        build_and_prove(opened, BuildOptions(precision="fp32", max_batch=4))


def test_an_engine_with_masks_is_proved_by_its_masks_too(opened: Bundle) -> None:
    built = build_and_prove(opened, BuildOptions(precision="fp32", mask_output=True))

    found = preflight(opened, TENSORRT, "fp32", _orin())
    engine = TensorRtEngine(found.plan_bytes(), opened.contract, TENSORRT)
    try:
        assert engine.has_mask
    finally:
        engine.close()
    assert built.sidecar.options["mask_output"] is True


def _of_two_classes(folder: Path) -> Path:
    contract = ModelContract(input_hw=(64, 96), classes=("background", "lesion"))
    return write_bundle(folder, contract=contract, model=two_class_model())


@pytest.mark.parametrize(
    ("make", "options", "kind", "words"),
    [
        (lambda at: write_bundle(at, trained=False), {}, BundleUnusable, "its network is untrained"),
        (lambda at: write_bundle(at, status="failed"), {}, ParityFailed, "its status is 'failed', expected 'verified'"),
        (lambda at: write_bundle(at, golden=None), {}, BundleUnusable, "it has no golden cases"),
        (write_bundle, {"precision": "int8"}, BundleUnusable, "cannot use artefact 'onnx-int8'"),
        (write_bundle, {"precision": "fp16", "dla_core": 0}, BundleUnusable, "cannot use artefact 'onnx-fp16'"),
        (
            write_bundle,
            {"workspace_mib": 10**14},
            InputError,
            "is 100000000000000, expected 1 to 1048576",
        ),
        (write_bundle, {"dla_core": 0}, InputError, "cannot build for DLA 0: a DLA computes in fp16 or int8"),
        (_of_two_classes, {"mask_output": True}, InputError, "it tells 2 classes apart, expected one"),
    ],
)
def test_what_can_be_refused_is_refused_before_anything_is_built(
    make: Callable[[Path], Path],
    options: dict[str, object],
    kind: type[SkinsegError],
    words: str,
    tmp_path: Path,
    fake_device: FakeDevice,
) -> None:
    opened = Bundle.open(make(tmp_path / "a.skinseg"))

    with pytest.raises(kind, match=words):
        build_and_prove(opened, BuildOptions(**{"precision": "fp32", **options}))  # type: ignore[arg-type]  # by name

    assert not (opened.path / "engines").exists()
    assert fake_device.gpu.live_bytes == 0


def test_a_key_that_others_may_read_is_refused_before_the_build(opened: Bundle, tmp_path: Path) -> None:
    build_and_prove(opened, _FP32)
    (tmp_path / "state" / "device.key").chmod(0o644)
    steps: list[BuildStep] = []

    with pytest.raises(InputError, match="so others may read it"):
        build_and_prove(opened, _FP32, steps.append)

    assert steps == []


def _damage(built: BuiltEngine) -> None:
    plan = built.folder.path / "model.engine"
    plan.write_bytes(plan.read_bytes()[:-1])


def test_a_build_over_an_unusable_engine_keeps_the_good_one_before_it(opened: Bundle, served: BuiltEngine) -> None:
    _damage(build_and_prove(opened, _FP32))

    build_and_prove(opened, _FP32)

    before = preflight(opened, TENSORRT, "fp32", _orin(), which="previous")
    assert (before.state, before.folder) == ("ready", served.folder)


def test_an_engine_that_cannot_be_used_is_not_said_to_stay_in_use(
    opened: Bundle, served: BuiltEngine, fake_device: FakeDevice
) -> None:
    _damage(served)
    fake_device.use(builder={"refuse": "no implementation of node 7"})

    with pytest.raises(BuildFailed, match=r"no implementation of node 7$"):
        build_and_prove(opened, _FP32)


def test_links_that_a_foreign_bundle_brings_are_not_written_through(
    opened: Bundle, fake_device: FakeDevice, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("of the user")
    root = Shelf(opened, _orin()).root
    root.mkdir(parents=True)
    for name in ("fp32.json", REJECTED_NAME):
        (root / name).symlink_to(precious)

    fake_device.use(engine={"flip": True})
    with pytest.raises(ParityFailed):
        build_and_prove(opened, _FP32)
    assert json.loads((root / REJECTED_NAME).read_text())["golden"][0]["passed"] is False
    fake_device.use()
    built = build_and_prove(opened, _FP32)

    assert Shelf(opened, _orin()).current("fp32") == built.folder
    assert precious.read_text() == "of the user"


def test_a_report_that_cannot_be_written_does_not_hide_that_the_masks_are_wrong(
    opened: Bundle, fake_device: FakeDevice
) -> None:
    root = Shelf(opened, _orin()).root
    (root / REJECTED_NAME).mkdir(parents=True)  # no file can take its place
    fake_device.use(engine={"flip": True})

    with pytest.raises(ParityFailed, match="1 of 1 golden cases left their tolerance"):
        build_and_prove(opened, _FP32)


@pytest.mark.parametrize("named", ["", "other.pem"])
def test_the_key_that_the_bundle_was_opened_with_is_the_one_that_counts(
    named: str, opened: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKINSEG_TRUSTED_KEY", named)  # as when --trusted-key names another one

    assert build_and_prove(opened, _FP32).receipt.accepted


def test_a_key_that_cannot_be_made_is_told_before_the_build(
    opened: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SKINSEG_STATE_DIR", str(tmp_path / "file" / "state"))
    steps: list[BuildStep] = []

    with pytest.raises(OutputRefused, match=r"cannot write .*state"):
        build_and_prove(opened, _FP32, steps.append)

    assert steps == []


class _building:  # noqa: N801  # reads as a verb where it is used
    """A `skinseg-build` in a process of its own, which has come as far as building."""

    def __init__(self, bundle: Path) -> None:
        code = "from skinseg_runtime.build_cli import main\nmain()\n"
        arguments = ["--engine", "trt", "--precision", "fp32", "--force"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, str(bundle), *arguments], stderr=subprocess.PIPE, text=True, env=environment
        )

    def __enter__(self) -> "subprocess.Popen[str]":
        assert self._process.stderr is not None
        told = []
        for line in self._process.stderr:
            told.append(line)
            if "Building engine" in line:
                return self._process
        raise AssertionError(f"the build ended: {told}")

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()


def test_the_golden_photo_is_one_that_a_flipped_engine_gets_wrong() -> None:
    mask = photo_and_mask()[1]
    assert 0.01 < mask.mean() < 0.5
