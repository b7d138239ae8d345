"""What can be chosen about a Core ML package: how its numbers are stored, the oldest iOS, the sizes of pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import InputError
from skinseg_edge.known_names import unknown_name

__all__ = ["COREML_PRECISIONS", "IOS_VERSIONS", "CoremlOptions", "CoremlPrecision", "enumerated_sizes"]

CoremlPrecision: TypeAlias = Literal["fp32", "fp16", "int8", "int4", "palettized", "w8a8"]

COREML_PRECISIONS: tuple[CoremlPrecision, ...] = get_args(CoremlPrecision)
IOS_VERSIONS = (17, 18)

_MOST_SIZES = 127  # and the contract's own: the guide of coremltools (flexible input shapes) names 128 as the limit
_SMALLEST_SIDE, _LARGEST_SIDE = 16, 4096  # as in a contract


@dataclass(frozen=True, kw_only=True)
class CoremlOptions:
    """How a Core ML package is made.

    *precision*, of weights / of the arithmetic between them:

    | fp32       | float32 / float32; no Neural Engine                                                     |
    | fp16       | float16 / float16                                                                       |
    | int8       | 8 bits, one scale an output channel / float16                                           |
    | int4       | 4 bits, one scale a block of input channels / float16; iOS 18                           |
    | palettized | 4 bits that choose one of 16 values a tensor / float16                                  |
    | w8a8       | 8 bits / 8 bits around convolutions, ranges measured on calibration pictures            |

    *ios*: oldest iOS that runs it, 17 (with macOS 14) or 18 (with macOS 15).
    *sizes*: (rows, columns) of pictures that it takes beside the contract's own; empty for that one only.

    Raises UnknownName if precision is none of these, InputError if ios is another number, if precision is int4 and
    ios < 18, or if a size is no pair of whole numbers from 16 to 4096 or there are more than 127.
    """

    precision: CoremlPrecision = "fp16"
    ios: Literal[17, 18] = 17
    sizes: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        """Check every rule once."""
        if self.precision not in COREML_PRECISIONS:
            raise unknown_name("precision", self.precision, COREML_PRECISIONS)
        if self.ios not in IOS_VERSIONS:
            raise InputError(f"cannot make a Core ML package for iOS {self.ios}: expected 17 or 18")
        if self.precision == "int4" and self.ios < 18:
            raise InputError(
                f"cannot make an int4 Core ML package for iOS {self.ios}: weights of 4 bits in blocks need iOS 18; "
                "ask for --ios 18, or for palettized, which has 4 bits on iOS 17, too"
            )
        _check_sizes(self.sizes)


def enumerated_sizes(options: CoremlOptions, contract: ModelContract) -> tuple[tuple[int, int], ...]:
    """Return every size that the package takes, (rows, columns), each once, the contract's own first."""
    return tuple(dict.fromkeys((contract.input_hw, *options.sizes)))


def _check_sizes(sizes: Sequence[tuple[int, int]]) -> None:
    for size in sizes:
        if [type(side) for side in size] != [int, int] or not all(
            _SMALLEST_SIDE <= side <= _LARGEST_SIDE for side in size
        ):
            raise InputError(
                f"cannot make a Core ML package for pictures of size {size!r}: expected rows and columns, two whole "
                f"numbers from {_SMALLEST_SIDE} to {_LARGEST_SIDE}"
            )
    if len(sizes) > _MOST_SIZES:
        raise InputError(
            f"cannot make a Core ML package for {len(sizes)} further sizes: Core ML takes {_MOST_SIZES} beside the "
            "contract's own; name fewer"
        )
