"""Baselines from MONAI leave as ONNX like the project's own networks."""

import numpy as np
import pytest

from skinseg_edge import networks
from skinseg_edge.contract import ModelContract
from skinseg_export.onnx_from_torch import onnx_from_torch
from skinseg_export.torch_engine import TorchEngine
from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine


@pytest.mark.slow
@pytest.mark.parametrize("name", ["unet++", "attention-unet"])
def test_onnx_gives_the_probabilities_of_torch(name: str) -> None:
    pytest.importorskip("monai", reason="MONAI is not installed (pip install monai)")
    contract = ModelContract(input_hw=(64, 64), classes=("skin", "lesion"))
    network = networks.create(name, 2, base=4)
    images = np.random.default_rng(3).integers(0, 256, (1, 64, 64, 3), np.uint8)
    expected = TorchEngine(network, contract).infer(images)

    exported = onnx_from_torch(network, contract)

    engine = OnnxRuntimeEngine(exported.model.SerializeToString(), contract, threads=1)
    np.testing.assert_allclose(engine.infer(images), expected, atol=1e-4)
