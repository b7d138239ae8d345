"""Building blocks that networks share, one idea a file."""

from skinseg_edge.networks.blocks.conv_norm_relu import conv_norm_relu
from skinseg_edge.networks.blocks.ema import EMA
from skinseg_edge.networks.blocks.gcsa import GCSA
from skinseg_edge.networks.blocks.mobilenetv2 import MobileNetV2
from skinseg_edge.networks.blocks.multiscale_fusion import MultiscaleFusion
from skinseg_edge.networks.blocks.odconv import ODConv3x3
from skinseg_edge.networks.blocks.pconv import PConv
from skinseg_edge.networks.blocks.scab import SpatialChannelBridge
from skinseg_edge.networks.blocks.scconv import ChannelReconstruction, ScConv, SpatialReconstruction

__all__ = [
    "EMA",
    "GCSA",
    "ChannelReconstruction",
    "MobileNetV2",
    "MultiscaleFusion",
    "ODConv3x3",
    "PConv",
    "ScConv",
    "SpatialChannelBridge",
    "SpatialReconstruction",
    "conv_norm_relu",
]
