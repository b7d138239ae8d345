"""Whether a network takes and gives what its contract says, found out from shapes before any number is computed.

Shipped networks do for sizes of the right multiple; a user's own network is looked at here for the first time.
"""

import torch
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import InputError
from skinseg_edge.networks.blocks.whole_scan import scans_kept_whole

__all__ = ["check_network_shapes"]


def check_network_shapes(network: nn.Module, contract: ModelContract, *, name: str) -> None:
    """Let shapes flow through *network*, which is in eval mode; *name*: of the network, for the error.

    Raises InputError if it refuses N x 3 x H x W of the contract's input_hw, or gives anything but N x K x H x W.
    """
    size = " x ".join(str(side) for side in contract.input_hw)
    try:
        logits = _result(network, contract.input_hw)
    except Exception as error:  # whatever a user's code may raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise InputError(
            f"cannot run {name} on {size} px: {reason}; take another size (shipped networks take multiples of 32, "
            "from 64 on)"
        ) from error
    expected = (1, len(contract.classes), *contract.input_hw)
    if not isinstance(logits, Tensor) or tuple(logits.shape) != expected:
        found = f"shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else type(logits).__name__
        raise InputError(
            f"cannot use {name} on {size} px: it returns {found}, expected logits of shape {expected}; "
            "let forward return one map a class at input size"
        )


def _result(network: nn.Module, input_hw: tuple[int, int]) -> object:
    # Torch's "meta" device keeps shapes and types and no values, so 31 million weights cost nothing here.
    weights = {name: tensor.to("meta") for name, tensor in (*network.named_parameters(), *network.named_buffers())}
    with torch.inference_mode():
        try:
            with scans_kept_whole():  # of their thousands of steps only the shape counts
                return torch.func.functional_call(network, weights, (torch.empty(1, 3, *input_hw, device="meta"),))
        except Exception:  # noqa: BLE001  # it may want values, or hold tensors that are no weights: then run it truly
            return network(torch.zeros(1, 3, *input_hw))
