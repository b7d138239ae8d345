"""skinseg-build: an engine, ready or made, rejected or taken back."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from skinseg_edge.bundle import Bundle
from skinseg_edge.contract import ModelContract
from skinseg_runtime.build_cli import main
from skinseg_runtime.engine_build import wanted_engine
from skinseg_runtime.engine_files.shelf import Shelf
from skinseg_runtime.engines.products import TENSORRT
from skinseg_runtime.jetpack import JetPack
from skinseg_runtime.preflight import preflight
from skinseg_runtime.this_device import identify
from tests.fake_device.installing import FakeDevice
from tests.fresh_interpreter import run_python
from tests.runtime.calling import call, error_of, only_object
from tests.runtime.tiny_bundle import binary_model, two_class_model, write_bundle

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals and terminals of this kind")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKINSEG_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def orin(fake_device: FakeDevice) -> FakeDevice:
    return fake_device


def _current(bundle: Path) -> str:
    folder = Shelf(Bundle.open(bundle), identify(TENSORRT)).current("fp32")
    assert folder is not None
    return folder.name


def test_a_build_tells_device_size_trtexec_and_golden_cases(bundle: Path, orin: FakeDevice) -> None:
    result = call(main, bundle)

    assert result.exit_code == 0, result.stderr
    for words in ("fp32-", "built and proved in", "TensorRT 10.3.0, CUDA 12.6", "fake Orin, compute capability 8.7"):
        assert words in result.stdout
    for words in ("MiB", "golden/01.png  0.9887    0.9700", "holds"):
        assert words in result.stdout
    for line in (
        " Reading the ONNX file",
        "Building engine, step",
        "Golden cases",
        "with: trtexec --onnx=model.onnx ",
    ):
        assert line in result.stderr
    assert orin.gpu.live_bytes == 0


def test_quiet_tells_the_result_alone(bundle: Path, orin: FakeDevice) -> None:
    result = call(main, bundle, "-q")

    assert (result.exit_code, result.stderr) == (0, "")
    assert orin.gpu.live_bytes == 0


def test_json_is_one_object_that_says_what_was_built(bundle: Path, orin: FakeDevice) -> None:
    document = only_object(call(main, bundle, "--json").stdout)

    assert (document["schema"], document["ok"], document["built"]) == ("skinseg.build/1", True, True)
    assert (document["engine"], document["version"], document["precision"]) == ("trt", "10.3.0", "fp32")
    assert document["folder"] == f"engines/fake-orin-sm87-trt10.3.0-cuda12.6/{_current(bundle)}"
    assert (document["rolled_back"], document["dla"]) == (False, None)
    golden = document["golden"]
    assert isinstance(golden, list)
    assert golden[0]["passed"] is True
    assert orin.gpu.live_bytes == 0


def test_an_engine_that_is_ready_is_not_built_again_unless_forced(bundle: Path, orin: FakeDevice) -> None:
    first = only_object(call(main, bundle, "--json").stdout)
    orin.use(builder={"refuse": "nobody shall build"})
    ready = call(main, bundle)
    again = only_object(call(main, bundle, "--json").stdout)
    forced = call(main, bundle, "--force")
    other = call(main, bundle, "--workspace", "64")

    assert ready.exit_code == 0
    assert "such an engine is there already; --force builds another" in ready.stderr
    assert ("ready" in ready.stdout, again["built"], again["folder"]) == (True, False, first["folder"])
    assert (forced.exit_code, other.exit_code) == (1, 1)  # other options make another engine
    assert "nobody shall build" in forced.stderr


def test_half_precision_is_the_usual_one_where_the_bundle_has_it(tmp_path: Path, orin: FakeDevice) -> None:
    bundle = write_bundle(tmp_path / "b.skinseg", forms={"fp16": binary_model()})
    failed = write_bundle(tmp_path / "c.skinseg", forms={"fp16": binary_model()}, failed=("fp16",))

    found = [only_object(call(main, path, "--json").stdout)["precision"] for path in (bundle, failed)]

    assert found == ["fp16", "fp32"]
    assert orin.gpu.live_bytes == 0


def test_wrong_masks_end_with_1_and_the_engine_before_serves_on(bundle: Path, orin: FakeDevice) -> None:
    call(main, bundle)
    before = _current(bundle)
    orin.use(engine={"flip": True})

    result = call(main, bundle, "--force", "--json")

    orin.use()
    error = error_of(result)
    assert (result.exit_code, error["kind"], error["exit_code"]) == (1, "ParityFailed", 1)
    assert "golden cases left their tolerance" in str(error["message"])
    assert _current(bundle) == before
    assert preflight(Bundle.open(bundle), TENSORRT, "fp32", identify(TENSORRT)).state == "ready"


def test_a_roll_back_makes_the_engine_before_current(bundle: Path, orin: FakeDevice) -> None:
    call(main, bundle)
    first = _current(bundle)
    call(main, bundle, "--force")
    assert _current(bundle) != first

    result = call(main, bundle, "--rollback")
    again = call(main, bundle, "--rollback")

    assert (result.exit_code, "went back to" in result.stdout, _current(bundle)) == (0, True, first)
    assert again.exit_code == 1
    assert (
        "cannot go back to an earlier engine of tiny.skinseg: none in fp32 is kept beside the current one"
        in again.stderr
    )
    assert again.stderr.rstrip().endswith(" --force makes another engine")
    assert orin.gpu.live_bytes == 0


def test_an_engine_that_may_not_be_used_is_nothing_to_go_back_to(bundle: Path, orin: FakeDevice) -> None:
    call(main, bundle)
    first = _current(bundle)
    call(main, bundle, "--force")
    second = _current(bundle)
    (plan,) = bundle.glob(f"engines/*/{first}/model.engine")
    plan.write_bytes(plan.read_bytes()[:-1] + b"?")

    result = call(main, bundle, "--rollback")

    assert (result.exit_code, _current(bundle)) == (1, second)
    assert "its bytes differ from those that were proved on this device" in result.stderr
    assert orin.gpu.live_bytes == 0


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (
            ("tensorrt", "tensorrt_rtx"),
            "Python finds neither tensorrt nor tensorrt_rtx; on a Jetson install JetPack's own",
        ),
        (("cuda", "pycuda"), "pycuda"),
    ],
)
def test_a_missing_tool_ends_with_3(missing: tuple[str, ...], words: str, bundle: Path, orin: FakeDevice) -> None:
    orin.use(missing=missing)

    result = call(main, bundle)

    assert result.exit_code == 3
    assert words in result.stderr
    assert not (bundle / "engines").exists()


def test_tensorrt_rtx_is_taken_where_it_alone_is_installed(bundle: Path, orin: FakeDevice) -> None:
    orin.use(missing=("tensorrt",), integrated=False, compute_capability=[8, 9])

    document = only_object(call(main, bundle, "--json").stdout)

    assert (document["engine"], document["version"]) == ("trt-rtx", "1.7.1.116")
    assert str(document["trtexec"]).startswith("tensorrt_rtx --onnx=model.onnx ")
    assert "--computeCapabilities=89" in str(document["trtexec"])


def test_a_build_for_a_dla_says_which_layers_stay_on_the_gpu(
    tmp_path: Path, orin: FakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = JetPack(l4t="36.4.3", jetpack="6.2", soc="tegra234", board="Jetson AGX Orin", part="p3701-0000")
    monkeypatch.setattr(wanted_engine, "read_jetpack", lambda _: board)
    model, contract = two_class_model(), ModelContract(input_hw=(64, 96), classes=("background", "lesion"))
    bundle = write_bundle(tmp_path / "b.skinseg", contract=contract, model=model, forms={"fp16": model})

    result = call(main, bundle, "--dla", "1")
    report = only_object(call(main, bundle, "--dla", "1", "--force", "--json").stdout)["dla"]

    assert result.exit_code == 0, result.stderr
    assert re.search(r"DLA +\d of \d layers on DLA 1, entered 1 times; on the GPU: .*\(CAST\)", result.stdout)
    assert "--useDLACore=1 --allowGPUFallback" in result.stderr
    assert isinstance(report, dict)
    assert {layer["on_dla"] for layer in report["layers"]} == {True, False}
    assert orin.gpu.live_bytes == 0


def test_help_waits_for_no_library_but_click() -> None:
    code = """
