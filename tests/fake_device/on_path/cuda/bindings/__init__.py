"""Stands in for NVIDIA's `cuda.bindings`."""

from tests.fake_device.fake_gpu import gpu

__version__ = f"{gpu().settings.cuda // 1000}.{gpu().settings.cuda % 1000 // 10}.2"
