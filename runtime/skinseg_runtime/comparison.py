"""Every form of a bundle's model, timed side by side with one engine, and whether each may be used here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal, TypeAlias

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import ToolMissing, VerificationFailed
from skinseg_edge.image_io import decode
from skinseg_edge.manifest import Artefact, Manifest
from skinseg_edge.terminal import printable
from skinseg_runtime.benchmark import Job, Measured, photos_of
from skinseg_runtime.benchmark_worker import measure_apart
from skinseg_runtime.engines import PRECISIONS, artefact_name, artefact_of_engine
from skinseg_runtime.verification import LEAST_TELLING_DICE, gate_dice

__all__ = ["ROUNDS", "Form", "Status", "compare", "forms_of", "steps"]

ROUNDS = 5

_OF_LAST_RESORT = "onnxruntime"

Status: TypeAlias = Literal["passes", "failed acceptance", "fails here", "unproven", "untrained"]


@dataclass(frozen=True, kw_only=True)
class Form:
    """One precision of the model.

    *artefact*, *size_bytes*: its entry in the manifest, and the size of its file. *measured*: None if it was not run to
    the end. *failure*: why it could not be run here, else empty. *is_trained*: whether the weights were. *same_as*: an
    earlier precision whose file holds the same bytes, else empty.
    """

    precision: str
    artefact: Artefact
    size_bytes: int
    is_trained: bool = True
    measured: Measured | None = None
    failure: str = ""
    same_as: str = ""

    @property
    def status(self) -> Status:
        """Whether it may be used on this machine, with this engine."""
        return self._verdict[0]

    @property
    def reason(self) -> str:
        """Why it may not, on one line; empty if it may."""
        return printable(self._verdict[1])

    @property
    def passes(self) -> bool:
        """Whether it was accepted where it was made, and reached its golden masks here."""
        return self.status == "passes"

    @property
    def inference_ms(self) -> float:
        """Median time in the network, ms; infinite if it was not run to the end."""
        return float("inf") if self.measured is None else self.measured.latency["inference"].p50_ms

    @property
    def gate_dice(self) -> float | None:
        """Mean Dice to the trained network's masks when it was accepted, or None where the manifest has none."""
        return gate_dice(self.artefact)

    @property
    def _verdict(self) -> tuple[Status, str]:
        if self.artefact.status != "verified":
            return "failed acceptance", str(self.artefact.checks.get("failure", "it failed where it was made"))
        if self.failure or self.measured is None:
            return "fails here", self.failure or "it was not run"
        if not self.is_trained:
            return "untrained", "the weights are untrained, made to try targets with"
        golden = self.measured.golden
        judged = [score for score in golden if score.is_judged]
        missed = sum(not score.passed for score in judged)
        if missed:
            return "fails here", f"{missed} of {len(golden)} golden cases left their tolerance"
        if judged:
            return "passes", ""
        asked = f"no golden case asks for a Dice of {LEAST_TELLING_DICE}"
        lack = asked if golden else "the bundle has no golden cases"
        return "unproven", f"{lack}, so nothing shows that its masks are right here"


@dataclass
class _Parts:
    """What was measured of one form so far."""

    measured: list[Measured] = field(default_factory=list)
    failure: str = ""


def forms_of(bundle: Bundle, engine: str = "auto") -> tuple[Form, ...]:
    """Return the forms of a bundle that *engine* could run, not yet measured.

    They are its Core ML packages for "coreml", its ONNX files for every other engine, in the order of PRECISIONS.
    """
    manifest = bundle.manifest
    found = _artefacts_of(manifest, engine)
    return tuple(
        Form(
            precision=precision,
            artefact=artefact,
            size_bytes=sum(record.size for record in manifest.below(artefact.path).values()),
            is_trained=manifest.provenance.trained,
            same_as=_twin(manifest, found, precision),
        )
        for precision, artefact in found.items()
    )


