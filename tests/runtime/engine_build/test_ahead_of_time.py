"""An engine that came with the bundle is proved on the device, and not built again."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from skinseg_edge.bundle import Bundle, BundleDraft
from skinseg_edge.errors import ParityFailed
from skinseg_edge.manifest import Artefact
from skinseg_runtime.engine_build import BuildOptions, build_and_prove
from skinseg_runtime.engine_build.builder import build
from skinseg_runtime.engine_build.request import BuildRequest
from skinseg_runtime.engine_build.wanted_engine import wanted_engine
from skinseg_runtime.engines.products import TENSORRT_RTX
from skinseg_runtime.engines.tensorrt_library import load
from skinseg_runtime.preflight import preflight
from skinseg_runtime.this_device import identify
from tests.fake_device.installing import FakeDevice
from tests.runtime.tiny_bundle import Checks, write_bundle

_RTX = BuildOptions(engine="trt-rtx", precision="fp32", timeout_s=300)
_CAPABILITIES = ("8.6", "8.9")
_WORKSTATION: dict[str, Any] = {"integrated": False, "compute_capability": [8, 9], "gpu": "fake RTX 40"}


@pytest.fixture
def shipped(tmp_path: Path, fake_device: FakeDevice, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """A bundle with an engine for two kinds of GPU, on one of them."""
    monkeypatch.setenv("SKINSEG_STATE_DIR", str(tmp_path / "state"))
    fake_device.use(**_WORKSTATION)
    plain = Bundle.open(write_bundle(tmp_path / "plain.skinseg"))
    request = BuildRequest(
        workspace_mib=None,
        max_batch=1,
        mask_threshold=None,
        dla_core=None,
        optimization_level=None,
        timing_cache=None,
        compute_capabilities=_CAPABILITIES,
    )
    plan = build(load(TENSORRT_RTX), plain.read("model.onnx"), request, on_step=lambda _: None)
    return _with_engine(plain, plan.data, tmp_path / "shipped.skinseg")


def _with_engine(plain: Bundle, plan: bytes, folder: Path) -> Bundle:
    folder.mkdir()
    draft, manifest = BundleDraft(folder), plain.manifest
    for name in manifest.files:
        draft.add_bytes(name, plain.read(name))
    draft.add_bytes("model.rtx.engine", plan)
    draft.finish(
        name=manifest.name,
        contract=manifest.contract,
        provenance=manifest.provenance,
        artefacts=(*manifest.artefacts, _artefact()),
        golden=manifest.golden,
    )
    return Bundle.open(folder)


def _artefact() -> Artefact:
    checks: Checks = {
        "version": "1.7.1.116",
        "compute_capabilities": ", ".join(_CAPABILITIES),
        "numbers_verified": False,
    }
    return Artefact(name="trt-rtx", path="model.rtx.engine", precision="fp32", status="verified", checks=checks)


def test_the_bundles_own_engine_is_proved_and_not_built(shipped: Bundle, fake_device: FakeDevice) -> None:
    fake_device.use(**_WORKSTATION, builder={"refuse": "nobody shall build"})
    phases: set[str] = set()

    built = build_and_prove(shipped, _RTX, lambda step: phases.add(step.phase))

    assert "Golden cases" in phases
    assert "Building engine" not in phases
    assert (built.sidecar.plan, built.sidecar.sha256) == (
        "model.rtx.engine", shipped.manifest.files["model.rtx.engine"].sha256,
    )  # fmt: skip
    assert sorted(path.name for path in built.folder.path.iterdir()) == ["model.json", "receipt.json", "seal"]
    assert built.trtexec.startswith("tensorrt_rtx --onnx=model.onnx --saveEngine=model.rtx.engine")
    found = preflight(shipped, TENSORRT_RTX, "fp32", identify(TENSORRT_RTX))
    assert (found.state, found.plan_bytes()) == ("ready", shipped.read("model.rtx.engine"))


def test_a_nearly_full_disk_has_room_for_the_records_of_the_bundles_own_engine(
    shipped: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(shipped.path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))

    assert build_and_prove(shipped, _RTX).receipt.accepted


def test_its_masks_decide_like_those_of_any_engine(shipped: Bundle, fake_device: FakeDevice) -> None:
    fake_device.use(**_WORKSTATION, engine={"flip": True})

    with pytest.raises(ParityFailed, match="golden cases left their tolerance"):
        build_and_prove(shipped, _RTX)

    assert preflight(shipped, TENSORRT_RTX, "fp32", identify(TENSORRT_RTX)).state == "absent"


@pytest.mark.parametrize(
    ("options", "device"),
    [
        ({}, {"compute_capability": "12.0"}),
        ({}, {"tensorrt": "1.8.0.5"}),
        ({"workspace_mib": 512}, {}),
        ({"mask_output": True}, {}),
    ],
)
def test_another_gpu_another_version_or_other_options_need_a_build(
    options: dict[str, int], device: dict[str, str], shipped: Bundle
) -> None:
    here = identify(TENSORRT_RTX)
    asked = replace(_RTX, **options)  # type: ignore[arg-type]  # by name

    own = wanted_engine(shipped, _RTX, here)
    other = wanted_engine(shipped, asked, replace(here, **device))  # type: ignore[arg-type]  # by name

    assert own.ahead_of_time == _artefact()
    assert other.ahead_of_time is None
    assert other.key != own.key


def test_a_time_limit_makes_no_other_engine(shipped: Bundle) -> None:
    here = identify(TENSORRT_RTX)

    assert wanted_engine(shipped, replace(_RTX, timeout_s=5), here) == wanted_engine(shipped, _RTX, here)
