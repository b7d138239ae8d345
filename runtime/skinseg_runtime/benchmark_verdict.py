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
    faster than fp32 to be preferred, a quantized form 5 % faster than both. What does not pass is never named for use,
    nor what holds the bytes of an earlier form that passes: chance would decide between them.
    """
    accepted = {form.precision: form for form in forms if form.passes}
    passing = {precision: form for precision, form in accepted.items() if form.same_as not in accepted}
    if not passing:
        refusal = "None of these forms passes here: use none of them on this machine."
        return Verdict(fastest=None, use=None, sentences=(refusal, *_refusals(forms)))
    fastest = min(passing.values(), key=lambda form: form.inference_ms)
    plain = _plain_choice(passing)
    use = _choice(passing, plain)
    sentences = [
        f"The fastest that passes is {fastest.precision}: {fastest.inference_ms:.2f} ms in the network (p50).",
        *_gains(passing, use),
        *_copies(forms, passing),
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


def _rival(passing: dict[str, Form]) -> Form | None:
    """Return the faster of the forms that are not quantized, which a quantized one has to beat."""
    rivals = (passing[precision] for precision in _PLAIN if precision in passing)
    return min(rivals, key=lambda form: form.inference_ms, default=None)


def _gain(passing: dict[str, Form], form: Form) -> float:
    """Return how many times as fast a quantized form is as its rival; infinite without one."""
    rival = _rival(passing)
    return float("inf") if rival is None else rival.inference_ms / form.inference_ms


def _gains(passing: dict[str, Form], use: Form) -> list[str]:
    """Say of each quantized form what it gains over its rival; *use* is the form to take in the end."""
    rival = _rival(passing)
    if rival is None:
        return []
    instead = f": use {use.precision}" if use.precision in _PLAIN else ""
    found = []
    for form in (form for precision, form in passing.items() if precision not in _PLAIN):
        figures = f"{form.inference_ms:.2f} ms, {rival.precision} {rival.inference_ms:.2f} ms"
        title, times = _TITLES[form.precision], _gain(passing, form)
        if times < LEAST_GAIN:
            found.append(f"{title} gains nothing on this engine{instead} ({figures}).")
        else:
            found.append(f"{title} is {times:.2f} times as fast as {rival.precision} on this engine ({figures}).")
    return found


def _copies(forms: Sequence[Form], passing: dict[str, Form]) -> list[str]:
    copies = [form for form in forms if form.same_as in passing]
    return [f"{_TITLES[form.precision]} is the same file as {form.same_as}." for form in copies]


def _advice(passing: dict[str, Form], use: Form, engine: str) -> list[str]:
    if use.precision != "fp32":
        is_unrecorded = use.precision not in _PLAIN and use.gate_dice is None
        doubt = ", though the manifest has no figure of its acceptance gate" if is_unrecorded else ""
        return [f"Use {use.precision} here{doubt}."]
    others = [form for form in passing.values() if form is not use]
    if not others:
        return ["Use fp32 here: no other form passes."]
    if engine not in _ON_A_PROCESSOR:
        return ["Use fp32 here: no other form that passes is 5 % faster than each more exact one."]
    faster = "hardly" if min(form.inference_ms for form in others) < use.inference_ms else "not"
    return [
        "Use fp32 here: ONNX Runtime on a CPU computes these fp16 and int8 (Q/DQ) files in fp32 and converts on the "
        f"way, so they are smaller there, {faster} faster."
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
