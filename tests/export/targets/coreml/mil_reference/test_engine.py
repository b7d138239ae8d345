"""The shipped network's package, evaluated from the bytes that were saved."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.errors import VerificationFailed
from skinseg_export.model_source import load_model
from skinseg_export.targets.coreml.mil_reference import MilEngine, load_program
from skinseg_export.torch_engine import TorchEngine
from tests.export.darkness import CONTRACT
from tests.export.targets.coreml.mil_reference.conversion import saved_network

pytest.importorskip("coremltools", reason="needs the coreml extra")


@pytest.fixture(scope="module")
def darkness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.export.darkness import Darkness

    return saved_network(Darkness(), CONTRACT, tmp_path_factory.mktemp("coreml") / "model.mlpackage")


@pytest.mark.slow
def test_the_shipped_network_s_float32_program_gives_the_network_s_probabilities(tmp_path: Path) -> None:
    model = load_model("scsonet")
    package = saved_network(model.network, model.contract, tmp_path / "model.mlpackage", precision="fp32")
    images = draw(0, model.contract.input_hw).photo[None]

    answer = MilEngine(load_program(package), model.contract).infer(images)

    # 1e-4: the float32 sums of some hundred operations in another order.
    np.testing.assert_allclose(answer, TorchEngine(model.network, model.contract).infer(images), rtol=0, atol=1e-4)


def test_the_engine_takes_pictures_of_the_contract_s_size_only(darkness: Path) -> None:
    engine = MilEngine(load_program(darkness), CONTRACT)

    assert (engine.name, engine.input_hw, engine.classes) == ("coreml-reference", (64, 96), 1)
    assert engine.infer(np.zeros((0, 64, 96, 3), np.uint8)).shape == (0, 1, 64, 96)
    with pytest.raises(ValueError, match=r"images are \(1, 64, 64, 3\) uint8, expected \(N, \(64, 96\), 3\) uint8"):
        engine.infer(np.zeros((1, 64, 64, 3), np.uint8))
    engine.close()


def test_a_program_of_other_classes_than_the_contract_s_is_refused(darkness: Path) -> None:
    contract = ModelContract(input_hw=(64, 96), classes=("skin", "a", "b"), lesion_classes=("a",))
    engine = MilEngine(load_program(darkness), contract)

    with pytest.raises(VerificationFailed, match=r"its shape is \(1, 1, 64, 96\), expected \(1, 3, 64, 96\)"):
        engine.infer(np.zeros((1, 64, 96, 3), np.uint8))


def test_a_program_without_probabilities_is_refused(darkness: Path) -> None:
    program = load_program(darkness)
    unnamed = dataclasses.replace(program, outputs=(dataclasses.replace(program.outputs[0], name="mask"),))

    with pytest.raises(
        VerificationFailed, match=r"cannot run model\.mlpackage: its outputs are mask, expected probability"
    ):
        MilEngine(unnamed, CONTRACT)
