"""Which nodes stay single: a recurrence as a whole, and nothing beyond the layers around it."""

import onnx.parser
import pytest

from skinseg_export.single_nodes import single_nodes

# pixels -> convolution -> state that fades by an exponential -> convolution -> residual -> activation
_FADING = """
<ir_version: 10, opset_import: ["" : 18]>
fading (uint8[1, 4, 8, 8] image) => (float[1, 4, 8, 8] probability)
<float[4, 4, 1, 1] w, float[1] rate>
{
    pixels = Cast<to = 1>(image)
    before = Conv(pixels, w)
    residual = Mul(before, before)
    now, next = Split<axis = 2, num_outputs = 2>(before)
    exponent = Mul(now, rate)
    decay = EXPONENTIAL(exponent)
    faded = Mul(decay, now)
    state = Add(faded, next)
    read = Concat<axis = 2>(faded, state)
    after = Conv(read, w)
    sum = Add(after, residual)
    probability = Sigmoid(sum)
}
"""


def _kept(text: str) -> set[str]:
    """Return the values whose nodes stay single."""
    model = onnx.parser.parse_model(text)
    return {name for index in single_nodes(model) for name in model.graph.node[index].output}


def test_a_recurrence_stays_single_between_the_layers_around_it() -> None:
    recurrence = {"now", "next", "exponent", "decay", "faded", "state", "read"}
    assert _kept(_FADING.replace("EXPONENTIAL", "Exp")) == {"pixels", "probability"} | recurrence


@pytest.mark.parametrize("operator", ["Relu", "Sigmoid"])
def test_without_an_exponential_the_same_steps_are_half(operator: str) -> None:
    assert _kept(_FADING.replace("EXPONENTIAL", operator)) == {"pixels", "probability"}
