"""Each fault of an engine is named in one sentence, with the command that mends it, before anything is loaded."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import BundleUnusable, EngineUnusable, SignatureInvalid
from skinseg_edge.signing import generate_key
from skinseg_runtime import preflight as preflight_module
from skinseg_runtime.engine_files.engine_folder import EngineFolder, sealed_records
from skinseg_runtime.engine_files.receipt import Receipt
from skinseg_runtime.engine_files.shelf import Shelf
from skinseg_runtime.engine_files.sidecar import Sidecar
from skinseg_runtime.engines.products import TENSORRT, TENSORRT_RTX
from skinseg_runtime.preflight import Preflight, preflight
from skinseg_runtime.this_device import Device
from tests.runtime.made_engines import ORIN, RTX, made_plan, made_receipt, made_sidecar, publish
from tests.runtime.tiny_bundle import binary_model, write_bundle

Harm: TypeAlias = Callable[[EngineFolder, Bundle], None]

_PLAN = made_plan()


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SKINSEG_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "state"


@pytest.fixture
def opened(bundle: Path) -> Bundle:
    return Bundle.open(bundle)


def _look(bundle: Bundle, device: Device = ORIN, precision: str = "fp32") -> Preflight:
    return preflight(bundle, TENSORRT, precision, device)


def _plan(change: Callable[[bytes], bytes]) -> Harm:
    def harm(folder: EngineFolder, bundle: Bundle) -> None:
        path = folder.path / "model.engine"
        path.write_bytes(change(path.read_bytes()))

    return harm


def _sealed(folder: EngineFolder, sidecar: Sidecar, receipt: Receipt) -> None:
    """Write records that this device's key vouches for, as no builder of ours would."""
    for name, data in sealed_records(sidecar, receipt).items():
        (folder.path / name).write_bytes(data)


def _resealed(**changes: Any) -> Harm:
    def harm(folder: EngineFolder, bundle: Bundle) -> None:
        sidecar = made_sidecar(bundle, _PLAN)
        _sealed(folder, replace(sidecar, **changes), made_receipt(sidecar))

    return harm


def _with_receipt(**changes: Any) -> Harm:
    def harm(folder: EngineFolder, bundle: Bundle) -> None:
        sidecar = made_sidecar(bundle, _PLAN)
        _sealed(folder, sidecar, made_receipt(sidecar, **changes))

    return harm


def _another_plan(plan: bytes) -> Harm:
    """Put another plan there with records of its own."""

    def harm(folder: EngineFolder, bundle: Bundle) -> None:
        (folder.path / "model.engine").write_bytes(plan)
        sidecar = made_sidecar(bundle, plan)
        _sealed(folder, sidecar, made_receipt(sidecar))

    return harm


def _without(name: str) -> Harm:
    return lambda folder, bundle: (folder.path / name).unlink()


def _another_key(folder: EngineFolder, bundle: Bundle) -> None:
    (Path(os.environ["SKINSEG_STATE_DIR"]) / "device.key").write_bytes(b"k" * 32)


def test_a_proved_engine_is_ready_and_its_bytes_are_those_that_were_checked(opened: Bundle) -> None:
    folder = publish(opened, _PLAN)

    found = _look(opened)
    (folder.path / "model.engine").write_bytes(b"changed after the check")

    assert (found.state, found.finding) == ("ready", "")
    assert found.sentence == "the TensorRT engine of tiny.skinseg is ready: fp32, proved on this device"
    assert found.plan_bytes() == _PLAN
    assert found.folder == folder
    assert found.sidecar
    assert found.sidecar.options["max_batch"] == 1
    assert found.receipt
    assert found.receipt.accepted


def test_an_engine_that_was_never_built_is_absent(opened: Bundle) -> None:
    found = _look(opened)

    assert found.state == "absent"
    assert found.sentence == (
        "cannot use the TensorRT engine of tiny.skinseg: none was built in fp32; run skinseg-build tiny.skinseg"
    )
    with pytest.raises(EngineUnusable, match=r"none was built in fp32; run skinseg-build tiny\.skinseg"):
        found.plan_bytes()


