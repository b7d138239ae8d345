"""What the tests read out of a package, by coremltools' own loaders."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinseg_export.foreign_noise import quiet

__all__ = ["bytes_of", "operators", "restored_weights", "specification"]

_WEIGHTS = Path("Data/com.apple.CoreML/weights")


def specification(package: Path) -> Any:
    """Return the specification of a saved package."""
    with quiet():
        from coremltools.models import MLModel

        return MLModel(str(package), skip_model_load=True).get_spec()


def operators(package: Path) -> list[Any]:
    """Return the operators of the main function, in order, as MIL holds them; constants included."""
    with quiet():
        from coremltools.converters.mil.frontend.milproto.load import load

        spec = specification(package)
        return list(load(spec, spec.specificationVersion, str(package / _WEIGHTS)).functions["main"].operations)


def restored_weights(package: Path) -> dict[str, NDArray[np.float32]]:
    """Return each compressed tensor as the program restores it, by name."""
    return {
        operator.name: np.asarray(operator.materialized_val_inference(), np.float32)
        for operator in operators(package)
        if operator.op_type.startswith("constexpr_")
    }


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below *folder* by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
