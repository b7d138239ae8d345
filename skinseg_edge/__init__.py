"""What a skin-lesion segmentation model is: its contract, its bundle, its pictures, its networks and their training.

`load_checkpoint` needs torch and is imported when first used, so the torch-free floors may import this package.
"""

from typing import TYPE_CHECKING

from skinseg_edge.contract import ModelContract
from skinseg_edge.lazy_names import imported_when_touched

if TYPE_CHECKING:
    from skinseg_edge.networks.checkpoint import Checkpoint, load_checkpoint

__all__ = ["Checkpoint", "ModelContract", "load_checkpoint"]

__getattr__ = imported_when_touched(
    __name__, {"Checkpoint": "networks.checkpoint", "load_checkpoint": "networks.checkpoint"}
)
