"""Networks that the papers compare themselves with, from the libraries that keep them; made only when asked for.

unet++           Zhou et al. 2018      MONAI                         base 32: 9,119,332 parameters
attention-unet   Oktay et al. 2018     MONAI                         base 64: 31,740,337 parameters
fpn              Lin et al. 2017       segmentation-models-pytorch
deeplabv3        Chen et al. 2017      segmentation-models-pytorch

They bring no trained weights, and nothing is downloaded. MONAI needs torch alone. segmentation-models-pytorch needs
torchvision, too, whose wheels are built against one build of torch.
"""

from importlib import import_module
from typing import Any

from torch import Tensor, nn

from skinseg_edge.errors import ToolMissing

__all__ = ["AttentionUNet", "UNetPlusPlus", "deeplabv3", "fpn"]

_LEVELS = 5


class UNetPlusPlus(nn.Module):
    """U-Net++ without deep supervision: N x 3 x H x W -> logits N x classes x H x W, H and W multiples of 16.

    *base* is the width of the first level and doubles at each of the four below.

    Raises ToolMissing if MONAI is not installed.
    """

    def __init__(self, classes: int = 1, base: int = 32) -> None:
        super().__init__()
        widths = [base * 2**level for level in range(_LEVELS)]
        self.network: nn.Module = _monai("unet++").BasicUNetPlusPlus(
            2, 3, classes, features=(*widths, base), act="RELU", norm="batch"
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of *images*; a sigmoid (one class) or softmax (several) makes them probabilities."""
        logits: Tensor = self.network(images)[-1]  # a list for deep supervision, the last from the deepest path
        return logits


class AttentionUNet(nn.Module):
    """U-Net with gated skips: N x 3 x H x W -> logits N x classes x H x W, H and W multiples of 16.

    *base* is the width of the first level and doubles at each of the four below.

    Raises ToolMissing if MONAI is not installed.
    """

    def __init__(self, classes: int = 1, base: int = 64) -> None:
        super().__init__()
        widths = [base * 2**level for level in range(_LEVELS)]
        self.network: nn.Module = _monai("attention-unet").AttentionUnet(2, 3, classes, widths, [2] * (_LEVELS - 1))

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of *images*; a sigmoid (one class) or softmax (several) makes them probabilities."""
        logits: Tensor = self.network(images)
        return logits


def fpn(classes: int = 1, encoder: str = "resnet34") -> nn.Module:
    """Make a feature pyramid network with fresh weights: N x 3 x H x W -> logits, H and W multiples of 32.

    *encoder*: a name of segmentation-models-pytorch. Raises ToolMissing if that does not import.
    """
    network: nn.Module = _smp("fpn").FPN(encoder_name=encoder, encoder_weights=None, in_channels=3, classes=classes)
    return network


def deeplabv3(classes: int = 1, encoder: str = "resnet34") -> nn.Module:
    """Make DeepLabV3 with fresh weights: N x 3 x H x W -> logits, H and W multiples of 8.

    *encoder*: a name of segmentation-models-pytorch. Its pooled branch is normalised over the batch, so it trains on
    batches of two or more. Raises ToolMissing if the library does not import.
    """
    library = _smp("deeplabv3")
    network: nn.Module = library.DeepLabV3(encoder_name=encoder, encoder_weights=None, in_channels=3, classes=classes)
    return network


def _monai(network: str) -> Any:
    try:
        return import_module("monai.networks.nets")
    except ImportError as error:
        raise ToolMissing(
            f"cannot make the network {network!r}: it comes from MONAI, which does not import ({error}); "
            "run pip install monai"
        ) from error


def _smp(network: str) -> Any:
    try:
        return import_module("segmentation_models_pytorch")
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision of another build of torch
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ToolMissing(
            f"cannot make the network {network!r}: it comes from segmentation-models-pytorch, which does not import "
            f"({reason}); run pip install 'skinseg-edge[baselines]' where torch is its CUDA build, for the wheels of "
            "torchvision, which it needs, are built against that"
        ) from error
