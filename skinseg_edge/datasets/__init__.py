"""Pictures with lesion masks: readers for folders on disk, and a generator of synthetic ones.

Import the module you need: `readers` pairs files (no pixel is read), `synthetic_lesions` draws pictures. Both need only
numpy and OpenCV, and this package itself imports neither.
"""

__all__: list[str] = []
