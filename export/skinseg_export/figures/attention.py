"""Where the last features of a network speak for a class: a gradient-weighted heat map of the checkpoint.

As in Vinogradova, Dibrov and Myers (2020), the score of a class is the mean of its logits over the pixels that were
decided for it. Each feature is weighed by the gradient at its own place (Draelos and Carin, "HiResCAM", 2020, equation
5): Grad-CAM's mean over the picture shows heat where nothing was decided, and none at all where gradients of both signs
cancel. The features are what the last convolution before the head reads; those that the head itself reads would only
give its logits back.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import InputError
from skinseg_edge.preprocessing import resize_pixels, to_network_input
from skinseg_export.deployed_graph import PixelGraph
from skinseg_export.figures.palette import heat
from skinseg_export.figures.sheet import Tile, sheet_png, tile_hw

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle

__all__ = ["attention_maps", "attention_png"]

_SIDE = 260  # px
_OPACITY = 0.75  # of the strongest heat over the photo


def attention_maps(network: nn.Module, contract: ModelContract, photo: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return one heat map a class, (K, input rows, input columns) float32 in [0, 1], as the network sees *photo*.

    *photo*: (H, W, 3) uint8 RGB. A class for which no pixel was decided is asked for over the whole picture; a map is
    0 where the features speak against the class. The network is put in eval mode.

    Raises InputError if the network has no convolution before its head.
    """
    seen = np.ascontiguousarray(to_network_input(photo, contract).pixels)
    pixels = torch.from_numpy(seen).permute(2, 0, 1)[None].float()  # (h, w, 3) -> (1, 3, h, w)
    graph = PixelGraph(network, contract).eval()
    features, logits = _features_and_logits(graph, pixels)
    maps = []
    for k, decided in enumerate(_decided(logits.detach(), contract)):
        score = (logits[0, k] * decided).sum() / decided.sum()
        (gradient,) = torch.autograd.grad(score, features, retain_graph=True)
        relevance = torch.relu((gradient * features.detach()).sum(1, keepdim=True))
        maps.append(nn.functional.interpolate(relevance, contract.input_hw, mode="bilinear", align_corners=False)[0, 0])
    stacked = np.asarray(torch.stack(maps).detach().numpy(), np.float32)
    return np.asarray(stacked / np.maximum(stacked.max(axis=(1, 2), keepdims=True), 1e-12), np.float32)


def attention_png(
    network: nn.Module, contract: ModelContract, photos: Sequence[tuple[str, NDArray[np.uint8]]]
) -> bytes:
    """Draw a row a photo: the picture that the network sees, and for every class but the background its heat over it.

    *photos*: name and (H, W, 3) uint8 RGB.

    Raises InputError if the network has no convolution before its head, ToolMissing if matplotlib is not installed.
    """
    shown = range(1) if contract.is_binary else range(1, len(contract.classes))
    rows = []
    for name, photo in photos:
        seen = to_network_input(photo, contract).pixels
        hw = tile_hw(seen.shape[:2], _SIDE)
        small = resize_pixels(np.ascontiguousarray(seen), hw)
        maps = attention_maps(network, contract, photo)
        rows.append([Tile(small, name), *(Tile(_heated(small, maps[k])) for k in shown)])
    return sheet_png(
        rows,
        side=_SIDE,
        title="Where the last features speak for a class",
        headings=("as the network sees it", *(contract.classes[k] for k in shown)),
        legend=[(label, _heat_colour(level)) for label, level in (("little", 0.1), ("more", 0.5), ("most", 0.95))],
    )


def _features_and_logits(graph: PixelGraph, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Run the network and keep what its last convolution before the head reads."""
    calls: list[tuple[Tensor, Tensor]] = []
    logits: list[Tensor] = []

    def keep(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        calls.append((inputs[0], output))

    def keep_logits(_: nn.Module, __: object, output: Tensor) -> None:
        logits.append(output)

    hooks: list[RemovableHandle] = [graph.network.register_forward_hook(keep_logits)]
    for module in graph.network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            hooks.append(module.register_forward_hook(keep))
    try:
        with torch.enable_grad():
            graph(pixels.requires_grad_())
    finally:
        for hook in hooks:
            hook.remove()
    return _last_features(calls, logits[0].shape), logits[0]


def _last_features(calls: Sequence[tuple[Tensor, Tensor]], logits_shape: Sequence[int]) -> Tensor:
    """Choose from what every convolution read and gave, in the order they ran."""
    classes, height, width = logits_shape[1:]
    # A gate over pooled features has no place to point at, so it is no candidate.
    least = max(2, min(height, width) // 32)
    wide = [(read, gave) for read, gave in calls if read.ndim == 4 and min(*read.shape[2:], *gave.shape[2:]) >= least]
    head = max((index for index, (_, gave) in enumerate(wide) if gave.shape[1] == classes), default=len(wide))
    if head == 0:
        raise InputError(
            "cannot draw a heat map: the network has no convolution before its head, whose features to weigh"
        )
    return wide[head - 1][0]


def _decided(logits: Tensor, contract: ModelContract) -> list[Tensor]:
    """Return which pixels were decided for each class, (h, w) float32 each; all of them where none was."""
    if contract.is_binary:
        decided = [torch.sigmoid(logits[0, 0]) >= contract.threshold]
    else:
        best = logits[0].argmax(0)
        decided = [best == k for k in range(len(contract.classes))]
    return [(mask if mask.any() else torch.ones_like(mask)).float() for mask in decided]


def _heated(photo: NDArray[np.uint8], relevance: NDArray[np.float32]) -> NDArray[np.uint8]:
    level = cv2.resize(relevance, (photo.shape[1], photo.shape[0]), interpolation=cv2.INTER_LINEAR)
    colours = heat()(level)[:, :, :3] * 255
    opacity = _OPACITY * np.sqrt(level)[:, :, None]  # the root, so that faint heat is seen
    grey = photo.mean(axis=2, keepdims=True) * 0.6 + photo * 0.4  # so that skin's red is not taken for heat
    return np.asarray(np.rint(grey * (1 - opacity) + colours * opacity), np.uint8)


def _heat_colour(level: float) -> tuple[int, int, int]:
    red, green, blue, _ = heat()(level)
    return round(255 * red), round(255 * green), round(255 * blue)