@pytest.mark.parametrize(
    ("harm", "finding"),
    [
        (_plan(lambda plan: plan[:-1] + b"X"), "its bytes differ from those that were proved on this device"),
        (_plan(lambda plan: plan[:-3]), "it has 68 bytes, its record says 71"),
        (_plan(lambda plan: plan + b"more"), "it has 75 bytes, its record says 71"),
        (_plan(lambda plan: b""), "it has 0 bytes, its record says 71"),
        (_without("model.engine"), "its model.engine is missing"),
        (_without("seal"), "seal: nothing is there"),
        (_without("receipt.json"), "receipt.json: nothing is there"),
        (_without("model.json"), "model.json: nothing is there"),
        (_another_key, "this device did not seal it, so it was built on another or changed since"),
        (_with_receipt(accepted=False), "the golden cases failed through it"),
        (_with_receipt(engine_sha256="0" * 64), "its receipt is of another plan"),
        (_resealed(precision="fp16"), "it is built in fp16, expected fp32"),
        (
            _resealed(device=replace(ORIN, tensorrt="10.16.2")),
            "it was built with TensorRT 10.16.2, this device has 10.3.0",
        ),
        (_resealed(device=replace(ORIN, gpu="Thor")), "it was built for the GPU Thor, this device has Orin"),
        (
            _resealed(device=replace(ORIN, memory_bytes=16 << 30)),
            "it was built on a GPU with 16.0 GiB, this",
        ),
        (_resealed(onnx_sha256="0" * 64), "it was built of model.onnx with SHA-256 000000000000..., the bundle has"),
        (_resealed(bundle_sha256="0" * 64), "it was proved with the golden cases of manifest 000000000000..., the"),
        (_another_plan(made_plan(magic=b"vtrt")), "it is an engine of TensorRT-RTX, expected one of TensorRT"),
        (
            _another_plan(made_plan(version=(10, 7, 0, 23))),
            "it was built with TensorRT 10.7.0.23, this device has 10.3.0",
        ),
        (_another_plan(made_plan() + b"tail"), "it has 75 bytes, its header says 71, so it was cut off or added to"),
        (_another_plan(b"ftrt"), "it begins with b'ftrt' and has 4 bytes, expected b'ftrt' and at least 64"),
        (_another_plan(b"ONNX" * 30), "it begins with b'ONNX' and has 120 bytes"),
    ],
)
def test_a_fault_is_named_with_the_command_that_mends_it(opened: Bundle, harm: Harm, finding: str) -> None:
    folder = publish(opened, _PLAN)
    harm(folder, opened)

    found = _look(opened)

    assert found.state == "unusable"
    assert finding in found.finding
    assert found.sentence == (
        f"cannot use the TensorRT engine of tiny.skinseg: {found.finding}; run skinseg-build tiny.skinseg"
    )
    assert found.remedy == "skinseg-build tiny.skinseg"
    with pytest.raises(EngineUnusable, match="cannot use the TensorRT engine"):
        found.plan_bytes()


def test_an_engine_of_another_version_is_told_from_its_own_folder(opened: Bundle) -> None:
    publish(opened, _PLAN)  # by JetPack 6.2, before the update

    found = _look(opened, replace(ORIN, tensorrt="10.16.2", cuda="13.2", jetpack="7.2"))

    assert found.state == "unusable"
    assert found.sentence == (
        "cannot use the TensorRT engine of tiny.skinseg: it was built with TensorRT 10.3.0, this device has 10.16.2; "
        "run skinseg-build tiny.skinseg"
    )


def test_of_other_devices_engines_the_most_alike_is_told(opened: Bundle) -> None:
    publish(opened, _PLAN, replace(ORIN, gpu="A Thor", compute_capability="11.0"))
    publish(opened, _PLAN, replace(ORIN, cuda="12.9"))
    publish(opened, _PLAN, RTX)

    assert _look(opened).finding == "it was built with CUDA 12.9, this device has 12.6"


def test_what_another_device_says_of_itself_cannot_steer_the_terminal(opened: Bundle) -> None:
    folder = publish(opened, _PLAN, replace(ORIN, gpu="Thor"))
    sidecar = folder.path / "model.json"
    document = json.loads(sidecar.read_bytes())
    document["device"]["gpu"] = "\x1b[2JOrin"
    sidecar.write_text(json.dumps(document))

    assert "\x1b" not in _look(opened).sentence


def test_damaged_engines_of_other_devices_are_passed_over(opened: Bundle) -> None:
    folder = publish(opened, _PLAN, replace(ORIN, gpu="Thor"))
    (folder.path / "model.json").write_bytes(b"{")

    assert _look(opened).state == "absent"


