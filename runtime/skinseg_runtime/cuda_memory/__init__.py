"""The only room that speaks CUDA: memory, copies, streams, events and graphs of one GPU."""

from skinseg_runtime.cuda_memory.gpu_nodes import has_nvidia_gpu
from skinseg_runtime.cuda_memory.opening import BACKENDS, gpu_facts, open_cuda

__all__ = ["BACKENDS", "gpu_facts", "has_nvidia_gpu", "open_cuda"]
