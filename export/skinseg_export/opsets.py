"""The ONNX opsets that a network can be exported to."""

__all__ = ["DEFAULT_OPSET", "OPSETS"]

DEFAULT_OPSET = 18
OPSETS = range(18, 24)  # torch's exporter starts at 18; TensorRT 10.3 reads up to 20, TensorRT-RTX 1.7 up to 25
