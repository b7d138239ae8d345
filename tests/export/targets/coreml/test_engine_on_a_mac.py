"""On a Mac, the runtime's Core ML engine gives what the network gives; elsewhere this says that it was not tried."""

import platform
from pathlib import Path

import numpy as np
import pytest

from skinseg_export.targets.coreml.build import mlpackage_from_torch
from skinseg_export.torch_engine import TorchEngine
from skinseg_runtime.device_receipt import COMPUTE_UNITS
from skinseg_runtime.engines.coreml import CoremlEngine
from tests.export.darkness import CONTRACT, Darkness


@pytest.mark.needs_macos
@pytest.mark.parametrize("units", COMPUTE_UNITS)
def test_a_package_gives_the_networks_probabilities_on_every_compute_unit(
    tmp_path: Path, reference: TorchEngine, units: str
) -> None:
    if platform.system() != "Darwin":
        pytest.skip("needs macOS: Core ML runs nowhere else")
    pytest.importorskip("CoreML", reason="needs the extra coreml-runtime")
    package = tmp_path / "model.mlpackage"
    mlpackage_from_torch(Darkness(), CONTRACT, package)
    images = np.random.default_rng(0).integers(0, 256, (2, *CONTRACT.input_hw, 3), dtype=np.uint8)

    engine = CoremlEngine(package, CONTRACT, compute_units=units)
    probability = engine.infer(images)
    engine.close()

    # Half precision: three digits.
    np.testing.assert_allclose(probability, reference.infer(images), atol=5e-3)
