"""How far values reach, over several pictures, with NaN and long sums; and what follows for half precision."""

import numpy as np
import onnx
import onnx.parser
import pytest
from numpy.typing import NDArray

from skinseg_export.layer_values import single_values
from skinseg_export.onnx_from_torch import OnnxExport
from skinseg_export.quantization.ranges import calibrate
from skinseg_export.range_scan import RangeScan, scan_ranges, value_reaches
from tests.export.darkness import CONTRACT


def _pictures(count: int = 3) -> list[NDArray[np.uint8]]:
    return list(np.random.default_rng(0).integers(0, 256, (count, 1, *CONTRACT.input_hw, 3), np.uint8))


def _model(body: str, shape: str = "1, 3, 8, 8") -> onnx.ModelProto:
    model = onnx.parser.parse_model(
        f"""<ir_version: 10, opset_import: ["" : 21]>
        scanned (uint8[{shape}] image) => (float[n, c, h, w] probability)
        {{ pixels = Cast<to = 1>(image) {body} }}"""
    )
    for node in model.graph.node:
        node.name = f"made/{node.output[0]}"
    return model


def test_the_reach_of_a_node_is_the_largest_over_all_pictures(exported: OnnxExport) -> None:
    pictures = _pictures()

    reaches = scan_ranges(exported.model, pictures).reaches

    values = [single_values(exported.model, picture) for picture in pictures]
    for node in exported.model.graph.node:
        if values[0][node.output[0]].dtype == np.float32:
            assert reaches[node.name] == max(np.abs(each[node.output[0]]).max() for each in values)
    assert reaches["Cast_0"] == 255


def test_nodes_with_whole_numbers_alone_are_not_scanned() -> None:
    model = _model("sizes = Shape(pixels) probability = Reshape(pixels, sizes)")

    assert list(scan_ranges(model, [np.ones((1, 3, 8, 8), np.uint8)]).reaches) == ["made/pixels", "made/probability"]


def test_the_values_to_look_at_can_be_named(exported: OnnxExport) -> None:
    convolution = next(node.output[0] for node in exported.model.graph.node if node.op_type == "Conv")

    assert list(value_reaches(exported.model, _pictures(1), {convolution})) == [convolution]
    assert value_reaches(exported.model, _pictures(1), set()) == {}


def test_the_values_of_a_scan_are_those_that_calibration_calls_largest() -> None:
    model = _model("""
        halves = Constant<value_ints = [1, 2]>() first, second = Split<axis = 1>(pixels, halves)
        doubled = Add(second, second) probability = Concat<axis = 1>(first, doubled)
    """)
    pictures = [np.full((1, 3, 8, 8), 7, np.uint8)]
    pictures[0][0, 0] = 9  # of the first channel, as this model sees it

    scanned = scan_ranges(model, pictures)

    names = ("pixels", "first", "second", "doubled")
    assert {name: scanned.values[name] for name in names} == calibrate(model, [pictures[0][0]], names)["minmax"]
    assert (scanned.values["second"], scanned.reaches["made/first"]) == (7.0, 9.0)


def test_the_inside_of_a_recurrence_is_not_scanned_and_what_leaves_it_is() -> None:
    model = _model("""
        rates = Neg(pixels) decays = Exp(rates)
        first = Mul(decays, pixels) second = Add(first, pixels)
        probability = Relu(second)
    """)

    reaches = scan_ranges(model, [np.full((1, 3, 8, 8), 7, np.uint8)]).reaches

    assert list(reaches) == ["made/pixels", "made/rates", "made/second", "made/probability"]
    assert reaches["made/second"] == pytest.approx(7 + 7 * np.exp(-7))


