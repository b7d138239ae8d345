"""HHBSNet with its six classes: learnt by heart, through every target, and out of the bundle as a class map."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch

from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.label_maps import MELASMA_CLASSES, lesion_classes_of
from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_export import ExportOptions, ExportReport, export_bundle
from skinseg_export.targets import TARGETS
from skinseg_runtime import Segmenter
from tests.edge.networks.overfitting import four_pictures, overfit
from tests.edge.networks.quick_hhbsnet import QUICK_OPTIONS, quick_hhbsnet
from tests.export.one_gpu import ONE_GPU

CONTRACT = ModelContract(input_hw=(64, 64), classes=MELASMA_CLASSES, lesion_classes=lesion_classes_of(MELASMA_CLASSES))

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        network = quick_hhbsnet(6)
    assert overfit(network, classes=6, side=64, steps=40, learning_rate=1e-2) > 0.95
    # Four pictures are no training: the golden faces are new to it, so the tolerances of fresh weights hold.
    checkpoint = Checkpoint(
        network=network, network_name="hhbsnet", contract=CONTRACT, options=QUICK_OPTIONS, trained=False
    )
    return export_bundle(
        checkpoint,
        tmp_path_factory.mktemp("face") / "face.skinseg",
        ExportOptions(targets=TARGETS, compute_capabilities=ONE_GPU),
    )


def test_six_classes_pass_every_target(report: ExportReport) -> None:
    assert report.failures == {}
    made = {artefact.name: artefact.status for artefact in report.manifest.artefacts}
    every = {"onnx", "onnx-fp16", "trt-rtx", "coreml", "triton"}
    assert {missing.artefact for missing in report.missing} | made.keys() == every
    assert set(made.values()) == {"verified"}


def test_its_numbers_stay_near_those_of_torch(report: ExportReport) -> None:
    checks = {artefact.name: artefact.checks for artefact in report.manifest.artefacts}
    assert _figure(checks["onnx"], "max_error") < 1e-4
    # Of faces it has never seen, this network tells nothing for sure: single pixels stray by more.
    assert _figure(checks["onnx-fp16"], "average_error") < 2e-3


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_bundle_gives_back_the_classes_it_learnt(report: ExportReport, precision: str) -> None:
    images, labels = four_pictures(6, 64)
    photo = ((images[0].permute(1, 2, 0) + 1) * 127.5).round().to(torch.uint8).numpy()

    with Segmenter.open(report.path, precision=precision, allow_untrained=True) as segmenter:
        result = segmenter.segment(np.ascontiguousarray(photo))

    truth = labels[0].numpy()  # 40 steps and half precision leave a few pixels on the rims
    assert np.mean(result.class_map == truth) > 0.97
    assert set(np.unique(result.class_map)) == set(range(6))
    assert np.array_equal(result.mask, result.class_map == MELASMA_CLASSES.index("HHB"))


def _figure(checks: Mapping[str, object], name: str) -> float:
    figure = checks[name]
    assert isinstance(figure, float)
    return figure
