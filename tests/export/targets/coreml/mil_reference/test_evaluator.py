"""How the walk goes: what is stored in which type, what is watched, what is computed once, what is refused."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from skinseg_edge.errors import VerificationFailed
from skinseg_export.deployed_graph import INPUT_NAME, PixelGraph
from skinseg_export.foreign_noise import quiet
from skinseg_export.targets.coreml.mil_reference import Evaluator, MilProgram, UnknownOperator, load_program
from skinseg_export.targets.coreml.mil_reference.program import Constant
from tests.export.darkness import CONTRACT, Darkness
from tests.export.targets.coreml.mil_reference.case import numbers
from tests.export.targets.coreml.mil_reference.conversion import evaluated, saved, saved_module, saved_network

pytest.importorskip("coremltools", reason="needs the coreml extra")

_PICTURE = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> MilProgram:
    folder = tmp_path_factory.mktemp("coreml")
    return load_program(saved_network(Darkness(), CONTRACT, folder / "model.mlpackage", precision="fp32"))


def _expected(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    pixels = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        return np.asarray(PixelGraph(Darkness(), CONTRACT).eval()(pixels).numpy())


def _builder() -> Any:
    from coremltools.converters.mil import Builder

    return Builder


def _changed(program: MilProgram, chosen: str, **changes: Any) -> MilProgram:
    """Return *program* with the first operation of the kind *chosen* changed."""
    operations = list(program.operations)
    place = next(place for place, operation in enumerate(operations) if operation.kind == chosen)
    operations[place] = dataclasses.replace(operations[place], **changes)
    return dataclasses.replace(program, operations=tuple(operations))


def test_a_picture_gives_what_the_network_gives(program: MilProgram) -> None:
    answer = Evaluator(program).run(_PICTURE)

    assert list(answer) == ["probability"]
    assert answer["probability"].dtype == np.float32
    np.testing.assert_allclose(answer["probability"], _expected(_PICTURE), rtol=0, atol=1e-5)
    np.testing.assert_array_equal(Evaluator(program).run(_PICTURE[None])["probability"], answer["probability"])


def test_an_input_that_wants_blue_first_gets_blue_first(program: MilProgram) -> None:
    blue_first = dataclasses.replace(program, inputs=(dataclasses.replace(program.inputs[0], colours="BGR"),))

    answer = Evaluator(blue_first).run(_PICTURE)["probability"]

    np.testing.assert_allclose(answer, _expected(_PICTURE[:, :, ::-1]), rtol=0, atol=1e-5)


def test_results_are_watched_in_the_order_and_the_types_of_the_program(tmp_path: Path) -> None:
    program = load_program(saved_network(Darkness(), CONTRACT, tmp_path / "model.mlpackage", precision="fp16"))
    seen: list[tuple[str, str, tuple[int, ...]]] = []

    Evaluator(program).run(_PICTURE, watch=lambda name, value: seen.append((name, value.dtype.name, value.shape)))

    types = {"fp16": "float16", "fp32": "float32"}
    declared = [value for operation in program.operations for value in operation.outputs]
    assert seen == [(value.name, types[value.dtype], value.shape) for value in declared]
    assert {dtype for _, dtype, _ in seen} == {"float16", "float32"}


def test_a_float16_program_rounds_between_operators_and_sums_in_float32(tmp_path: Path) -> None:
    class Sum(nn.Module):
        def forward(self, values: Tensor) -> Tensor:
            return torch.sum(values * 1.0009765625, 1)

    # 2048 times the float16 above 1, 1 + 2^-10, make 2050, which float16 holds; summed in float16 they stop at 2048.
    values = torch.ones(1, 2048)

    answer = evaluated(saved_module(Sum(), [values], tmp_path / "sum.mlpackage", precision="fp16"), [values])

    assert answer[0].dtype == np.float16
    np.testing.assert_array_equal(answer[0], [2050])


def test_what_is_too_large_for_float16_becomes_infinite(tmp_path: Path) -> None:
    class Square(nn.Module):
        def forward(self, values: Tensor) -> Tensor:
            return values * values - 1

    values = torch.tensor([[255.0, 256.0]])  # 65536 is beyond 65504

    answer = evaluated(saved_module(Square(), [values], tmp_path / "square.mlpackage", precision="fp16"), [values])

    # float16 goes in steps of 32 here: 65025 is stored as 65024, and one less as 65024 again.
    np.testing.assert_array_equal(answer[0], [[65024, np.inf]])


def test_a_size_that_is_free_until_the_program_runs_is_followed(tmp_path: Path) -> None:
    import coremltools as ct

    class Rows(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            half = F.avg_pool2d(image, 2)
            return half.reshape(half.shape[0], half.shape[1] * half.shape[2], half.shape[3])

    sizes = ct.EnumeratedShapes([(1, 3, 8, 8), (1, 3, 12, 16)], default=(1, 3, 8, 8))
    with quiet():
        traced = torch.jit.trace(Rows(), torch.zeros(1, 3, 8, 8))  # type: ignore[no-untyped-call]  # torch's is untyped
    image = ct.ImageType(INPUT_NAME, shape=sizes, color_layout=ct.colorlayout.RGB)
    program = saved(traced, tmp_path / "rows.mlpackage", "fp32", ct.target.iOS17, inputs=[image])
    picture = _PICTURE[:12, :16]

    answer = Evaluator(program).run(picture)[program.outputs[0].name]

    assert program.inputs[0].sizes == ((8, 8), (12, 16))
    assert "shape" in program.kinds
    pixels = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float()
    np.testing.assert_allclose(answer, Rows()(pixels).numpy(), rtol=1e-5)
    with pytest.raises(VerificationFailed, match=r"on an image \(9, 9, 3\) uint8: expected .* one of .*\(12, 16\)"):
        Evaluator(program).run(_PICTURE[:9, :9])


def test_an_image_whose_size_is_free_in_a_range_may_have_any(tmp_path: Path) -> None:
    import coremltools as ct

    sides = ct.RangeDim(8, 32, default=8), ct.RangeDim(8, 32, default=8)
    with quiet():
        traced = torch.jit.trace(nn.AvgPool2d(2), torch.zeros(1, 3, 8, 8))  # type: ignore[no-untyped-call]  # torch's is untyped
    image = ct.ImageType(INPUT_NAME, shape=(1, 3, *sides), color_layout=ct.colorlayout.RGB)
    program = saved(traced, tmp_path / "pool.mlpackage", "fp32", ct.target.iOS17, inputs=[image])

    answer = Evaluator(program).run(_PICTURE[:10, :20])[program.outputs[0].name]

    assert program.inputs[0].sizes == ()
    assert answer.shape == (1, 3, 5, 10)
    with pytest.raises(VerificationFailed, match="H x W one of a range"):
        Evaluator(program).run(_PICTURE[:, :, :1])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"sampling_mode": "ALIGN_CORNERS"},
            "the nearest neighbour is defined for DEFAULT only, not for ALIGN_CORNERS",
        ),
        ({"resized_dims": np.uint32(3), "shape": [5, 8, 8]}, "resizes more than two dimensions"),
    ],
)
def test_a_resize_that_the_documentation_leaves_open_is_refused(
    changes: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    import coremltools as ct

    mb = _builder()
    options = {"shape": [8, 8], "resized_dims": np.uint32(2), "interpolation_mode": "NEAREST_NEIGHBOR", **changes}

    @mb.program(input_specs=[mb.TensorSpec((1, 3, 4, 4))], opset_version=ct.target.iOS17)  # type: ignore[untyped-decorator]  # it is Any
    def resized(x: Any) -> Any:
        return mb.resize(x=x, **options)

    program = saved(resized, tmp_path / "resized.mlpackage", "fp32", ct.target.iOS17)

    with pytest.raises(VerificationFailed, match=rf"\(resize\): {reason}"):
        evaluated(program, [numbers(1, 3, 4, 4)])


def test_only_what_leads_to_the_wanted_outputs_is_computed(tmp_path: Path) -> None:
    class Both(nn.Module):
        def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
            return torch.tanh(values), torch.exp(values)

    values = numbers(1, 4)
    program = saved_module(Both(), [values], tmp_path / "both.mlpackage")
    wanted, seen = program.outputs[1].name, set[str]()

    answer = Evaluator(program, outputs=(wanted,)).evaluate(
        {"x0": values.numpy()}, watch=lambda name, _: seen.add(name)
    )

    assert list(answer) == [wanted]
    assert program.outputs[0].name not in seen
    np.testing.assert_allclose(answer[wanted], np.exp(values.numpy()), rtol=1e-6)


def test_what_depends_on_constants_alone_is_computed_once_and_can_be_read(tmp_path: Path) -> None:
    import coremltools as ct

    mb = _builder()

    scaled = np.array([[1, 2], [3, 4]], np.int8)

    @mb.program(input_specs=[mb.TensorSpec((2, 2))], opset_version=ct.target.iOS17)  # type: ignore[untyped-decorator]  # it is Any
    def product(x: Any) -> Any:
        weights = mb.constexpr_affine_dequantize(
            quantized_data=scaled, zero_point=np.int8(1), scale=np.float32(0.5), axis=np.int32(0), name="weights"
        )
        return mb.matmul(x=x, y=weights)

    program = saved(product, tmp_path / "product.mlpackage", "fp32", ct.target.iOS17)
    seen: list[str] = []
    evaluator = Evaluator(program)

    evaluator.evaluate({"x": np.eye(2, dtype=np.float32)}, watch=lambda name, _: seen.append(name))

    np.testing.assert_array_equal(
        evaluator.restored["weights"], np.array([[0, 0.5], [1, 1.5]], np.float32), strict=True
    )
    assert seen == [program.outputs[0].name]


def test_a_constant_may_be_an_output(tmp_path: Path) -> None:
    import coremltools as ct

    mb = _builder()

    @mb.program(input_specs=[mb.TensorSpec((1, 2, 3))], opset_version=ct.target.iOS17)  # type: ignore[untyped-decorator]  # it is Any
    def known(x: Any) -> Any:
        return mb.shape(x=x), mb.relu(x=x)

    program = saved(known, tmp_path / "known.mlpackage", "fp32", ct.target.iOS17)

    answer = evaluated(program, [torch.zeros(1, 2, 3)])

    np.testing.assert_array_equal(answer[0], [1, 2, 3])


def test_an_input_may_be_an_output(tmp_path: Path) -> None:
    import coremltools as ct

    mb = _builder()

    @mb.program(input_specs=[mb.TensorSpec((1, 4))], opset_version=ct.target.iOS17)  # type: ignore[untyped-decorator]  # it is Any
    def same(x: Any) -> Any:
        return mb.identity(x=x)

    program = saved(same, tmp_path / "same.mlpackage", "fp32", ct.target.iOS17)
    values = numbers(1, 4)

    assert program.kinds == {"identity": 1}
    np.testing.assert_array_equal(evaluated(program, [values])[0], values.numpy())


def test_an_unknown_operator_is_named_with_its_place(program: MilProgram) -> None:
    strange = _changed(program, "sigmoid", kind="sigmoid_of_tomorrow")
    place = [operation.kind for operation in strange.operations].index("sigmoid_of_tomorrow")

    with pytest.raises(UnknownOperator, match=rf"operation {place} \(probability\) needs sigmoid_of_tomorrow, which"):
        Evaluator(strange)


def test_an_unknown_input_of_an_operator_is_named(program: MilProgram) -> None:
    sigmoid = next(operation for operation in program.operations if operation.kind == "sigmoid")
    strange = _changed(
        program, "sigmoid", inputs={**sigmoid.inputs, "slope": Constant("slope", np.array(2.0, np.float32))}
    )

    with pytest.raises(UnknownOperator, match="needs sigmoid's input 'slope', which the reference evaluator"):
        Evaluator(strange)


def test_a_result_of_another_shape_than_the_program_says_is_told(program: MilProgram) -> None:
    sigmoid = next(operation for operation in program.operations if operation.kind == "sigmoid")
    wrong = _changed(program, "sigmoid", outputs=(dataclasses.replace(sigmoid.outputs[0], shape=(1, 2, 64, 96)),))

    with pytest.raises(
        VerificationFailed, match=r"at probability \(sigmoid\): its shape is \(1, 1, 64, 96\), expected"
    ):
        Evaluator(wrong).run(_PICTURE)


def test_numbers_that_do_not_fit_an_operator_are_told_with_its_name(program: MilProgram) -> None:
    convolution = next(operation for operation in program.operations if operation.kind == "conv")
    weight = Constant("weight", np.zeros((1, 4, 5, 5), np.float32))
    wrong = _changed(program, "conv", inputs={**convolution.inputs, "weight": weight})

    with pytest.raises(VerificationFailed, match=rf"at {convolution.outputs[0].name} \(conv\): .*; export it anew"):
        Evaluator(wrong).run(_PICTURE)


def test_a_program_without_an_image_is_not_run_on_a_picture(tmp_path: Path) -> None:
    values = numbers(1, 3, 4, 4)
    program = saved_module(nn.ReLU(), [values], tmp_path / "relu.mlpackage")

    with pytest.raises(VerificationFailed, match=r"it takes x0 \(tensor\), expected one RGB image"):
        Evaluator(program).run(_PICTURE)


def test_a_picture_of_floats_or_several_pictures_are_refused(program: MilProgram) -> None:
    for image in (_PICTURE.astype(np.float32), np.stack([_PICTURE, _PICTURE])):
        with pytest.raises(VerificationFailed, match=r"expected \(1, H, W, 3\) uint8, H x W one of \[\(64, 96\)\]"):
            Evaluator(program).run(image)  # type: ignore[arg-type]  # the point of the test