@pytest.mark.parametrize("place", range(0, 192, 31))
def test_a_nan_reaches_to_infinity_wherever_it_stands(place: int) -> None:
    picture = np.full((1, 3, 8, 8), 9, np.uint8)
    picture.flat[place] = 0
    model = _model("ratio = Div(pixels, pixels) probability = Identity(ratio)")  # 0 / 0

    scan = scan_ranges(model, [np.ones_like(picture), picture])

    assert scan.reaches == {"made/pixels": 9, "made/ratio": np.inf, "made/probability": np.inf}
    assert scan.largest == ("made/ratio", np.inf)


def test_a_loud_node_and_those_that_read_it_are_kept_and_no_others() -> None:
    model = _model("""
        squares = Mul(pixels, pixels)
        sizes = Shape(squares)
        roots = Sqrt(squares)
        sum = Add(roots, pixels)
        probability = Sigmoid(sum)
    """)

    kept = scan_ranges(model, [np.full((1, 3, 8, 8), 200, np.uint8)]).kept(model)  # 200^2 > 2^15

    assert kept == {"made/squares", "made/sizes", "made/roots"}


def test_quiet_values_keep_nothing() -> None:
    model = _model("squares = Mul(pixels, pixels) probability = Sqrt(squares)")

    assert scan_ranges(model, [np.full((1, 3, 8, 8), 181, np.uint8)]).kept(model) == frozenset()  # 181^2 = 32761


def test_a_q_is_not_kept_because_it_takes_the_precision_of_what_it_reads() -> None:
    model = _model("""
        squares = Mul(pixels, pixels)
        scale = Constant<value = float {500.0}>()
        zero = Constant<value = int8 {0}>()
        eight = QuantizeLinear(squares, scale, zero)
        back = DequantizeLinear(eight, scale, zero)
        probability = Sqrt(back)
    """)

    kept = scan_ranges(model, [np.full((1, 3, 8, 8), 200, np.uint8)]).kept(model)

    assert kept == {"made/squares", "made/probability"}


_LONG, _SHORT = "1, 2, 256, 257", "1, 2, 256, 256"  # 65,792 and 65,536 elements a channel


@pytest.mark.parametrize(
    "sum_of_a_channel",
    [
        "probability = GlobalAveragePool(pixels)",
        "axes = Constant<value_ints = [2, 3]>() probability = ReduceMean(pixels, axes)",
        "axes = Constant<value_ints = [2, 3]>() probability = ReduceL2(pixels, axes)",
        "flat = Flatten<axis = 2>(pixels) soft = Softmax<axis = -1>(flat) probability = Identity(soft)",
        "one = Constant<value_floats = [1.0, 1.0]>() probability = InstanceNormalization(pixels, one, one)",
        "one = Constant<value_floats = [1.0, 1.0]>() "
        "probability = GroupNormalization<num_groups = 2>(pixels, one, one)",
    ],
)
def test_sums_over_more_than_2_to_the_16_elements_are_long(sum_of_a_channel: str) -> None:
    long, short = _model(sum_of_a_channel, _LONG), _model(sum_of_a_channel, _SHORT)

    (found,) = scan_ranges(long, []).long_reductions

    assert found in ("made/probability", "made/soft")
    assert found in scan_ranges(long, []).kept(long)
    assert scan_ranges(short, []).long_reductions == ()


def test_a_pooling_window_counts_its_own_elements() -> None:
    body = "probability = AveragePool<kernel_shape = [256, {columns}], strides = [1, 1]>(pixels)"

    assert scan_ranges(_model(body.format(columns=257), "1, 1, 300, 300"), []).long_reductions == ("made/probability",)
    assert scan_ranges(_model(body.format(columns=256), "1, 1, 300, 300"), []).long_reductions == ()


def test_an_open_batch_counts_as_one_picture() -> None:
    model = _model("probability = GlobalAveragePool(pixels)", "N, 2, 256, 256")

    assert scan_ranges(model, [np.full((1, 2, 256, 256), 7, np.uint8)]) == RangeScan(
        {"made/pixels": 7, "made/probability": 7}, ()
    )
