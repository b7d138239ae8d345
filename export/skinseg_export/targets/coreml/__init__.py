"""Core ML: an .mlpackage (mlprogram, iOS 17) that takes an RGB image."""
