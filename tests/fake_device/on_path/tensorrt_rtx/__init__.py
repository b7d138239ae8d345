"""Stands in for NVIDIA's `tensorrt_rtx`, in the version that the settings say."""

from tests.fake_device.fake_gpu import gpu
from tests.fake_device.trt_module import module_names

globals().update(module_names(gpu().settings.rtx, is_rtx=True))
