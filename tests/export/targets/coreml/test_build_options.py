"""Which packages can be asked for."""

import pytest

from skinseg_edge.errors import InputError, UnknownName
from skinseg_export.targets.coreml.options import CoremlOptions, enumerated_sizes
from tests.export.darkness import CONTRACT


def test_int4_needs_ios_18_and_the_refusal_names_what_ios_17_has() -> None:
    with pytest.raises(InputError, match=r"int4 Core ML package for iOS 17: .* need iOS 18; .* or for palettized"):
        CoremlOptions(precision="int4")

    assert CoremlOptions(precision="int4", ios=18).ios == 18


def test_an_unknown_precision_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="'int3': known are fp16, fp32, int4, int8, palettized, w8a8"):
        CoremlOptions(precision="int3")  # type: ignore[arg-type]  # what a caller without types may do


def test_another_ios_is_refused() -> None:
    with pytest.raises(InputError, match="for iOS 16: expected 17 or 18"):
        CoremlOptions(ios=16)  # type: ignore[arg-type]  # what a caller without types may do


@pytest.mark.parametrize("size", [(15, 64), (64, 4097), (64.0, 64), (64,), (True, 64)])
def test_a_size_that_no_contract_could_have_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="two whole numbers from 16 to 4096"):
        CoremlOptions(sizes=(size,))


def test_more_sizes_than_core_ml_enumerates_are_refused() -> None:
    with pytest.raises(InputError, match="128 further sizes: Core ML takes 127"):
        CoremlOptions(sizes=tuple((64, 64 + step) for step in range(128)))


def test_the_contract_s_own_size_comes_first_and_each_once() -> None:
    assert enumerated_sizes(CoremlOptions(sizes=((128, 128), (64, 96), (128, 128))), CONTRACT) == ((64, 96), (128, 128))
