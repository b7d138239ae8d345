"""Choice between values. Source: ops/defs/iOS15/control_flow.py.

Loops and branches (`while_loop`, `cond`) have no part here: a segmentation network that is traced has none.
"""

import torch
from torch import Tensor

from skinseg_export.targets.coreml.mil_reference.registry import operator

__all__ = ["identity", "select"]


@operator("select", moves_only=True)
def select(cond: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return a where *cond* holds, else b; all three are broadcast."""
    return torch.where(cond, a, b)


@operator("identity", moves_only=True)
def identity(x: Tensor) -> Tensor:
    """Return x."""
    return x
