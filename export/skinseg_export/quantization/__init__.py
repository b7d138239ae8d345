"""Quantization to 8 bits: which pictures the ranges come from, the Q/DQ graph, what each layer costs, and the proof."""
