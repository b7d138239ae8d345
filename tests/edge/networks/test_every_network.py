"""What holds for each of the five networks: gradients reach its weights, and it comes back from disk as it was."""

from pathlib import Path

import pytest
import torch

from skinseg_edge import load_checkpoint, networks
from skinseg_edge.contract import ModelContract
from skinseg_edge.networks.checkpoint import save_checkpoint

# Narrow variants; what a paper's ablation switches off stands in the second of a network's lines.
VARIANTS = [
    ("scsonet", {}, 1),
    ("scsonet", {"conv_stem": False, "local": "depthwise"}, 2),
    ("unet", {"base": 4}, 1),
    (
        "cmssm",
        {"channels": 8, "ratio": 2, "encoder_depths": [1, 1, 1, 1], "decoder_depths": [1, 1, 1, 1]},
        1,
    ),
    ("cmssm", {"channels": 8, "squeeze": False, "mixing": False, "cross_attention": False}, 3),
    ("ulffn", {"base": 4}, 2),
    ("ulffn", {"base": 4, "aspp": False, "cam": False}, 1),
    ("hhbsnet", {"decoder": 16, "infusion": 8}, 6),
    ("hhbsnet", {"decoder": 16, "gcsa": False, "mcf": False, "infuse": False, "mid_level": False}, 1),
]


@pytest.mark.parametrize(("name", "options", "classes"), VARIANTS)
def test_gradients_reach_the_weights_and_the_weights_come_back_from_disk(
    name: str, options: dict[str, object], classes: int, tmp_path: Path
) -> None:
    network = networks.create(name, classes, **options).train()
    images = torch.randn(2, 3, 64, 64)
    network(images).square().mean().backward()
    gradients = {key: weight.grad for key, weight in network.named_parameters() if weight.grad is not None}
    # SCSONet's hard gates compare, and what only they read gets none.
    assert len(gradients) > 0.8 * len(list(network.parameters()))
    assert all(bool(gradient.isfinite().all()) for gradient in gradients.values())
    assert sum(bool(gradient.any()) for gradient in gradients.values()) > 0.9 * len(gradients)

    names = ("lesion",) if classes == 1 else tuple(f"class {k}" for k in range(classes))
    path = tmp_path / "weights.safetensors"
    contract = ModelContract(input_hw=(64, 64), classes=names)
    save_checkpoint(path, network.state_dict(), network_name=name, contract=contract, options=options)
    loaded = load_checkpoint(path)

    assert loaded.contract == contract
    assert torch.equal(loaded.network(images), network.eval()(images))
