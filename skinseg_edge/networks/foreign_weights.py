"""Weights that others trained, under the names that others gave them.

Known are torchvision's MobileNetV2, which fits HHBSNet's backbone, and the public SCSONet
(github.com/Haoyu1Chen/SCSONet at b0433c8). Weights of `DataParallel` lose its `module.` in front.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import CheckpointMismatch, FileMissing
from skinseg_edge.networks.weight_file import fill, read_weights

__all__ = ["load_initial_weights", "renamed", "usual_contract"]

_BACKBONE = "backbone."
_WRAPPER = "module."
_TORCHVISION_HEAD = ("features.18.", "classifier.")  # the 1280 channels and the classes of ImageNet

# Public name -> name here, for whole parts of a name; each is tried in turn.
_SCSONET_PARTS = (
    (r"^ebn([1-5])\.", lambda found: f"encoder_norms.{int(found[1]) - 1}."),
    (r"^dbn([1-5])\.", lambda found: f"decoder_norms.{int(found[1]) - 1}."),
    (r"^final\.", lambda _: "head."),
    (r"^scab\.satt\.shared_conv2d\.0\.", lambda _: "bridge.spatial."),
    (r"^scab\.catt\.get_all_att\.", lambda _: "bridge.mix_levels."),
    (r"^scab\.catt\.att([1-5])\.", lambda found: f"bridge.channel.{int(found[1]) - 1}."),
    # The reference wraps single convolutions in a Sequential.
    (r"^(encoder[123]|decoder[45])\.0\.", lambda found: f"{found[1]}."),
    (r"\.attention\.fc\.", lambda _: ".squeeze."),
    (r"\.attention\.bn\.", lambda _: ".norm."),
    (r"\.attention\.(channel|filter|spatial|kernel)_fc\.", lambda found: f".{found[1]}_attention."),
    (r"\.SRU\.gn\.", lambda _: ".0."),
    (r"\.CRU\.squeeze1\.", lambda _: ".1.squeeze_rich."),
    (r"\.CRU\.squeeze2\.", lambda _: ".1.squeeze_cheap."),
    (r"\.CRU\.GWC\.", lambda _: ".1.grouped."),
    (r"\.CRU\.PWC1\.", lambda _: ".1.pointwise_rich."),
    (r"\.CRU\.PWC2\.", lambda _: ".1.pointwise_cheap."),
    (r"\.partial_conv3\.", lambda _: ".convolution."),
    (r"\.3\.gn\.", lambda _: ".3.norm."),
    (r"\.3\.conv1x1\.", lambda _: ".3.directional."),
    (r"\.3\.conv3x3\.", lambda _: ".3.local."),
)


def renamed(network_name: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return *state* under the names of this project's *network_name*; names that nobody knows stay as they are.

    The names of torchvision's MobileNetV2 become those of HHBSNet's backbone, and its head is left out.
    """
    bare = _without_wrapper(state)
    if network_name == "hhbsnet" and _is_torchvision_mobilenet(bare):
        return {_BACKBONE + name: weight for name, weight in bare.items() if not name.startswith(_TORCHVISION_HEAD)}
    if network_name == "scsonet" and _is_public_scsonet(bare):
        return dict(_scsonet_weight(name, weight) for name, weight in bare.items())
    return bare


def usual_contract(network_name: str, state: Mapping[str, Tensor]) -> ModelContract:
    """Return the contract that foreign weights were trained for, as far as their names tell: 256 x 256 px, one class.

    The public SCSONet reads values of 0 to 255. Its script stretches each photo to that range at first, by its darkest
    and brightest value; a contract cannot say so, and for a photo with some black and some white it is the same.
    """
    if network_name == "scsonet" and _is_public_scsonet(_without_wrapper(state)):
        return ModelContract(input_hw=(256, 256), mean=(0.0, 0.0, 0.0), std=(1 / 255, 1 / 255, 1 / 255))
    return ModelContract(input_hw=(256, 256))


def load_initial_weights(network: nn.Module, network_name: str, path: str | Path) -> str:
    """Fill *network*, a fresh *network_name*, with what the file at *path* holds; return in words what that was.

    The file holds all of the network's weights, or its backbone's alone; the rest then stays fresh.

    Raises FileMissing if there is no such file, CheckpointMismatch if its weights belong to another network or do not
    fit, SchemaUnknown if another version wrote it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileMissing(f"cannot load initial weights {path}: there is no such file; check --initial-weights")
    state, header = read_weights(path, path.read_bytes())
    stored_name = network_name if header is None else header["network"]
    if stored_name != network_name:
        raise CheckpointMismatch(f"cannot load {path.name} into {network_name}: its weights are those of {stored_name}")
    state = renamed(network_name, state) if header is None else state
    backbone = getattr(network, _BACKBONE.removesuffix("."), None)
    if backbone is None or not state or not all(name.startswith(_BACKBONE) for name in state):
        fill(network, state, what=f"{path.name} into {network_name}")
        return f"all {len(state)} tensors of {network_name} from {path.name}"
    inner = {name.removeprefix(_BACKBONE): weight for name, weight in state.items()}
    fill(backbone, inner, what=f"{path.name} into the backbone of {network_name}")
    return f"the {len(inner)} tensors of {network_name}'s backbone from {path.name}; the rest is fresh"


def _without_wrapper(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    wrapped = bool(state) and all(name.startswith(_WRAPPER) for name in state)
    return {name.removeprefix(_WRAPPER) if wrapped else name: weight for name, weight in state.items()}


def _is_torchvision_mobilenet(state: Mapping[str, Tensor]) -> bool:
    return "features.0.0.weight" in state


def _is_public_scsonet(state: Mapping[str, Tensor]) -> bool:
    return "final.weight" in state and "scab.satt.shared_conv2d.0.weight" in state


def _scsonet_weight(name: str, weight: Tensor) -> tuple[str, Tensor]:
    for public, ours in _SCSONET_PARTS:
        name = re.sub(public, ours, name)
    if name.startswith("bridge.channel.") and name.endswith(".weight"):
        weight = weight.reshape(*weight.shape[:2], 1, 1)  # a linear layer there, a 1 x 1 convolution here
    if weight.ndim == 5:
        weight = weight.flatten(0, 1)  # a dynamic convolution: kernels x filters x channels x 3 x 3
    return name, weight
