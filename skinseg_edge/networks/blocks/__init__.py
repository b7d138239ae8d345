"""Building blocks that networks share, one idea a file."""

from skinseg_edge.networks.blocks.aspp import ASPP
from skinseg_edge.networks.blocks.conv_mixing import ConvMixing
from skinseg_edge.networks.blocks.conv_norm_relu import ConvNormRelu
from skinseg_edge.networks.blocks.conv_relu_norm import ConvReluNorm
from skinseg_edge.networks.blocks.coordinate_attention import CoordinateAttention
from skinseg_edge.networks.blocks.drop_path import DropPath
from skinseg_edge.networks.blocks.ema import EMA
from skinseg_edge.networks.blocks.enlarging import enlarged
from skinseg_edge.networks.blocks.gcsa import GCSA
from skinseg_edge.networks.blocks.mean_variance_attention import MeanVarianceAttention
from skinseg_edge.networks.blocks.mobilenetv2 import MobileNetV2
from skinseg_edge.networks.blocks.multiscale_fusion import MultiscaleFusion
from skinseg_edge.networks.blocks.odconv import ODConv3x3
from skinseg_edge.networks.blocks.patches import PatchEmbedding, PatchExpanding, PatchMerging
from skinseg_edge.networks.blocks.pconv import PConv
from skinseg_edge.networks.blocks.scab import SpatialChannelBridge
from skinseg_edge.networks.blocks.scan_2d import Scan2d
from skinseg_edge.networks.blocks.scconv import ChannelReconstruction, ScConv, SpatialReconstruction
from skinseg_edge.networks.blocks.selective_scan import selective_scan
from skinseg_edge.networks.blocks.squeeze_excitation import SqueezeExcitation

__all__ = [
    "ASPP",
    "EMA",
    "GCSA",
    "ChannelReconstruction",
    "ConvMixing",
    "ConvNormRelu",
    "ConvReluNorm",
    "CoordinateAttention",
    "DropPath",
    "MeanVarianceAttention",
    "MobileNetV2",
    "MultiscaleFusion",
    "ODConv3x3",
    "PConv",
    "PatchEmbedding",
    "PatchExpanding",
    "PatchMerging",
    "ScConv",
    "Scan2d",
    "SpatialChannelBridge",
    "SpatialReconstruction",
    "SqueezeExcitation",
    "enlarged",
    "selective_scan",
]
