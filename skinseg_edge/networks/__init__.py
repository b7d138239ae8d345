"""The networks, one a file, and the registry that finds them by name. Needs torch."""

from skinseg_edge.networks.cmssm import CMSSM
from skinseg_edge.networks.features import FeatureMaps, GivesFeatures
from skinseg_edge.networks.hhbsnet import HHBSNet
from skinseg_edge.networks.registry import NetworkFactory, create, names, register
from skinseg_edge.networks.scsonet import SCSONet
from skinseg_edge.networks.ulffn import ULFFN
from skinseg_edge.networks.unet import UNet

__all__ = [
    "CMSSM",
    "ULFFN",
    "FeatureMaps",
    "GivesFeatures",
    "HHBSNet",
    "NetworkFactory",
    "SCSONet",
    "UNet",
    "create",
    "names",
    "register",
]
