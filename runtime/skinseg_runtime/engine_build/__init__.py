"""The build of an engine on the device that will run it, in processes of their own, and its proof."""

from skinseg_runtime.engine_build.device_build import BuiltEngine, build_and_prove
from skinseg_runtime.engine_build.job import BuildOptions
from skinseg_runtime.engine_build.request import BuildStep

__all__ = ["BuildOptions", "BuildStep", "BuiltEngine", "build_and_prove"]
