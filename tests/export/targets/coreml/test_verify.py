"""Packages by the real coremltools against the network they were made of: sound ones, and every planted fault."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import IntegrityFailed, VerificationFailed
from skinseg_export.golden import golden_from_synthetic
from skinseg_export.onnx_from_torch import onnx_from_torch
from skinseg_export.parity import noise_pictures
from skinseg_export.targets.coreml import divergence
from skinseg_export.targets.coreml.build import mlpackage_from_torch
from skinseg_export.targets.coreml.divergence import divergence_story, first_divergence
from skinseg_export.targets.coreml.mil_reference import MilProgram, load_program
from skinseg_export.targets.coreml.options import CoremlOptions, CoremlPrecision
from skinseg_export.targets.coreml.structure import check_structure
from skinseg_export.targets.coreml.toss_ups import explained_by_toss_ups
from skinseg_export.targets.coreml.verify import EVALUATED, TrainedSide, verify_program
from skinseg_export.targets.coreml.weight_check import foreign_constants
from skinseg_export.torch_engine import TorchEngine
from skinseg_runtime import Segmenter
from tests.export.darkness import FACE_CONTRACT, Gate, Levels
from tests.export.targets.coreml.planted import (
    CONTRACT,
    Spots,
    change_specification,
    flip_byte,
    set_byte,
    swap_tensors,
    weight_places,
)

_HALF, _SINGLE = CoremlOptions(), CoremlOptions(precision="fp32")


def _saved(network: nn.Module, folder: Path, options: CoremlOptions, contract: ModelContract = CONTRACT) -> Path:
    pytest.importorskip("coremltools", reason="needs the coreml extra")
    package = folder / "model.mlpackage"
    mlpackage_from_torch(network, contract, package, options, calibration=noise_pictures(contract))
    return package


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _saved(Spots(), tmp_path_factory.mktemp("fp32"), _SINGLE)


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _saved(Spots(), tmp_path_factory.mktemp("fp16"), _HALF)


@pytest.fixture(scope="module")
def side(single: Path) -> TrainedSide:
    golden = golden_from_synthetic(Segmenter(CONTRACT, TorchEngine(Spots(), CONTRACT)))[:3]
    assert all(0.01 < case.mask.mean() < 0.9 for case in golden)  # else Dice would say nothing
    return TrainedSide(Spots(), CONTRACT, golden, load_program(single))


@pytest.fixture
def spoiled(half: Path, tmp_path: Path) -> Path:
    """A copy of the package to spoil."""
    return shutil.copytree(half, tmp_path / "model.mlpackage")


def _refusal(package: Path, side: TrainedSide, options: CoremlOptions = _HALF) -> str:
    with pytest.raises(VerificationFailed) as caught:
        verify_program(load_program(package), options, side)
    return str(caught.value)


def test_the_fp32_program_is_the_network(single: Path, side: TrainedSide) -> None:
    checks, parity = verify_program(load_program(single), _SINGLE, side)

    assert isinstance(checks["max_error"], float)
    assert checks["max_error"] <= 1e-5  # two sums in another order; allowed is 1e-4
    assert checks["numbers_verified"] == EVALUATED
    assert [each.name for each in parity.pictures] == ["golden/01", "golden/02", "golden/03", *_NOISE]


_NOISE = [f"noise/{number:02d}" for number in (1, 2, 3)]


@pytest.mark.parametrize("precision", ["fp16", "int8", "palettized", "w8a8"])
def test_each_precision_is_accepted_with_its_figures(
    precision: CoremlPrecision, side: TrainedSide, tmp_path: Path
) -> None:
    options = CoremlOptions(precision=precision)
    package = _saved(Spots(), tmp_path, options)

    checks, _ = verify_program(load_program(package), options, side)

    assert foreign_constants(load_program(package), side.fresh, precision) == ()
    assert isinstance(checks["dice"], float)
    assert checks["dice"] > (0.9 if precision in ("palettized", "w8a8") else 0.98)


def test_several_classes_are_verified_with_their_class_map(tmp_path: Path) -> None:
    package = _saved(Levels(), tmp_path, _SINGLE, FACE_CONTRACT)
    program = load_program(package)
    faces = golden_from_synthetic(Segmenter(FACE_CONTRACT, TorchEngine(Levels(), FACE_CONTRACT)))[:2]

    checks, _ = verify_program(program, _SINGLE, TrainedSide(Levels(), FACE_CONTRACT, faces, program))

    assert checks["disagreement"] == 0


def test_every_size_is_evaluated(tmp_path: Path, side: TrainedSide) -> None:
    options = replace(_HALF, sizes=((32, 48),))
    package = _saved(Spots(), tmp_path, options)

    structure = check_structure(package, CONTRACT, options, parameters=1401)
    fresh = load_program(_saved(Spots(), tmp_path / "fresh", replace(options, precision="fp32")))
    checks, _ = verify_program(load_program(package), options, replace(side, fresh=fresh))

    assert structure.sizes == ((64, 96), (32, 48))
    assert isinstance(checks["max_error_32x48"], float)
    assert checks["max_error_32x48"] < 1e-2


def test_a_changed_byte_of_the_weight_file_is_found_though_no_mask_turns(spoiled: Path, side: TrainedSide) -> None:
    start, _ = weight_places(spoiled, "pixels_network_second_weight")
    flip_byte(spoiled, start + 2 * 100)  # the lowest bit of number 100

    assert "the weight of input_" in (words := _refusal(spoiled, side))
    assert "differs in 1 of 576 numbers (number 100 is " in words
    assert "trained network's; export it anew" in words


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_changed_byte_is_found_in_other_precisions(
    precision: CoremlPrecision, side: TrainedSide, tmp_path: Path
) -> None:
    options = CoremlOptions(precision=precision)
    package = _saved(Spots(), tmp_path, options)
    start, size = weight_places(package, "pixels_network_second_weight")
    flip_byte(package, start + size // 2)

    assert "differs in 1 of 576 numbers" in _refusal(package, side, options)


@pytest.mark.parametrize("precision", ["palettized", "w8a8"])
def test_weights_of_few_bits_that_changed_places_are_found(
    precision: CoremlPrecision, side: TrainedSide, tmp_path: Path
) -> None:
    options = CoremlOptions(precision=precision)
    package = _saved(Spots(), tmp_path, options)
    names = ["dequantize_1_affine", "dequantize_3_affine"]
    if precision == "palettized":
        names = ["pixels_network_second_weight", "pixels_network_third_weight"]
    swap_tensors(package, *names)

    assert "of 576 numbers (number 0 is " in _refusal(package, side, options)


def test_a_weight_that_chose_another_value_of_its_table_is_found(side: TrainedSide, tmp_path: Path) -> None:
    options = CoremlOptions(precision="palettized")
    package = _saved(Spots(), tmp_path, options)
    start, size = weight_places(package, "pixels_network_second_weight")
    flip_byte(package, start + size // 2)

    assert "differs in 1 of 576 numbers" in _refusal(package, side, options)


class _Uneven(Spots):
    """A layer with output channels of all magnitudes."""

    def __init__(self) -> None:
        super().__init__()
        with torch.no_grad():
            self.second.weight.mul_(torch.tensor([1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8, 0, 1])[:, None, None, None])


@pytest.mark.parametrize("precision", ["int8", "w8a8"])
def test_small_channels_are_held_to_their_own_scales(precision: CoremlPrecision, tmp_path: Path) -> None:
    options = CoremlOptions(precision=precision)
    fresh, package = _saved(_Uneven(), tmp_path / "fresh", _SINGLE), _saved(_Uneven(), tmp_path / "ours", options)
    assert foreign_constants(load_program(package), load_program(fresh), precision) == ()
    name = "dequantize_1_affine" if precision == "w8a8" else "pixels_network_second_weight"
    start, _ = weight_places(package, name)
    for number in range(72, 144):  # the channel of a hundredth
        set_byte(package, start + number, 127)

    (found,) = foreign_constants(load_program(package), load_program(fresh), precision)

    assert "of 576 numbers (number 72 is 0." in str(found)


def test_two_tensors_that_changed_places_are_named_with_the_operator(spoiled: Path, side: TrainedSide) -> None:
    swap_tensors(spoiled, "pixels_network_second_weight", "pixels_network_third_weight")

    words = _refusal(spoiled, side)

    assert "the weight of " in words
    assert "(conv) differs in " in words
    assert "of 576 numbers" in words


def test_colours_in_another_order_are_refused_by_the_face_and_known_by_the_answer(
    spoiled: Path, side: TrainedSide
) -> None:
    def turn(specification: Any) -> None:
        image = specification.description.input[0].type.imageType
        image.colorSpace = image.ColorSpace.Value("BGR")

    change_specification(spoiled, turn)

    with pytest.raises(VerificationFailed, match="input colours: 'BGR', expected 'RGB'"):
        check_structure(spoiled, CONTRACT, _HALF, parameters=1401)
    assert "it answers as if its colours came in the order BGR" in _refusal(spoiled, side)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("skinseg.contract", "its contract: 'wrong', expected '{"),
        ("skinseg.compute_units", "its compute_units: 'wrong', expected 'ALL'"),
        (
            "com.apple.coreml.model.preview.params",
            r"""its preview's params: 'wrong', expected '{"labels": \["skin", "le""",
        ),
    ],
)
def test_an_entry_that_an_app_or_xcode_would_trust_is_checked(spoiled: Path, entry: str, words: str) -> None:
    def overwrite(specification: Any) -> None:
        specification.description.metadata.userDefined[entry] = "wrong"

    change_specification(spoiled, overwrite)

    with pytest.raises(VerificationFailed, match=words):
        check_structure(spoiled, CONTRACT, _HALF, parameters=1401)


