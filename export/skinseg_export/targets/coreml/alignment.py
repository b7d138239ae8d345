"""Which operation of a package is which of the freshly converted program, whatever each calls its values.

coremltools marks what it stores in half precision by a part of the name: `var_12` becomes `var_12_cast_fp16`.
"""

import re
from collections.abc import Sequence

from skinseg_export.targets.coreml.mil_reference import MilOperation, MilProgram

__all__ = ["aligned", "plain_name"]

_MARKS = re.compile(r"_(cast|to)_fp(16|32)(?=_|$)")
_STORAGE = frozenset({"cast", "quantize", "dequantize"})  # change how a value is stored, not what it says


def aligned(ours: MilProgram, fresh: MilProgram) -> tuple[tuple[MilOperation, MilOperation], ...]:
    """Return the pairs of an operation of *ours* and the one of *fresh* that it stands for, in the order of *ours*.

    By name where every operation has its namesake; else by place where both are the same operators in the same order,
    as when 8 bits between them shift the numbers in names; else whatever has a namesake of its kind.
    """
    own, other = _computing(ours), _computing(fresh)
    namesakes = {plain_name(operation.outputs[0].name): operation for operation in other}
    pairs = tuple(
        (operation, namesake)
        for operation in own
        if (namesake := namesakes.get(plain_name(operation.outputs[0].name))) and namesake.kind == operation.kind
    )
    if len(pairs) == len(own) or [each.kind for each in own] != [each.kind for each in other]:
        return pairs
    return tuple(zip(own, other, strict=True))


def plain_name(name: str) -> str:
    """Return *name* as a conversion in fp32 gives it.

    >>> plain_name("var_12_cast_fp16_0"), plain_name("conv_weight_to_fp16"), plain_name("image")
    ('var_12_0', 'conv_weight', 'image')
    """
    return _MARKS.sub("", name)


def _computing(program: MilProgram) -> Sequence[MilOperation]:
    return [each for each in program.operations if each.kind not in _STORAGE and not each.kind.startswith("constexpr_")]
