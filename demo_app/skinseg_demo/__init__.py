"""The place of the phone-camera demo. Nothing is here yet: the demo is not written, and no command starts it.

What it will stand on is `skinseg_runtime`; it never imports torch, onnx or coremltools.
"""

__all__: list[str] = []