def _artefacts_of(manifest: Manifest, engine: str) -> dict[str, Artefact]:
    """Return what *engine* could run, by precision."""
    present = {artefact.name: artefact for artefact in manifest.artefacts}
    if engine == "coreml":
        names = [name for name in present if name == "coreml" or name.startswith("coreml-")]
        return {present[name].precision: present[name] for name in names}
    named = ((precision, artefact_name(precision)) for precision in PRECISIONS)
    return {precision: present[name] for precision, name in named if name in present}


def _twin(manifest: Manifest, found: Mapping[str, Artefact], precision: str) -> str:
    """Return the first precision whose files hold the bytes of *precision*'s, if that is not *precision* itself."""
    contents = {each: list(manifest.below(artefact.path).values()) for each, artefact in found.items()}
    first = next(each for each, content in contents.items() if content == contents[precision])
    return "" if first == precision else first


def steps(bundle: Bundle, job: Job) -> int:
    """Return how many processes `compare` will start at most."""
    return min(ROUNDS, job.runs) * len(_runnable(forms_of(bundle, job.engine)))


def compare(
    bundle: Bundle,
    job: Job,
    *,
    advance: Callable[[], None] = lambda: None,
    run: Callable[[Job], Measured] = measure_apart,
) -> tuple[Form, ...]:
    """Time every form of a bundle that was accepted; one that fails on the way stays in the list, with the reason.

    The runs of *job* are cut into ROUNDS; in each, every form gets a process of its own, and every second round goes
    backwards, so that what else the machine does meets all forms alike. *advance*: called after each process. *run*:
    does one job, as `measure_apart`.

    Raises InputError if there is no photo to time, PictureUnreadable and its kin if a photo is none, IntegrityFailed
    if a golden picture differs from the manifest, ToolMissing if the engine cannot run here, BundleUnusable if the
    bundle has nothing for it.
    """
    for photo in photos_of(bundle, job):
        decode(photo, at_least_hw=bundle.contract.input_hw)  # a bad photo is no fault of a form
    forms = forms_of(bundle, job.engine)
    if not forms:
        artefact_of_engine(bundle, job.engine)  # says what is missing
    parts = {form.precision: _Parts() for form in forms}
    order = [form.precision for form in _runnable(forms)]
    for part in _jobs(job):
        for precision in order:
            if not parts[precision].failure:
                _collect(parts[precision], replace(part, precision=precision), run)
            advance()
        order.reverse()
    return _on_one_engine(tuple(_finished(form, parts) for form in forms))


def _runnable(forms: tuple[Form, ...]) -> list[Form]:
    return [form for form in forms if form.artefact.status == "verified"]


def _jobs(job: Job) -> list[Job]:
    """Cut the runs of a job into rounds that differ by one run at most; the first also scores the golden cases."""
    rounds = min(ROUNDS, job.runs)
    ends = [job.runs * number // rounds for number in range(rounds + 1)]
    seconds = job.seconds / rounds
    return [
        replace(job, runs=end - start, seconds=seconds, first=start, golden=start == 0) for start, end in pairwise(ends)
    ]


def _collect(parts: _Parts, job: Job, run: Callable[[Job], Measured]) -> None:
    try:
        parts.measured.append(run(job))
    except ToolMissing:
        raise
    except VerificationFailed as error:
        parts.failure = str(error)


def _on_one_engine(forms: tuple[Form, ...]) -> tuple[Form, ...]:
    """Let no form stand in for one on the GPU: where others ran there, one that fell back to the processor failed."""
    if len({form.measured.engine for form in forms if form.measured}) < 2:
        return forms
    return tuple(
        replace(form, measured=None, failure=form.measured.fallback)
        if form.measured and form.measured.fallback and form.measured.engine == _OF_LAST_RESORT
        else form
        for form in forms
    )


def _finished(form: Form, parts: Mapping[str, _Parts]) -> Form:
    own = parts[form.precision]
    if own.failure or not own.measured:
        return replace(form, failure=own.failure)
    return replace(form, measured=Measured.joined(own.measured))
