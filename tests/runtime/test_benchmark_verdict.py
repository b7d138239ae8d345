"""Which form to use, from figures that are set by hand."""

from typing import Literal

import pytest

from skinseg_edge.manifest import Artefact
from skinseg_runtime.benchmark import GoldenScore, Measured
from skinseg_runtime.benchmark_verdict import verdict
from skinseg_runtime.comparison import Form
from skinseg_runtime.latency import STAGES

_GPU = "trt"  # any engine that computes each precision as it is written
_CPU = "onnxruntime"


def _form(
    precision: str,
    ms: float,
    *,
    size: int = 1_000_000,
    status: Literal["verified", "failed"] = "verified",
    golden: bool = True,
    gate_dice: float | None = 0.99,
    same_as: str = "",
) -> Form:
    artefact = Artefact(
        name=f"onnx-{precision}",
        path="m.onnx",
        precision=precision,
        status=status,
        checks={} if gate_dice is None else {"mean_dice": gate_dice},
    )
    measured = Measured(
        engine="e",
        versions={},
        samples_ms=dict.fromkeys(STAGES, (ms,)),
        load_s=0.1,
        memory_mib=100.0,
        golden=(GoldenScore(1.0, golden),),
    )
    return Form(precision=precision, artefact=artefact, size_bytes=size, measured=measured, same_as=same_as)


def _forms(**milliseconds: float) -> list[Form]:
    return [_form(precision, ms) for precision, ms in milliseconds.items()]


@pytest.mark.parametrize(
    ("milliseconds", "fastest", "use"),
    [
        ({"fp32": 10, "fp16": 6, "int8": 4}, "int8", "int8"),
        ({"fp32": 10, "fp16": 6, "int8": 4, "auto": 3}, "auto", "auto"),
        ({"fp32": 10, "fp16": 6, "int8": 5.8}, "int8", "fp16"),  # 3 % faster
        ({"fp32": 10, "fp16": 6, "int8": 7}, "fp16", "fp16"),
        ({"fp32": 10, "fp16": 12, "int8": 15, "auto": 14}, "fp32", "fp32"),
        ({"fp32": 10, "fp16": 9.8, "int8": 9.4}, "int8", "fp32"),  # 6 % faster than fp32, 4 % faster than fp16
        ({"fp32": 10, "int8": 9}, "int8", "int8"),
        ({"int8": 9, "auto": 10}, "int8", "int8"),
        ({"fp16": 9}, "fp16", "fp16"),
    ],
)
def test_a_less_exact_form_must_be_five_percent_faster_than_each_more_exact_one(
    milliseconds: dict[str, float], fastest: str, use: str
) -> None:
    found = verdict(_forms(**milliseconds), _GPU)
    assert (found.fastest, found.use) == (fastest, use)
    assert found.sentences[0].startswith(f"The fastest that passes is {fastest}: {min(milliseconds.values()):.2f} ms")


def test_int8_that_gains_nothing_over_fp16_is_told_in_these_words() -> None:
    text = " ".join(verdict(_forms(fp32=10, fp16=6, int8=5.9, auto=6.5), _GPU).sentences)
    assert "INT8 gains nothing on this engine: use fp16 (5.90 ms, fp16 6.00 ms)." in text
    assert "The auto mix gains nothing on this engine: use fp16 (6.50 ms, fp16 6.00 ms)." in text
    assert "Use fp16 here." in text


def test_int8_that_gains_is_told_with_how_much() -> None:
    text = " ".join(verdict(_forms(fp32=10, fp16=6, int8=4), _GPU).sentences)
    assert "INT8 is 1.50 times as fast as fp16 on this engine (4.00 ms, fp16 6.00 ms)." in text
    assert "gains nothing" not in text
    assert "Use int8 here." in text


def test_on_a_processor_fp32_is_named_with_the_reason_and_the_limits_of_that() -> None:
    text = " ".join(verdict(_forms(fp32=10, fp16=11, int8=13), _CPU).sentences)
    assert "INT8 gains nothing on this engine: use fp32" in text
    assert "Use fp32 here: ONNX Runtime on a CPU computes these fp16 and int8 (Q/DQ) files in fp32" in text
    assert "says nothing about TensorRT" in text


