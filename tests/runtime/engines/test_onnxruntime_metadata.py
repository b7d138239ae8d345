"""What an ONNX file says of itself is read from its bytes, and nothing is made of bytes that are no such file."""

import onnx
import pytest

from skinseg_runtime.engines.onnxruntime_metadata import metadata_of
from tests.runtime.tiny_bundle import binary_model


def _with(entries: dict[str, str]) -> bytes:
    model = onnx.load_from_string(binary_model())
    for key, value in entries.items():
        model.metadata_props.add(key=key, value=value)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    "entries", [{}, {"skinseg.layout": "plain"}, {"empty": "", "größe": "é" * 300, "skinseg.precision": "fp32"}]
)
def test_it_reads_what_the_onnx_package_wrote(entries: dict[str, str]) -> None:
    assert metadata_of(_with(entries)) == entries


def test_weights_that_look_like_metadata_are_stepped_over() -> None:
    inner = _with({"skinseg.layout": "plain"})
    model = onnx.load_from_string(binary_model())
    model.graph.initializer.append(onnx.TensorProto(name="bait", raw_data=inner))

    assert metadata_of(model.SerializeToString()) == {}


@pytest.mark.parametrize("model", [b"", b"no protobuf at all", b"\x72\xff", b"\xff" * 20, b"\x72\x02\x0a\xff", b"\x75"])
def test_what_is_no_onnx_file_has_none(model: bytes) -> None:
    assert metadata_of(model) == {}


def test_every_cut_of_a_file_gives_entries_or_none() -> None:
    whole = _with({"skinseg.layout": "plain"})

    found = [metadata_of(whole[:length]) for length in range(len(whole))]

    assert all(each == {} for each in found)  # the metadata stand at the end