def test_a_range_of_sizes_is_refused(spoiled: Path) -> None:
    def free(specification: Any) -> None:
        limits = specification.description.input[0].type.imageType.imageSizeRange
        limits.heightRange.lowerBound = limits.widthRange.lowerBound = 16
        limits.heightRange.upperBound = limits.widthRange.upperBound = -1

    change_specification(spoiled, free)

    with pytest.raises(VerificationFailed, match="its range of input sizes: True, expected False"):
        check_structure(spoiled, CONTRACT, _HALF, parameters=1401)


@pytest.mark.parametrize(
    "part", ["Manifest.json", "Data/com.apple.CoreML/model.mlmodel", "Data/com.apple.CoreML/weights/weight.bin"]
)
def test_a_missing_part_is_named(spoiled: Path, part: str) -> None:
    (spoiled / part).unlink()

    with pytest.raises(IntegrityFailed, match=f"cannot read .*{Path(part).name}: "):
        check_structure(spoiled, CONTRACT, _HALF, parameters=1401)


def test_a_missing_standard_deviation_is_named(side: TrainedSide, tmp_path: Path) -> None:
    package = _saved(Spots(), tmp_path, _HALF, replace(CONTRACT, std=(1.0, 1.0, 1.0)))

    words = _refusal(package, side)

    assert "it answers as if nothing were divided by the standard deviation" in words
    assert "(number 0 is " in words  # the constant that should divide
    with pytest.raises(VerificationFailed, match=r'its contract: .*"std": \[1.0, 1.0, 1.0\]'):
        check_structure(package, CONTRACT, _HALF, parameters=1401)


