"""Evaluate a saved Core ML package on any machine: operator by operator, in torch, on the processor.

It proves the *program*: the weights as they lie in the file, their layout, the preprocessing, every operator's
arguments, the compression of the weights, the thresholds, and the type in which each value is stored. It does not prove
Apple's kernels: arithmetic between two stored values is float32 here, while a Neural Engine may sum in float16, and a
kernel of Apple's may differ from its documentation. That needs one run on a Mac or an iPhone.
"""

from skinseg_export.targets.coreml.mil_reference.engine import MilEngine
from skinseg_export.targets.coreml.mil_reference.evaluator import Evaluator
from skinseg_export.targets.coreml.mil_reference.loading import load_program
from skinseg_export.targets.coreml.mil_reference.program import MilInput, MilOperation, MilProgram, MilValue
from skinseg_export.targets.coreml.mil_reference.registry import UnknownOperator, operator_kinds

__all__ = [
    "Evaluator",
    "MilEngine",
    "MilInput",
    "MilOperation",
    "MilProgram",
    "MilValue",
    "UnknownOperator",
    "load_program",
    "operator_kinds",
]
