"""Building blocks that networks share, one idea a file."""

from skinseg_edge.networks.blocks.ema import EMA
from skinseg_edge.networks.blocks.odconv import ODConv3x3
from skinseg_edge.networks.blocks.pconv import PConv
from skinseg_edge.networks.blocks.scab import SpatialChannelBridge
from skinseg_edge.networks.blocks.scconv import ChannelReconstruction, ScConv, SpatialReconstruction

__all__ = [
    "EMA",
    "ChannelReconstruction",
    "ODConv3x3",
    "PConv",
    "ScConv",
    "SpatialChannelBridge",
    "SpatialReconstruction",
]
