"""Which classes count as lesion, on its way from a checkpoint through a bundle to a mask."""

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from skinseg_edge import networks
from skinseg_edge.bundle import Bundle
from skinseg_edge.image_io import decode_mask
from skinseg_edge.networks import registry
from skinseg_edge.networks.checkpoint import load_checkpoint, save_checkpoint
from skinseg_export import ExportOptions, ExportReport, export_bundle
from skinseg_export.card import model_card
from skinseg_export.targets.coreml.build import mlpackage_from_torch
from skinseg_export.targets.coreml.verify import verify_mlpackage
from skinseg_runtime import Segmenter
from skinseg_runtime.verification import golden_outcomes
from tests.export.darkness import CONTRACT, FACE_CONTRACT, Levels


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    folder = tmp_path_factory.mktemp("levels")
    networks.register("levels", Levels)
    try:
        save_checkpoint(
            folder / "levels.safetensors", Levels().state_dict(), network_name="levels", contract=FACE_CONTRACT
        )
        checkpoint = load_checkpoint(folder / "levels.safetensors")
    finally:
        del registry._factories["levels"]
    return export_bundle(checkpoint, folder / "face.skinseg", ExportOptions(targets=("onnx",)))


def grey_steps() -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """Draw six stripes, from white to black: every class from the left to the right."""
    stripe = np.repeat(np.linspace(255, 0, 6).round().astype(np.uint8), 20)
    return np.ascontiguousarray(np.broadcast_to(stripe[None, :, None], (90, 120, 3)))


def test_checkpoint_manifest_and_graph_carry_the_lesion_classes(report: ExportReport) -> None:
    bundle = Bundle.open(report.path)

    assert report.failures == {}
    assert bundle.contract == FACE_CONTRACT
    model = onnx.load_from_string(bundle.read("model.onnx"))
    stored = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(stored["skinseg.contract"])["lesion_classes"] == ["HHB"]


def test_the_runtime_takes_the_lesion_classes_alone_for_lesion(report: ExportReport) -> None:
    photo = grey_steps()
    with Segmenter.open(report.path) as segmenter:
        result = segmenter.segment(photo)

    middles = result.class_map[:, 10::20]
    assert np.array_equal(middles, np.broadcast_to(np.arange(6, dtype=np.uint8), middles.shape))
    assert np.array_equal(result.mask, result.class_map == 2)
    assert result.mask.any()


def test_golden_masks_hold_the_lesion_classes_and_come_out_again(report: ExportReport) -> None:
    bundle = Bundle.open(report.path)
    for precision in ("fp32", "fp16"):
        with Segmenter.open(bundle, precision=precision) as segmenter:
            assert all(outcome.passed for outcome in golden_outcomes(bundle, segmenter))
            case = bundle.manifest.golden[0]
            result = segmenter.segment(bundle.read(case.image))
    # The stored probability is that of lesion, at network size.
    stored = cv2.imread(str(report.path / case.probability), cv2.IMREAD_UNCHANGED)
    assert stored is not None
    np.testing.assert_allclose(stored / 65535, result.network_probability[2], atol=0.01)
    assert decode_mask(bundle.read(case.mask)).any()


def test_the_card_names_classes_and_lesions(report: ExportReport) -> None:
    card = (report.path / "MODEL_CARD.md").read_text()
    assert "- Classes: BACKGROUND, ET, HHB, XB, LF, RF, the most probable one; of these count as lesion: HHB\n" in card


def test_the_card_of_a_binary_network_names_its_threshold(report: ExportReport) -> None:
    manifest = report.manifest
    card = model_card("lesion", CONTRACT, manifest.provenance, manifest.artefacts, card=None, golden=())
    assert "- Classes: lesion, from a probability of 0.4\n" in card


def test_the_core_ml_package_tells_an_app_which_classes_are_lesions(tmp_path: Path) -> None:
    pytest.importorskip("coremltools", reason="needs the coreml extra")
    from coremltools.models import MLModel

    package = tmp_path / "model.mlpackage"
    network = Levels()
    mlpackage_from_torch(network, FACE_CONTRACT, package)

    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert verify_mlpackage(package, FACE_CONTRACT, parameters=parameters)["specification_version"] == 8
    description = MLModel(str(package), skip_model_load=True).get_spec().description
    assert description.output[0].shortDescription == (
        "probability of BACKGROUND, ET, HHB, XB, LF, RF, (1, 6, 64, 64), 0 to 1; "
        "a pixel belongs to the class that has the highest; lesion: HHB"
    )
    assert json.loads(description.metadata.userDefined["skinseg.contract"])["lesion_classes"] == ["HHB"]
