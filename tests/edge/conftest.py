"""A small bundle for the tests of this folder; its files only have names of pictures and graphs."""

import shutil
from pathlib import Path

import pytest

from skinseg_edge.atomic_files import fresh_folder
from skinseg_edge.bundle import BundleDraft
from skinseg_edge.contract import ModelContract
from skinseg_edge.manifest import Artefact, GoldenCase, Manifest, Provenance

_FILES = {
    "model.onnx": b"an fp32 graph",
    "model.fp16.onnx": b"an fp16 graph",
    "model.rtx.engine": b"vtrt native code",
    "model.mlpackage/Manifest.json": b"{}",
    "model.mlpackage/Data/com.apple.CoreML/weights/weight.bin": bytes(100),
    "golden/01.png": b"a photo",
    "golden/01.mask.png": b"a mask",
    "golden/01.probability.png": b"a map",
    "MODEL_CARD.md": "for m\u00e9lanome research".encode(),
}


@pytest.fixture(scope="session")
def provenance() -> Provenance:
    """A trained model's origin."""
    return Provenance(
        network="scsonet",
        network_options={"widths": [8, 16], "attention": True, "note": None},
        checkpoint_sha256="ab" * 32,
        trained=True,
        training_data="ISIC 2018, 2594 pictures",
        code_version="0.2.0",
        tools={"torch": "2.13.0", "onnx": "1.19"},
        created="2025-01-31",
    )


@pytest.fixture(scope="session")
def _bundle_to_copy(tmp_path_factory: pytest.TempPathFactory, provenance: Provenance) -> Path:
    path = tmp_path_factory.mktemp("sealed") / "lesion.skinseg"
    with fresh_folder(path) as folder:
        draft = BundleDraft(folder)
        for relative, data in _FILES.items():
            draft.add_bytes(relative, data)
        draft.finish(
            name="lesion",
            contract=ModelContract(input_hw=(256, 256)),
            provenance=provenance,
            artefacts=[
                Artefact(
                    name="onnx", path="model.onnx", precision="fp32", status="verified", checks={"largest_error": 1e-6}
                ),
                Artefact(
                    name="onnx-fp16",
                    path="model.fp16.onnx",
                    precision="fp16",
                    status="failed",
                    checks={"dice": 0.5, "pictures": 8, "reason": "dice below 0.99", "signed": False},
                ),
                Artefact(name="trt-rtx", path="model.rtx.engine", precision="fp16", status="verified", checks={}),
                Artefact(name="coreml", path="model.mlpackage", precision="fp16", status="verified", checks={}),
            ],
            golden=[
                GoldenCase(
                    image="golden/01.png",
                    mask="golden/01.mask.png",
                    probability="golden/01.probability.png",
                    min_dice=0.99,
                    max_area_drift=0.01,
                )
            ],
            device_plans=[{"device": "orin-nano", "workspace_mib": 512, "flags": ["--fp16"]}],
            calibration=None,
        )
    return path


@pytest.fixture
def bundle_path(tmp_path: Path, _bundle_to_copy: Path) -> Path:
    """A whole, unsigned bundle, which the test may damage."""
    return Path(shutil.copytree(_bundle_to_copy, tmp_path / "lesion.skinseg"))


@pytest.fixture(scope="session")
def manifest(_bundle_to_copy: Path) -> Manifest:
    """The manifest of that bundle."""
    return Manifest.from_bytes((_bundle_to_copy / "manifest.json").read_bytes())
