"""A graph that is simplified without most of its weights comes out as it would have with them."""

from collections.abc import Callable

import numpy as np
import onnxsim
import pytest
from onnx import ModelProto, helper, numpy_helper

from skinseg_edge.errors import InputError
from skinseg_export import simplified_graph
from skinseg_export.onnx_from_torch import check_model
from skinseg_export.simplified_graph import simplified
from tests.export.small_graphs import SIDE, model_of, two_layers, weight_of


def _folded_into_a_convolution() -> ModelProto:
    kinds = ("scale", "shift", "mean", "variance")
    nodes = [
        helper.make_node("Conv", ["x", "kernel"], ["raw"]),
        helper.make_node("BatchNormalization", ["raw", *kinds], ["y"]),
    ]
    statistics = [numpy_helper.from_array(np.full(SIDE, 0.5, np.float32), kind) for kind in kinds]
    return model_of(nodes, [weight_of("kernel", SIDE, SIDE, 1, 1), *statistics])


def _with_a_bias() -> ModelProto:
    nodes = [
        helper.make_node("MatMul", ["x", "factor"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["y"]),
    ]
    return model_of(nodes, [weight_of("factor", SIDE, SIDE), weight_of("bias", SIDE)])


def _product_of_weights() -> ModelProto:
    nodes = [
        helper.make_node("Transpose", ["low"], ["turned"], perm=[1, 0]),
        helper.make_node("MatMul", ["high", "turned"], ["both"]),
        helper.make_node("MatMul", ["x", "both"], ["y"]),
    ]
    return model_of(nodes, [weight_of("high", SIDE, SIDE), weight_of("low", SIDE, SIDE)])


def _read_twice() -> ModelProto:
    nodes = [
        helper.make_node("Exp", ["factor"], ["larger"]),
        helper.make_node("MatMul", ["x", "factor"], ["one"]),
        helper.make_node("MatMul", ["one", "larger"], ["y"]),
    ]
    return model_of(nodes, [weight_of("factor", SIDE, SIDE)])


_TO_FOLD = (_folded_into_a_convolution, _with_a_bias, _product_of_weights, _read_twice)


@pytest.mark.parametrize("made", [two_layers, *_TO_FOLD])
def test_a_graph_is_simplified_as_it_would_be_with_all_its_weights(made: Callable[[], ModelProto]) -> None:
    model = made()
    expected, _ = onnxsim.simplify(model)

    found = simplified(model)

    assert list(found.graph.node) == list(expected.graph.node)
    assert list(found.graph.input) == list(expected.graph.input)
    weights, right = ({each.name: each.raw_data for each in one.graph.initializer} for one in (found, expected))
    assert weights == right
    check_model(found)


def test_the_simplifier_is_spared_what_it_computes_nothing_with(monkeypatch: pytest.MonkeyPatch) -> None:
    real, given = onnxsim.simplify, list[set[str]]()

    def noted(model: ModelProto) -> tuple[ModelProto, bool]:
        given.append({weight.name for weight in model.graph.initializer})
        found: tuple[ModelProto, bool] = real(model)
        return found

    monkeypatch.setattr(onnxsim, "simplify", noted)
    for made in (two_layers, *_TO_FOLD):
        simplified(made())

    assert given == [{"shift"}, *({weight.name for weight in made().graph.initializer} for made in _TO_FOLD)]


def test_numbers_that_onnxsim_itself_finds_wrong_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simplified_graph, "put_back", None)  # nothing is gone on with
    monkeypatch.setattr(onnxsim, "simplify", lambda model: (model, False))

    with pytest.raises(InputError, match="cannot simplify the ONNX graph: onnxsim's own check found other numbers"):
        simplified(two_layers())
