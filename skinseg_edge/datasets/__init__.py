"""Pictures and what was drawn on them: readers of folders on disk, the papers' splits, generators of synthetic ones.

Import the module you need: `readers` pairs files (no pixel is read), `label_maps` reads class maps, `splits` writes the
papers' lists, `synthetic_lesions` and `synthetic_faces` draw pictures. All need only numpy and OpenCV, and this package
itself imports neither.
"""

__all__: list[str] = []
