"""The GPUs that small networks are exported for in tests."""

__all__ = ["ONE_GPU"]

ONE_GPU = ("8.6",)
"""The shipped network is built for all of them; each one more takes as long again."""