def test_a_swapped_output_is_named(side: TrainedSide, tmp_path: Path) -> None:
    class Background(Spots):
        def forward(self, images: Tensor) -> Tensor:
            return -super().forward(images)

    words = _refusal(_saved(Background(), tmp_path, _HALF), side)

    assert "it answers as if its answer were the probability of background (1 - p)" in words
    assert "on golden/01 its " in words


def test_swapped_classes_are_named(tmp_path: Path) -> None:
    class Turned(Levels):
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images).flip(1)

    faces = golden_from_synthetic(Segmenter(FACE_CONTRACT, TorchEngine(Levels(), FACE_CONTRACT)))[:2]
    fresh = load_program(_saved(Levels(), tmp_path / "fresh", _SINGLE, FACE_CONTRACT))
    turned = _saved(Turned(), tmp_path / "turned", _HALF, FACE_CONTRACT)

    words = _refusal(turned, TrainedSide(Levels(), FACE_CONTRACT, faces, fresh))

    assert "its classes stood in the order RF, LF, XB, HHB, ET, BACKGROUND" in words


def test_a_class_map_with_another_threshold_is_refused(side: TrainedSide, tmp_path: Path) -> None:
    package = _saved(Spots(), tmp_path, _HALF, replace(CONTRACT, threshold=0.6))

    assert "pixels from what its probability says (lesion from 0.4 on)" in _refusal(package, side)


