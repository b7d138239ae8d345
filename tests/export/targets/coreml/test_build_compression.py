"""Weights of 8 and 4 bits, read back from the saved package and held against the network's own."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from skinseg_export.targets.coreml.build import mlpackage_from_torch
from skinseg_export.targets.coreml.compression import table_of_values
from skinseg_export.targets.coreml.options import CoremlOptions
from tests.export.targets.coreml.convolutions import CONTRACT, Convolutions
from tests.export.targets.coreml.packages import operators, restored_weights, specification

pytest.importorskip("coremltools", reason="needs the coreml extra")

_LARGE = {"along": (24, 16, 3, 3), "up": (24, 12, 2, 2)}  # the others have fewer than 512 weights


def _folded() -> dict[str, torch.Tensor]:
    """The large weights as the converter has them: the norm behind `along` is part of it."""
    network = Convolutions().eval()
    norm = network.norm
    assert norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return {"along": (network.along.weight * scale.reshape(-1, 1, 1, 1)).detach(), "up": network.up.weight.detach()}


def _package(folder: Path, options: CoremlOptions) -> Path:
    package = folder / "model.mlpackage"
    mlpackage_from_torch(Convolutions(), CONTRACT, package, options)
    return package


def _restored(package: Path) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    by_shape = {weights.shape: weights for weights in restored_weights(package).values()}
    assert set(by_shape) == set(_LARGE.values())
    return {name: by_shape[shape] for name, shape in _LARGE.items()}


@pytest.mark.parametrize("ios", [17, 18])
def test_int8_stays_within_half_a_step_of_each_output_channel(tmp_path: Path, ios: int) -> None:
    restored = _restored(_package(tmp_path, CoremlOptions(precision="int8", ios=17 if ios == 17 else 18)))

    for name, weights in _folded().items():
        # Output channels come second in a transposed convolution.
        others = (0, 2, 3) if name == "up" else (1, 2, 3)
        step = weights.abs().amax(others, keepdim=True) / 127
        # On top, the roundings to float16 of the weight and of its scale.
        assert ((torch.from_numpy(restored[name]) - weights).abs() <= 0.5 * step + 2e-3 * weights.abs()).all()
        assert np.unique(restored[name]).size > 200


def test_int4_has_a_scale_for_each_block_of_input_channels(tmp_path: Path) -> None:
    package = _package(tmp_path, CoremlOptions(precision="int4", ios=18))

    scales = [tuple(op.scale.shape) for op in operators(package) if op.op_type == "constexpr_blockwise_shift_scale"]
    # `along` reads 16 channels in one block, `up` 24 in two of 12.
    assert sorted(scales) == [(2, 12, 1, 1), (24, 1, 1, 1)]
    for name, weights in _folded().items():
        assert (torch.from_numpy(_restored(package)[name]) - weights).abs().max() <= weights.abs().max() / 7


def test_palettized_has_sixteen_values_a_tensor_on_ios_17_too(tmp_path: Path) -> None:
    package = _package(tmp_path, CoremlOptions(precision="palettized"))

    assert specification(package).specificationVersion == 8
    for name, weights in _folded().items():
        restored = _restored(package)[name]
        assert np.unique(restored).size == 16
        # Sixteen even steps over the range would err by up to a thirtieth of it.
        error = torch.from_numpy(restored) - weights
        assert error.square().mean().sqrt() <= (weights.max() - weights.min()) / 15 / 12**0.5


def test_what_stays_in_half_precision_is_the_small_and_what_is_no_weight(tmp_path: Path) -> None:
    kinds = Counter(op.op_type for op in operators(_package(tmp_path, CoremlOptions(precision="int8"))))

    assert kinds["conv"] + kinds["conv_transpose"] == 4
    assert kinds["constexpr_affine_dequantize"] == 2


@pytest.mark.parametrize(("precision", "most"), [("int8", 0.65), ("int4", 0.42), ("palettized", 0.40)])
def test_fewer_bits_make_a_smaller_package(tmp_path: Path, precision: str, most: float) -> None:
    def size(options: CoremlOptions) -> int:
        package = tmp_path / f"{options.precision}.mlpackage"
        mlpackage_from_torch(Convolutions(), CONTRACT, package, options)
        return (package / "Data/com.apple.CoreML/weights/weight.bin").stat().st_size

    options = {
        "int8": CoremlOptions(precision="int8"),
        "int4": CoremlOptions(precision="int4", ios=18),
        "palettized": CoremlOptions(precision="palettized"),
    }[precision]

    assert size(options) <= most * size(CoremlOptions())


def test_the_table_of_sixteen_distinct_values_holds_them_all() -> None:
    weights = np.array([0.5, -2, 7, 1] * 3 + list(range(20, 32)), np.float16).reshape(4, 6)

    table, numbers = table_of_values(weights)

    assert np.array_equal(table[numbers].reshape(weights.shape), weights)
    assert (str(table.dtype), str(numbers.dtype), numbers.shape) == ("float16", "uint8", (24,))


def test_the_table_of_one_value_repeats_it() -> None:
    table, numbers = table_of_values(np.full((8, 8), 0.25, np.float16))

    assert set(table[numbers].tolist()) == {0.25}


def test_the_table_is_better_than_even_steps_where_most_weights_are_near_zero() -> None:
    weights = (np.random.default_rng(5).standard_normal(4096) ** 3).astype(np.float32)
    even = np.linspace(weights.min(), weights.max(), 16)

    table, numbers = table_of_values(weights)

    error = np.square(table[numbers] - weights).mean()
    assert error < 0.5 * np.square(np.abs(weights[:, None] - even).min(1)).mean()