import sys
from skinseg_runtime.build_cli import main
main(["--help"], standalone_mode=False)
heavy = ("numpy", "cv2", "onnxruntime", "rich", "tensorrt", "tensorrt_rtx", "cuda", "pycuda")
print([name for name in heavy if name in sys.modules], file=sys.stderr)
"""
    assert run_python(code).stderr == "[]\n"


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry), "TERM": "xterm"}


_COMMAND = [sys.executable, "-c", "from skinseg_runtime.build_cli import main\nmain()\n"]


@posix_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_a_request_to_end_leave_nothing_behind(
    number: signal.Signals, bundle: Path, orin: FakeDevice
) -> None:
    orin.use(builder={"seconds": 600})
    command = [*_COMMAND, str(bundle), "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment()
    ) as process:
        assert process.stderr is not None
        assert any("Building engine" in line for line in process.stderr)
        process.send_signal(number)
        stdout, _ = process.communicate()

    assert process.returncode == 130
    assert json.loads(stdout)["error"]["kind"] == "Interrupted"
    assert [path.name for path in bundle.glob("engines/**/*")] == [".lock"]


@posix_only
def test_on_a_terminal_a_bar_shows_the_phase_and_the_time(bundle: Path, orin: FakeDevice) -> None:
    import pty  # Windows has none

    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*_COMMAND, str(bundle)], stdout=subprocess.DEVNULL, stderr=theirs, env=_environment()
    ) as process:
        os.close(theirs)
        shown = _everything(ours)
    assert process.returncode == 0
    assert "\x1b[" in shown
    assert "Starting" in shown
    assert "0:00:0" in shown
    assert orin.gpu.live_bytes == 0


def _everything(descriptor: int) -> str:
    parts = []
    try:
        while part := os.read(descriptor, 4096):
            parts.append(part)
    except OSError:  # Linux's word for the end of a terminal
        pass
    os.close(descriptor)
    return b"".join(parts).decode(errors="replace")
