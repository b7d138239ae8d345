"""Weights compressed by coremltools itself: restored as it restores them, from the saved file."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from skinseg_export.foreign_noise import quiet
from skinseg_export.targets.coreml.mil_reference import Evaluator, load_program
from tests.export.targets.coreml.mil_reference.case import numbers

pytest.importorskip("coremltools", reason="needs the coreml extra")


def _linear(**options: Any) -> Callable[[Any, Any], Any]:
    return lambda cto, model: cto.linear_quantize_weights(
        model, cto.OptimizationConfig(cto.OpLinearQuantizerConfig(weight_threshold=1, **options))
    )


def _table(**options: Any) -> Callable[[Any, Any], Any]:
    return lambda cto, model: cto.palettize_weights(
        model, cto.OptimizationConfig(cto.OpPalettizerConfig(mode="uniform", nbits=4, weight_threshold=1, **options))
    )


def _pruned(cto: Any, model: Any) -> Any:
    pruner = cto.OpMagnitudePrunerConfig(target_sparsity=0.5, weight_threshold=1)
    return cto.prune_weights(model, cto.OptimizationConfig(pruner))


def _pruned_and(config: Callable[[Any], Any], method: str) -> Callable[[Any, Any], Any]:
    def compress(cto: Any, model: Any) -> Any:
        rules = cto.OptimizationConfig(config(cto))
        return getattr(cto, method)(_pruned(cto, model), rules, joint_compression=True)

    return compress


_WAYS: dict[str, tuple[int, set[str], Callable[[Any, Any], Any]]] = {
    "8 bits, iOS 17": (17, {"constexpr_affine_dequantize"}, _linear(mode="linear_symmetric")),
    "8 bits with an offset, iOS 17": (17, {"constexpr_affine_dequantize"}, _linear(mode="linear")),
    "8 bits, iOS 18": (18, {"constexpr_blockwise_shift_scale"}, _linear(mode="linear_symmetric")),
    "4 bits in blocks, iOS 18": (
        18,
        {"constexpr_blockwise_shift_scale"},
        _linear(mode="linear_symmetric", dtype="int4", granularity="per_block", block_size=4),
    ),
    "4 bits with an offset, iOS 18": (
        18,
        {"constexpr_blockwise_shift_scale"},
        _linear(mode="linear", dtype="uint4", granularity="per_block", block_size=4),
    ),
    "a table, iOS 17": (17, {"constexpr_lut_to_dense"}, _table()),
    "a table, iOS 18": (18, {"constexpr_lut_to_dense"}, _table()),
    "tables by groups, iOS 18": (
        18,
        {"constexpr_lut_to_dense"},
        _table(granularity="per_grouped_channel", group_size=4, channel_axis=0),
    ),
    "half of them left out, iOS 17": (17, {"constexpr_sparse_to_dense"}, _pruned),
    "half of them left out, iOS 18": (18, {"constexpr_sparse_to_dense"}, _pruned),
    "left out and 8 bits, iOS 18": (
        18,
        {"constexpr_sparse_to_dense", "constexpr_sparse_blockwise_shift_scale"},
        _pruned_and(
            lambda cto: cto.OpLinearQuantizerConfig(mode="linear_symmetric", weight_threshold=1),
            "linear_quantize_weights",
        ),
    ),
    "left out and a table, iOS 18": (
        18,
        {"constexpr_sparse_to_dense", "constexpr_lut_to_sparse"},
        _pruned_and(
            lambda cto: cto.OpPalettizerConfig(mode="uniform", nbits=4, weight_threshold=1), "palettize_weights"
        ),
    ),
}

_IMAGES = numbers(1, 8, 10, 10)


class _Layers(nn.Module):
    """Two convolutions and a product, so that every kind of weight is there."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Conv2d(8, 16, 3), nn.ReLU(), nn.ConvTranspose2d(16, 8, 2, 2), nn.Linear(16, 12))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.layers(images)
        return answer


@lru_cache
def _converted(ios: int, precision: str) -> Any:
    import coremltools as ct

    with quiet(), torch.random.fork_rng(), torch.no_grad():
        return ct.convert(
            torch.jit.trace(_Layers().eval(), _IMAGES),  # type: ignore[no-untyped-call]  # torch's is untyped
            convert_to="mlprogram",
            inputs=[ct.TensorType("x0", shape=tuple(_IMAGES.shape))],
            minimum_deployment_target=ct.target.iOS18 if ios == 18 else ct.target.iOS17,
            compute_precision=ct.precision.FLOAT16 if precision == "fp16" else ct.precision.FLOAT32,
            skip_model_load=True,
        )


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("way", _WAYS)
def test_compressed_weights_are_restored_as_coremltools_restores_them(way: str, precision: str, tmp_path: Path) -> None:
    ios, kinds, compress = _WAYS[way]
    with quiet():
        import coremltools.optimize.coreml as cto

        compressed = compress(cto, _converted(ios, precision))
        compressed.save(str(tmp_path / "small.mlpackage"))
        restored: Any = cto.decompress_weights(compressed)
        restored.save(str(tmp_path / "whole.mlpackage"))
    small, whole = load_program(tmp_path / "small.mlpackage"), load_program(tmp_path / "whole.mlpackage")

    assert kinds <= set(small.kinds)
    assert not any(kind.startswith("constexpr") for kind in whole.kinds)
    answer, expected = (Evaluator(program).evaluate({"x0": _IMAGES.numpy()}) for program in (small, whole))
    tolerance = 1e-5 if precision == "fp32" else 4e-3  # coremltools restores float16 in float16
    assert list(answer) == list(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(answer[name], value, rtol=tolerance, atol=tolerance)
