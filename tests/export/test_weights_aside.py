"""Graphs lose their weights and nothing else, and get them back."""

import onnx
import pytest

from skinseg_export.onnx_from_torch import check_model
from skinseg_export.weights_aside import copy_without, large_weights, put_back, with_weights_as_inputs
from tests.export.small_graphs import two_layers


def test_a_copy_without_weights_has_everything_else() -> None:
    model = two_layers()

    light = copy_without(model, {"factor", "unread"})

    assert [weight.name for weight in light.graph.initializer] == ["shift"]
    light.graph.initializer.insert(0, model.graph.initializer[0])
    light.graph.initializer.append(model.graph.initializer[2])
    assert light == model


def test_weights_become_inputs_and_come_back_where_they_are_read() -> None:
    model = two_layers()
    weights = tuple(large_weights(model))

    light = with_weights_as_inputs(model, weights)

    onnx.checker.check_model(light, full_check=True)
    assert [each.name for each in light.graph.input] == ["x", "factor", "unread"]
    assert light.ByteSize() < model.ByteSize() / 3
    put_back(light, weights)
    assert list(light.graph.input) == list(model.graph.input)
    assert {each.name: each.raw_data for each in light.graph.initializer} == {
        each.name: each.raw_data for each in model.graph.initializer if each.name != "unread"
    }


def test_a_large_weight_of_another_size_than_it_says_is_no_right_model() -> None:
    model = two_layers()
    model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:-4]

    with pytest.raises(onnx.checker.ValidationError, match="factor"):
        check_model(model)
