"""What a skin-lesion segmentation model is: its contract, its bundle, its pictures, its networks and their training.

`load_checkpoint` needs torch and is imported when first used, so the torch-free floors may import this package.
"""

from typing import TYPE_CHECKING, Any

from skinseg_edge.contract import ModelContract

if TYPE_CHECKING:
    from skinseg_edge.networks.checkpoint import Checkpoint, load_checkpoint

__all__ = ["Checkpoint", "ModelContract", "load_checkpoint"]


def __getattr__(name: str) -> Any:
    if name in ("Checkpoint", "load_checkpoint"):
        from skinseg_edge.networks import checkpoint

        return getattr(checkpoint, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
