"""Passes over the fp32 graph behind onnxsim that leave fewer nodes and the same answers.

Each pass rewrites one pattern exactly as algebra goes, so outputs move by rounding alone; each says why it is worth
having. What others find by name stays: the graph's input with its Cast before its Transpose, values that torch's
program has too, and every convolution that may be quantized, with its weights' name.
"""

from skinseg_export.graph_fusion.passes import PASSES, WITH_STORED_WEIGHTS, FusedGraph, GraphPass, fused

__all__ = ["PASSES", "WITH_STORED_WEIGHTS", "FusedGraph", "GraphPass", "fused"]
