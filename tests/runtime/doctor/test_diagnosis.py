"""All checks together: a whole board, a bare server, a bundle with and without engines."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from skinseg_edge.errors import ToolMissing
from skinseg_runtime import preflight, this_device
from skinseg_runtime.doctor import CHECKS, Diagnosis, Finding, Host, Library, diagnose
from tests.fake_device.installing import FakeDevice
from tests.runtime.doctor.boards import host, orin, told, write, write_orin


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKINSEG_STATE_DIR", str(tmp_path / "state"))


def _named(diagnosis: Diagnosis, name: str) -> Finding:
    return next(finding for finding in diagnosis.findings if finding.name == name)


def _fake_preflight(monkeypatch: pytest.MonkeyPatch, state: str, finding: str = "") -> list[tuple[object, ...]]:
    asked: list[tuple[object, ...]] = []

    def fake_preflight(bundle: object, product: object, precision: str, device: object) -> SimpleNamespace:
        asked.append((product, precision, device))
        return SimpleNamespace(state=state, finding=finding, remedy="skinseg-build tiny.skinseg")

    monkeypatch.setattr(preflight, "preflight", fake_preflight)
    monkeypatch.setattr(this_device, "identify", lambda product, root: f"this {product.title}")
    return asked


def test_a_well_set_up_board_misses_nothing(tmp_path: Path) -> None:
    write_orin(tmp_path)

    diagnosis = diagnose(orin(tmp_path))

    assert [finding.name for finding in diagnosis.findings] == list(CHECKS)
    assert {finding.status for finding in diagnosis.findings} == {"ok"}
    assert diagnosis.remedies == ()
    assert (diagnosis.runs, diagnosis.builds, diagnosis.exports) == (("onnxruntime", "trt"), ("trt",), ())


def test_a_server_without_a_gpu_runs_masks_and_misses_nothing(tmp_path: Path) -> None:
    diagnosis = diagnose(host(tmp_path))
    assert (diagnosis.missing, diagnosis.runs, diagnosis.builds) == ((), ("onnxruntime",), ())


def test_a_machine_that_exports_says_for_what(tmp_path: Path) -> None:
    versions = {"torch": "2.8", "onnx": "1.17", "onnxscript": "0.4"}
    assert diagnose(host(tmp_path, package_version=versions.get)).exports == ("onnx", "trt", "triton")


def test_a_mac_runs_core_ml_where_python_can_call_it(tmp_path: Path) -> None:
    bridge = {"CoreML": Library("unknown"), "Quartz": Library("unknown")}
    assert diagnose(host(tmp_path, bridge, system="Darwin")).runs == ("onnxruntime", "coreml")
    bare = diagnose(host(tmp_path, system="Darwin"))
    assert bare.runs == ("onnxruntime",)
    assert "pip install 'skinseg-edge[coreml-runtime]'" in bare.remedies


def test_without_opencv_no_photo_is_decoded_so_nothing_runs(tmp_path: Path) -> None:
    diagnosis = diagnose(host(tmp_path, {"cv2": Library(None)}))
    assert diagnosis.runs == ()
    assert [finding.name for finding in diagnosis.missing] == ["opencv"]


def test_what_is_missing_is_mended_before_what_could_be_better(tmp_path: Path) -> None:
    write_orin(tmp_path, memory_gib=2)

    diagnosis = diagnose(orin(tmp_path, {"tensorrt": Library(None), "onnxruntime": Library(None)}))

    statuses = {finding.remedy: finding.status for finding in diagnosis.findings if finding.remedy}
    assert [statuses[remedy] for remedy in diagnosis.remedies] == ["missing", "missing", "warn"]


def test_every_remedy_is_named_once(tmp_path: Path) -> None:
    twice = Finding("a", "warn", "", "do it"), Finding("b", "missing", "", "do it")
    assert Diagnosis(twice, (), (), ()).remedies == ("do it",)


def test_each_check_is_a_step(tmp_path: Path) -> None:
    steps: list[int] = []
    diagnose(host(tmp_path), advance=lambda: steps.append(1))
    assert len(steps) == len(CHECKS) + 1


def test_a_bundle_with_a_proved_engine_is_ready(tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_orin(tmp_path / "board")
    asked = _fake_preflight(monkeypatch, "ready")

    diagnosis = diagnose(orin(tmp_path / "board"), bundle)

    assert _named(diagnosis, "bundle").found == "tiny, 4 files match their hashes"
    assert _named(diagnosis, "engine trt") == Finding("engine trt", "ok", "fp32, proved on this device")
    assert [(precision, device) for _, precision, device in asked] == [("fp32", "this TensorRT")]


def test_a_bundle_without_an_engine_names_the_command_that_builds_one(
    tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_orin(tmp_path / "board")
    _fake_preflight(monkeypatch, "absent", "none was built in fp32")

    finding = _named(diagnose(orin(tmp_path / "board"), bundle), "engine trt")

    assert (finding.status, finding.found) == ("warn", "none was built in fp32")
    assert finding.remedy == "skinseg-build tiny.skinseg"


def test_an_engine_whose_device_cannot_be_told_is_a_warning(
    tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_orin(tmp_path / "board")
    _fake_preflight(monkeypatch, "ready")

    def fake_identify(product: object, root: Path) -> None:
        raise ToolMissing("cannot use TensorRT")

    monkeypatch.setattr(this_device, "identify", fake_identify)

    assert _named(diagnose(orin(tmp_path / "board"), bundle), "engine trt").found == "cannot use TensorRT"


def test_without_a_gpu_no_engine_of_a_bundle_is_looked_for(tmp_path: Path, bundle: Path) -> None:
    diagnosis = diagnose(host(tmp_path / "server", {"tensorrt_rtx": Library("1.7.1")}), bundle)
    assert [finding.name for finding in diagnosis.findings][-1] == "bundle"


def test_a_broken_bundle_is_missing_and_no_engine_of_it_is_looked_at(tmp_path: Path, bundle: Path) -> None:
    write_orin(tmp_path / "board")
    write(bundle, "extra.onnx", "?")

    diagnosis = diagnose(orin(tmp_path / "board"), bundle)

    assert diagnosis.findings[-1].name == "bundle"
    assert diagnosis.findings[-1].status == "missing"
    assert "extra.onnx" in diagnosis.findings[-1].found


def test_a_path_that_names_nothing_is_a_bundle_that_is_missing(tmp_path: Path) -> None:
    diagnosis = diagnose(host(tmp_path), tmp_path / "none.skinseg")
    assert [finding.name for finding in diagnosis.missing] == ["bundle"]


def test_on_a_board_with_cuda_and_tensorrt_the_doctor_reaches_both_and_asks_for_a_build(
    tmp_path: Path, bundle: Path, fake_device: FakeDevice
) -> None:
    write_orin(tmp_path / "board")
    here = Host(root=tmp_path / "board", python=(3, 10))

    diagnosis = diagnose(here, bundle)

    assert told(_named(diagnosis, "tensorrt")) == ("ok", "TensorRT 10.3.0")
    assert _named(diagnosis, "cuda").found.startswith("fake Orin, compute capability 8.7")
    engine = _named(diagnosis, "engine trt")
    assert told(engine) == ("warn", "none was built in fp32")
    assert (engine.remedy or "").startswith("skinseg-build ")


def test_a_name_that_no_file_system_takes_is_a_bundle_that_is_missing(tmp_path: Path) -> None:
    diagnosis = diagnose(host(tmp_path), Path("a" * 5000))
    assert _named(diagnosis, "bundle").status == "missing"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps the current folder from being removed")
def test_a_current_folder_that_is_gone_is_no_end_of_the_doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    assert _named(diagnose(host(tmp_path)), "disk").found == f"20.0 GiB free around {tmp_path}"
