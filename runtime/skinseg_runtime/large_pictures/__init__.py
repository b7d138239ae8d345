"""Second looks: a closer one at a lesion that fills little of a photo, and tiles for photos that hold far more detail.

Both start from the look that the network was trained for, the whole photo at once, and neither believes in a lesion
where that one saw none. docs/large_pictures.md has what they are worth.
"""

from skinseg_runtime.large_pictures.look import LOOKS, ONCE, Look, checked_look

__all__ = ["LOOKS", "ONCE", "Look", "checked_look"]
