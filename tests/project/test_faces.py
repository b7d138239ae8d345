"""The faces of packages: each name leads to what it says, and an unknown one is told of."""

from importlib import import_module

import pytest

_FACES = ("skinseg_edge", "skinseg_export", "skinseg_runtime", "skinseg_demo")
_ROOMS = ("skinseg_runtime.batch", "skinseg_runtime.quality", "skinseg_runtime.video")


@pytest.mark.parametrize("package", [*_FACES, *_ROOMS])
def test_every_name_of_a_face_is_there_and_no_other(package: str) -> None:
    face = import_module(package)

    assert [name for name in face.__all__ if not hasattr(face, name)] == []
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'Segmentor'"):
        _ = face.Segmentor
