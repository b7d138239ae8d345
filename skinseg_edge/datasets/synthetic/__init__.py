"""The parts of which `skinseg_edge.datasets.synthetic_lesions` composes a picture, one idea a module.

Pictures here are (H, W, 3) float32, RGB, 0..1 as displayed (sRGB), and painting functions return a new one. Fields are
(H, W) float32. Sizes that should look alike at every picture size are multiples of `unit_px`: 1 px at 480 rows.
Randomness comes from the generator that is passed in, one for each part, so that adding hair does not move the lesion.
"""

__all__: list[str] = []
