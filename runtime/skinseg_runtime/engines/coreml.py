"""The engine of a Mac: Core ML, called through pyobjc; nobody has run it on a Mac yet.

Everything Apple's is in `coreml_frameworks`, so this file reads the same on every system; on others than macOS it ends
with what it needs. The package's own program holds the normalisation, so pixels go in as they are.
"""

import logging
import shutil
import threading
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.bundle import Bundle
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import BundleUnusable, ContractInvalid, ParityFailed
from skinseg_edge.known_names import unknown_name
from skinseg_edge.manifest import Artefact
from skinseg_runtime.device_receipt import COMPUTE_UNITS
from skinseg_runtime.engines.answers import check_images, checked_probability
from skinseg_runtime.engines.coreml_frameworks import AppleModel, Frameworks, load_frameworks

__all__ = ["CoremlEngine", "coreml_artefact", "coreml_package", "open_coreml"]

_log = logging.getLogger(__name__)

_INPUT, _OUTPUT = "image", "probability"


class CoremlEngine:
    """A Core ML package, checked against its contract by what it answers; `infer` may be called from several threads.

    *package*: the .mlpackage, verified by the caller. *compute_units*: where Core ML may run it, one of
    `device_receipt.COMPUTE_UNITS`; "ALL" leaves the choice to the system.

    Raises ToolMissing elsewhere than on macOS or without pyobjc, UnknownName if there is no such choice of units,
    BundleUnusable if Core ML refuses the package.
    """

    name = "coreml"

    def __init__(self, package: Path, contract: ModelContract, *, compute_units: str = "ALL") -> None:
        if compute_units not in COMPUTE_UNITS:
            raise unknown_name("choice of compute units", compute_units, COMPUTE_UNITS)
        started = time.perf_counter()
        self.input_hw = contract.input_hw
        self.classes = len(contract.classes)
        self.compute_units = compute_units
        self._source = package.name
        self._apple: Frameworks = load_frameworks()
        # Core ML asks that a model be used by one thread at a time.
        self._turn = threading.Lock()
        self._compiled: Path | None = self._apple.compiled(package)
        try:
            self._model: AppleModel | None = self._apple.loaded(self._compiled, compute_units)
        except BundleUnusable:
            self._remove_compiled()
            raise
        _log.info("%s loaded in %.2f s on %s", self._source, time.perf_counter() - started, compute_units)

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return probabilities (N, K, H, W) float32 in [0, 1] of *images* (N, H, W, 3) uint8 RGB.

        Raises ValueError if images.shape[1:] != (*input_hw, 3), the dtype is not uint8 or the engine is closed,
        BundleUnusable if Core ML refuses to run, ContractInvalid if the answer has another shape than the contract's,
        ParityFailed if the network gives what is no probability.
        """
        check_images(images, self.input_hw)
        probability = np.empty((len(images), self.classes, *self.input_hw), np.float32)
        for place, image in enumerate(images):  # the package takes one picture at a time
            with self._turn:
                if self._model is None:
                    raise ValueError("the engine is closed")
                answer = self._apple.answer(self._model, _INPUT, image, _OUTPUT)
            probability[place] = self._checked(answer)
        return probability

    def close(self) -> None:
        """Let the model go and remove what was compiled; a call that is running ends first."""
        with self._turn:
            self._model = None
            self._remove_compiled()

    def _checked(self, answer: NDArray[np.float32]) -> NDArray[np.float32]:
        expected = (1, self.classes, *self.input_hw)
        if answer.shape != expected:
            raise ContractInvalid(f"cannot use the answer of {self._source}: it is {answer.shape}, expected {expected}")
        return checked_probability(answer[0], self._source)

    def _remove_compiled(self) -> None:
        if self._compiled is not None:
            shutil.rmtree(self._compiled, ignore_errors=True)
            self._compiled = None


def coreml_package(bundle: Bundle, precision: str | None = None) -> Artefact:
    """Return the Core ML artefact of a *precision*, accepted or not.

    *precision*: such as "fp16" or "int8"; None takes "coreml", the one that every export for Core ML makes.

    Raises BundleUnusable naming what is there if the bundle has none.
    """
    made = [each for each in bundle.manifest.artefacts if each.name == "coreml" or each.name.startswith("coreml-")]
    found = [each for each in made if (each.name == "coreml" if precision is None else each.precision == precision)]
    if not found:
        present = ", ".join(f"{each.name} ({each.precision})" for each in made) or "none"
        raise BundleUnusable(
            f"cannot run {bundle.path.name} with coreml in {precision or 'its usual precision'}: its Core ML packages "
            f"are: {present}; export the model again with --target coreml"
        )
    return found[0]


def coreml_artefact(bundle: Bundle, precision: str | None = None) -> Artefact:
    """Return what `coreml_package` finds, if it was accepted where it was made.

    Raises what `coreml_package` raises, ParityFailed if it failed its acceptance.
    """
    artefact = coreml_package(bundle, precision)
    if artefact.status != "verified":
        raise ParityFailed(
            f"cannot run {artefact.path} of {bundle.path.name}: its status is {artefact.status!r}, expected "
            "'verified'; use another precision or export the model again"
        )
    return artefact


def open_coreml(bundle: Bundle, precision: str | None = None) -> tuple[CoremlEngine, str]:
    """Return the engine of *bundle*'s Core ML package and the precision it runs; *precision* as in `coreml_artefact`.

    Raises ToolMissing elsewhere than on macOS or without pyobjc, IntegrityFailed if a file of the package changed, and
    what `coreml_artefact` and `CoremlEngine` raise.
    """
    load_frameworks()  # what is missing here is told before what the bundle may lack
    artefact = coreml_artefact(bundle, precision)
    return CoremlEngine(bundle.verified_path(artefact.path), bundle.contract), artefact.precision
