"""TensorRT: a TensorRT-RTX engine built ahead of time without a GPU, and the plan to build on a Jetson."""
