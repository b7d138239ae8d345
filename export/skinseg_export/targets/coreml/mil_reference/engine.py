"""A Core ML program behind the runtime's Engine protocol, so that everything that judges an engine can judge it."""

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import VerificationFailed
from skinseg_export.deployed_graph import OUTPUT_NAME
from skinseg_export.targets.coreml.mil_reference.evaluator import Evaluator
from skinseg_export.targets.coreml.mil_reference.program import MilProgram

__all__ = ["MilEngine"]


class MilEngine:
    """Run *program*'s output `probability`; *contract* says of what shape it must be.

    Raises VerificationFailed if the program has no such output.
    """

    name = "coreml-reference"

    def __init__(self, program: MilProgram, contract: ModelContract) -> None:
        self.input_hw = contract.input_hw
        self.classes = len(contract.classes)
        names = [value.name for value in program.outputs]
        if OUTPUT_NAME not in names:
            raise VerificationFailed(
                f"cannot run {program.path.name}: its outputs are {', '.join(names)}, expected {OUTPUT_NAME}; "
                "export it anew"
            )
        self._evaluator = Evaluator(program, outputs=(OUTPUT_NAME,))

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return probabilities (N, K, H, W) float32 in [0, 1] of *images* (N, H, W, 3) uint8 RGB, one after another.

        Raises ValueError if images.shape[1:] != (*input_hw, 3) or the dtype is not uint8, VerificationFailed if the
        program gives another shape than the contract says.
        """
        if images.dtype != np.uint8 or images.shape[1:] != (*self.input_hw, 3):
            raise ValueError(f"images are {images.shape} {images.dtype}, expected (N, {self.input_hw}, 3) uint8")
        answers = [self._evaluator.run(image[None])[OUTPUT_NAME] for image in images]
        probability = np.concatenate(answers) if answers else np.empty((0, self.classes, *self.input_hw))
        if probability.shape != (len(images), self.classes, *self.input_hw):
            raise VerificationFailed(
                f"cannot use the Core ML program's {OUTPUT_NAME}: its shape is {probability.shape}, expected "
                f"{(len(images), self.classes, *self.input_hw)}; export it anew"
            )
        return np.asarray(probability, np.float32)

    def close(self) -> None:
        """Do nothing: the program belongs to the caller."""
