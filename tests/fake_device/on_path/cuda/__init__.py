"""Stands in for NVIDIA's namespace `cuda`."""
