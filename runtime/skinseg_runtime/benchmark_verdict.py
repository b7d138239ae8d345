"""Whether half precision or INT8 is worth it here: measured forms in, plain sentences out."""

from collections.abc import Sequence
from dataclasses import dataclass

from skinseg_runtime.comparison import Form

__all__ = ["LEAST_GAIN", "Verdict", "verdict"]

LEAST_GAIN = 1.05  # a form that is less than 5 % faster than a more exact one is not worth its rounding

_ON_A_PROCESSOR = ("onnxruntime",)
_PLAIN = ("fp32", "fp16")
_TITLES = {"fp32": "fp32", "fp16": "fp16", "int8": "INT8", "auto": "The auto mix"}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """*fastest*: the form that passes with the least time in the network; *use*: the one to take; None if none passes.

    They differ where the fastest gains too little over a more exact form. *sentences*: the same in words, with why.
    """

    fastest: str | None
    use: str | None
    sentences: tuple[str, ...]


def verdict(forms: Sequence[Form], engine: str) -> Verdict:
    """Weigh the forms of a model against each other.

    *engine*: its name, as reports call it. Forms are compared by their median time in the network; fp16 must be 5 %
    faster than fp32 to be preferred, a quantized form 5 % faster than both. What does not pass is never named for use.
    """
    passing = {form.precision: form for form in forms if form.passes}
    if not passing:
        refusal = "None of these forms passes here: use none of them on this machine."
        return Verdict(fastest=None, use=None, sentences=(refusal, *_refusals(forms)))
    fastest = min(passing.values(), key=lambda form: form.inference_ms)
    plain = _plain_choice(passing)
    use = _choice(passing, plain)
    sentences = [
        f"The fastest that passes is {fastest.precision}: {fastest.inference_ms:.2f} ms in the network (p50).",
        *_gains(passing, plain),
        *_advice(passing, use, engine),
        *_refusals(forms),
        *_smallest(passing),
        *_limits(forms, engine),
    ]
    return Verdict(fastest=fastest.precision, use=use.precision, sentences=tuple(sentences))


def _plain_choice(passing: dict[str, Form]) -> Form | None:
    """Return the better of fp32 and fp16, as far as they pass."""
    single, half = (passing.get(precision) for precision in _PLAIN)
    if single is None or half is None:
        return single or half
    return half if single.inference_ms >= half.inference_ms * LEAST_GAIN else single


def _choice(passing: dict[str, Form], plain: Form | None) -> Form:
    quantized = [form for precision, form in passing.items() if precision not in _PLAIN]
    worthwhile = [form for form in quantized if _gain(passing, form) >= LEAST_GAIN]
    if worthwhile or plain is None:
        return min(worthwhile or quantized, key=lambda form: form.inference_ms)
    return plain


def _gain(passing: dict[str, Form], form: Form) -> float:
    """Return how many times as fast a quantized form is as the faster of those that are not; infinite without one."""
    rivals = [passing[precision].inference_ms for precision in _PLAIN if precision in passing]
    return min(rivals, default=float("inf")) / form.inference_ms


def _gains(passing: dict[str, Form], plain: Form | None) -> list[str]:
    """Say of each quantized form what it gains over the one that it would replace."""
    if plain is None:
        return []
    found = []
    for form in (form for precision, form in passing.items() if precision not in _PLAIN):
        figures = f"{form.inference_ms:.2f} ms, {plain.precision} {plain.inference_ms:.2f} ms"
        title = _TITLES[form.precision]
        if _gain(passing, form) < LEAST_GAIN:
            found.append(f"{title} gains nothing on this engine: use {plain.precision} ({figures}).")
        else:
            times = plain.inference_ms / form.inference_ms
            found.append(f"{title} is {times:.2f} times as fast as {plain.precision} on this engine ({figures}).")
    return found


def _advice(passing: dict[str, Form], use: Form, engine: str) -> list[str]:
    if use.precision != "fp32":
        return [f"Use {use.precision} here."]
    if engine not in _ON_A_PROCESSOR or len(passing) == 1:
        return ["Use fp32 here: no other form that passes is 5 % faster."]
    return [
        "Use fp32 here: ONNX Runtime on a CPU computes these fp16 and int8 (Q/DQ) files in fp32 and converts on the "
        "way, so they are smaller there, not faster."
    ]


def _refusals(forms: Sequence[Form]) -> list[str]:
    return [f"{_TITLES[form.precision]} is not to be used: {form.reason}." for form in forms if not form.passes]


def _smallest(passing: dict[str, Form]) -> list[str]:
    least = min(passing.values(), key=lambda form: form.size_bytes)
    single = passing.get("fp32")
    if single is None or least is single:
        return []
    share = least.size_bytes / single.size_bytes
    return [f"The smallest that passes is {least.precision}: {least.size_bytes / 1e6:.2f} MB, {share:.0%} of fp32's."]


def _limits(forms: Sequence[Form], engine: str) -> list[str]:
    if engine not in _ON_A_PROCESSOR or all(form.precision in _PLAIN for form in forms):
        return []
    return [
        "What an int8 file costs on a CPU says nothing about TensorRT, which computes it in integers: measure there, "
        "on the device itself."
    ]