def test_a_foreign_network_is_refused_with_the_operator_that_differs_first(side: TrainedSide, tmp_path: Path) -> None:
    other = Spots()
    with torch.no_grad():
        other.second.weight.mul_(3)

    words = _refusal(_saved(other, tmp_path, _HALF), side)

    assert "the first operator that differs from a freshly converted program's is input_" in words
    assert "(conv, relative error " in words


def test_a_sound_program_diverges_nowhere(half: Path, side: TrainedSide) -> None:
    assert first_divergence(load_program(half), side.fresh, noise_pictures(CONTRACT)[0], 5e-2) is None


def test_values_that_do_not_fit_memory_are_not_compared(
    half: Path, side: TrainedSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(divergence, "_MOST_BYTES", 1000)

    story = divergence_story(load_program(half), side.fresh, noise_pictures(CONTRACT)[0], "fp16")

    assert story.endswith("the values would take more than 4 GiB")


def test_an_operator_that_is_newer_than_the_oldest_ios_is_refused(tmp_path: Path) -> None:
    options = CoremlOptions(precision="int4", ios=18)
    package = _saved(Spots(), tmp_path, options)
    check_structure(package, CONTRACT, options, parameters=1401)

    def pretend(specification: Any) -> None:
        specification.specificationVersion = 8
        program = specification.mlProgram.functions["main"]
        block = program.block_specializations["CoreML8"]
        program.block_specializations["CoreML7"].CopyFrom(block)
        del program.block_specializations["CoreML8"]
        program.opset = "CoreML7"
        specification.description.metadata.userDefined["skinseg.precision"] = "fp16"

    change_specification(package, pretend)

    with pytest.raises(VerificationFailed, match=r"operator constexpr_blockwise_shift_scale is known from iOS 18 on"):
        check_structure(package, CONTRACT, _HALF, parameters=1401)


_GATES = ModelContract(input_hw=(128, 128), mean=(128 / 255, 0.5, 0.5))


def _gate(folder: Path, shift: float) -> MilProgram:
    network = Gate()
    with torch.no_grad():
        network.shift.bias.fill_(shift)  # type: ignore[union-attr]  # made with a bias
    return load_program(_saved(network, folder, _SINGLE, _GATES))


@pytest.mark.parametrize(("shift", "explained"), [(-1e-6, True), (-4e-3, False)])
def test_only_gates_that_rounding_decides_are_explained(shift: float, explained: bool, tmp_path: Path) -> None:
    exported = onnx_from_torch(Gate(), _GATES).program
    picture = np.random.default_rng(3).integers(0, 256, (1, 128, 128, 3), np.uint8)

    flips = explained_by_toss_ups(_gate(tmp_path, shift), exported, picture, 1e-4)

    assert (flips is not None) == explained
    if flips is not None:
        assert flips > 10  # about one red value in 256 is the threshold itself


def test_a_fault_is_not_blamed_on_what_does_not_explain_it(side: TrainedSide, tmp_path: Path) -> None:
    other = Spots()
    with torch.no_grad():
        other.second.weight.copy_(other.second.weight.flip(1))

    words = _refusal(_saved(other, tmp_path, _HALF), side)

    assert "it answers as if" not in words
