"""ONNX: the fp32 file, and the strongly typed half-precision file made from it."""