def test_elsewhere_fp32_is_named_without_that_reason() -> None:
    text = " ".join(verdict(_forms(fp32=10, fp16=11, int8=13), _GPU).sentences)
    assert "Use fp32 here: no other form that passes is 5 % faster than each more exact one." in text
    assert "ONNX Runtime" not in text
    assert "TensorRT" not in text


def test_a_form_is_measured_against_its_fastest_rival_and_the_figures_say_so() -> None:
    text = " ".join(verdict(_forms(fp32=10, fp16=9.8, int8=9.4), _GPU).sentences)
    assert "INT8 gains nothing on this engine: use fp32 (9.40 ms, fp16 9.80 ms)." in text


def test_one_quantized_form_that_gains_nothing_names_no_rival_of_another_that_does() -> None:
    text = " ".join(verdict(_forms(fp32=10, fp16=6, int8=5.9, auto=4), _GPU).sentences)
    assert "INT8 gains nothing on this engine (5.90 ms, fp16 6.00 ms)." in text
    assert "The auto mix is 1.50 times as fast as fp16 on this engine" in text
    assert "use fp16" not in text
    assert "Use auto here." in text


def test_on_a_processor_a_form_that_is_a_little_faster_than_fp32_is_not_called_slower() -> None:
    text = " ".join(verdict(_forms(fp32=10, fp16=9.8, int8=13), _CPU).sentences)
    assert "so they are smaller there, hardly faster." in text


def test_fp32_alone_is_named_for_want_of_another() -> None:
    text = " ".join(verdict([_form("fp32", 10), _form("fp16", 1, status="failed")], _CPU).sentences)
    assert "Use fp32 here: no other form passes." in text


def test_two_names_of_one_file_are_not_told_apart_by_chance() -> None:
    forms = [*_forms(fp32=10, fp16=6, int8=5.8), _form("auto", 5.6, same_as="int8")]
    found = verdict(forms, _GPU)
    assert (found.fastest, found.use) == ("int8", "fp16")
    assert "The auto mix is the same file as int8." in found.sentences
    assert all("The auto mix gains" not in sentence for sentence in found.sentences)


def test_a_copy_of_a_form_that_does_not_pass_stands_for_itself() -> None:
    forms = [_form("fp32", 10), _form("int8", 5, status="failed"), _form("auto", 5, same_as="int8")]
    assert verdict(forms, _GPU).use == "auto"


def test_a_quantized_form_without_figures_of_the_gate_is_not_named_without_saying_so() -> None:
    known = verdict([_form("fp32", 10), _form("int8", 5)], _GPU)
    unknown = verdict([_form("fp32", 10), _form("int8", 5, gate_dice=None)], _GPU)
    assert "Use int8 here." in known.sentences
    assert "Use int8 here, though the manifest has no figure of its acceptance gate." in unknown.sentences


def test_without_an_int8_file_nothing_is_said_about_tensorrt() -> None:
    assert "TensorRT" not in " ".join(verdict(_forms(fp32=10, fp16=11), _CPU).sentences)


@pytest.mark.parametrize("bad", [_form("int8", 1, status="failed"), _form("int8", 1, golden=False)])
def test_the_fastest_is_never_named_for_use_if_it_does_not_pass(bad: Form) -> None:
    found = verdict([*_forms(fp32=10, fp16=6), bad], _GPU)
    assert (found.fastest, found.use) == ("fp16", "fp16")
    assert f"INT8 is not to be used: {bad.reason}." in found.sentences
    assert all("INT8 gains" not in sentence for sentence in found.sentences)


def test_if_nothing_passes_nothing_is_named() -> None:
    found = verdict([_form("fp32", 1, golden=False), _form("fp16", 1, status="failed")], _CPU)
    assert (found.fastest, found.use) == (None, None)
    assert found.sentences[0] == "None of these forms passes here: use none of them on this machine."
    assert len(found.sentences) == 3


def test_the_smallest_that_passes_is_named_with_its_share() -> None:
    forms = [
        _form("fp32", 1, size=800_000),
        _form("fp16", 1, size=440_000),
        _form("int8", 1, size=350_000),
        _form("auto", 1, size=300_000, golden=False),
    ]
    assert "The smallest that passes is int8: 0.35 MB, 44% of fp32's." in verdict(forms, _CPU).sentences
    assert all("smallest" not in sentence for sentence in verdict(forms[:1], _CPU).sentences)