def test_an_engine_copied_from_another_board_with_the_folder_is_refused(
    opened: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(opened, _PLAN)
    monkeypatch.setenv("SKINSEG_STATE_DIR", str(tmp_path / "the other board"))

    assert _look(opened).finding == "this device did not seal it, so it was built on another or changed since"


def test_a_bundle_that_was_exported_again_needs_a_new_proof(opened: Bundle, tmp_path: Path) -> None:
    publish(opened, _PLAN)
    other = write_bundle(tmp_path / "again" / "tiny.skinseg", model=binary_model(middle=120))
    shutil.copytree(opened.path / "engines", other / "engines")

    found = _look(Bundle.open(other))

    assert found.finding.startswith("it was built of model.onnx with SHA-256")
    assert found.remedy == f"skinseg-build {Path('again/tiny.skinseg')}"


def test_a_key_that_others_may_read_is_told_in_its_own_words(opened: Bundle, state: Path) -> None:
    publish(opened, _PLAN)
    if os.name == "nt":
        pytest.skip("Windows has no such modes")
    (state / "device.key").chmod(0o644)

    found = _look(opened)

    assert found.state == "unusable"
    assert found.sentence.startswith("cannot use this device's key")
    assert "so others may read it" in found.sentence


def test_a_damaged_pointer_is_told(opened: Bundle) -> None:
    publish(opened, _PLAN)
    (Shelf(opened, ORIN).root / "fp32.json").write_bytes(b"{")

    found = _look(opened)

    assert found.state == "unusable"
    assert "it is no strict JSON" in found.finding
    assert found.sentence.endswith("; run skinseg-build tiny.skinseg")


def test_an_unsigned_bundle_is_refused_before_its_engines_are_looked_at(opened: Bundle, tmp_path: Path) -> None:
    publish(opened, _PLAN)
    pytest.importorskip("cryptography", reason="signatures need the package cryptography")
    generate_key(tmp_path / "private.pem", tmp_path / "public.pem")

    with pytest.raises(SignatureInvalid, match=r"holds no manifest\.sig, and this device accepts signed bundles only"):
        Bundle.open(opened.path, trusted_key=tmp_path / "public.pem")


def test_the_engine_before_is_looked_at_alike(opened: Bundle) -> None:
    first = publish(opened, _PLAN)
    publish(opened, made_plan(b"new"))

    found = preflight(opened, TENSORRT, "fp32", ORIN, which="previous")
    assert (found.state, found.folder) == ("ready", first)

    (first.path / "model.engine").write_bytes(b"")
    found = preflight(opened, TENSORRT, "fp32", ORIN, which="previous")
    assert found.sentence.startswith("cannot use the earlier TensorRT engine of tiny.skinseg: it has 0 bytes")


def test_there_may_be_no_engine_before(opened: Bundle) -> None:
    publish(opened, _PLAN)

    assert preflight(opened, TENSORRT, "fp32", ORIN, which="previous").state == "absent"


def test_a_builder_that_never_rests_is_given_up_on(opened: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(opened, _PLAN)
    examined = preflight_module._examined

    def always_swapped(folder: EngineFolder, *rest: object) -> Preflight:
        publish(opened, _PLAN)
        publish(opened, _PLAN)
        return examined(folder, *rest)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(preflight_module, "_examined", always_swapped)

    assert _look(opened).state == "unusable"


def test_a_builder_that_swaps_engines_meanwhile_disturbs_nobody(
    opened: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(opened, _PLAN)
    examined = preflight_module._examined
    new = made_plan(b"new")
    swaps = iter([True, False])

    def swapped_meanwhile(folder: EngineFolder, *rest: object) -> Preflight:
        if next(swaps):
            publish(opened, new)
            publish(opened, new)  # now the first one is gone
        return examined(folder, *rest)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(preflight_module, "_examined", swapped_meanwhile)

    assert _look(opened).plan_bytes() == new


def test_the_command_names_what_is_not_usual(tmp_path: Path) -> None:
    both = Bundle.open(write_bundle(tmp_path / "two words.skinseg", forms={"fp16": binary_model()}))

    assert _look(both, precision="fp16").remedy == "skinseg-build 'two words.skinseg'"
    assert _look(both, precision="fp32").remedy == "skinseg-build 'two words.skinseg' --precision fp32"
    rtx = preflight(both, TENSORRT_RTX, "fp16", RTX)
    assert rtx.remedy == "skinseg-build 'two words.skinseg' --engine trt-rtx"
    assert rtx.sentence.startswith("cannot use the TensorRT-RTX engine of two words.skinseg: none was built in fp16")


def test_a_precision_that_the_bundle_lacks_is_wrong_use(opened: Bundle) -> None:
    with pytest.raises(BundleUnusable, match="cannot use artefact 'onnx-int8'"):
        _look(opened, precision="int8")
