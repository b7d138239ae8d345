"""The five networks, untrained and small: every operator that they need is known, and gives what torch gives."""

from pathlib import Path

import numpy as np
import pytest

from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_export.model_source import Variant, load_model
from skinseg_export.targets.coreml.mil_reference import MilEngine, load_program, operator_kinds
from skinseg_export.torch_engine import TorchEngine
from tests.export.targets.coreml.mil_reference.conversion import saved_network

pytest.importorskip("coremltools", reason="needs the coreml extra")


# One block a stage instead of several alike: every operator is there, in a third of the time.
_NARROW: dict[str, dict[str, object]] = {
    "cmssm": {"channels": 24, "encoder_depths": [1, 1, 1, 1], "decoder_depths": [1, 1, 1, 1], "ratio": 1}
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        (
            "scsonet",
            {"batch_norm", "gelu", "greater_equal", "instance_norm", "max_pool", "select", "upsample_bilinear"},
        ),
        ("hhbsnet", {"clip", "reduce_max", "tile", "transpose", "upsample_bilinear"}),
        ("ulffn", {"avg_pool", "max_pool", "pixel_shuffle", "reduce_mean"}),
        ("unet", {"conv_transpose", "max_pool"}),
        ("cmssm", {"exp", "layer_norm", "linear", "matmul", "pad", "reverse", "sigmoid_hard", "silu", "softplus"}),
    ],
)
def test_a_network_s_program_gives_the_network_s_probabilities(name: str, kinds: set[str], tmp_path: Path) -> None:
    model = load_model(name, untrained=True, variant=Variant(options=_NARROW.get(name, {}), input_size=64))
    program = load_program(saved_network(model.network, model.contract, tmp_path / "m.mlpackage", precision="fp32"))
    picture = draw(0, (64, 64)).photo[None]
    expected = TorchEngine(model.network, model.contract).infer(picture)

    answer = MilEngine(program, model.contract).infer(picture)

    assert kinds <= set(program.kinds) <= set(operator_kinds())
    # An untrained network's probabilities lie close together, so the tolerance is a share of how far they lie apart.
    np.testing.assert_allclose(answer, expected, rtol=0, atol=2e-3 * float(expected.max() - expected.min()))
