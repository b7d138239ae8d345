"""The reader and writer of config.pbtxt, against each other and, where tritonclient is installed, against protobuf."""

import pytest

from skinseg_edge.errors import VerificationFailed
from skinseg_export.targets.triton.config_schema import rewritten_by_triton
from skinseg_export.targets.triton.config_text import Message, message_from_text, text_from_message

_MESSAGE: Message = {
    "name": "lesion",
    "max_batch_size": 8,
    "input": [{"name": "image", "data_type": "TYPE_UINT8", "dims": [256, 256, 3]}],
    "parameters": [{"key": "words", "value": {"string_value": 'a "b" \\ \n é 病 \x7f'}}],
    "model_warmup": [{"name": "one", "inputs": [{"key": "image", "value": {"dims": [1], "zero_data": True}}]}],
}


def test_what_was_written_is_read_again() -> None:
    assert message_from_text(text_from_message(_MESSAGE)) == _MESSAGE


def test_a_written_text_is_plain_ascii() -> None:
    assert text_from_message(_MESSAGE).isascii()


def test_protobuf_reads_what_was_written_as_it_was_meant() -> None:
    rewritten = rewritten_by_triton(text_from_message(_MESSAGE))
    if rewritten is None:
        pytest.skip("needs tritonclient: it brings Triton's own schema")

    assert message_from_text(rewritten[0]) == _MESSAGE


@pytest.mark.parametrize(
    "text",
    [
        'input { name: "image" dims: [ 2, 3 ] }',
        'input [ { name: "image", dims: 2, dims: 3 } ]',
        'input: [{ name: "im" "age"; dims: [2, 3]; }]  # as the manual writes it',
        "input{name:'\\151mage'dims:2 dims:[3]}",
    ],
)
def test_every_spelling_of_protobuf_is_understood(text: str) -> None:
    assert message_from_text(text) == {"input": [{"name": "image", "dims": [2, 3]}]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('name: "a"\nmax_batchsize: 8', r"in line 2 the field is 'max_batchsize', expected one of name, "),
        ('name: "a"\nname: "b"', "in line 2 name has several values, expected one"),
        ('name: ["a", "b"]', "name has several values, expected one"),
        ("max_batch_size: eight", "'eight' stands there, expected a whole number"),
        ("max_batch_size: 8.5", "'8.5' stands there, expected a field"),
        ("max_batch_size 8", "'8' stands there, expected ':'"),
        ("name: lesion", "'lesion' stands there, expected a text in quotes"),
        ('name: "lesion', "stands there, expected a field, a value or a brace"),
        (r'name: "\q"', "has an unknown escape"),
        (r'name: "\777"', "has an unknown escape"),
        (r'name: "\377"', "is not UTF-8"),
        ("input {", "the text ends, expected the name of a field"),
        ("input { data_type: TYPE_FP31 }", "'TYPE_FP31' stands there, expected one of TYPE_UINT8"),
        ('input { data_type: "TYPE_FP32" }', "expected a word"),
        ("input { dims: [ 1 2 ] }", "'2' stands there, expected ','"),
        ("input: 3", "'3' stands there, expected '{'"),
        ("input [ { dims: 1 ] }", "']' stands there, expected the name of a field"),
        ("}", "'}' stands there, expected the name of a field"),
        ("model_warmup { inputs { value { zero_data: yes } } }", "'yes' stands there, expected one of true, false"),
    ],
)
def test_what_is_out_of_place_is_named_with_its_line(text: str, words: str) -> None:
    with pytest.raises(VerificationFailed, match=r"cannot read config\.pbtxt: in line \d+ ") as caught:
        message_from_text(text)

    assert words.removeprefix("r") in str(caught.value)
