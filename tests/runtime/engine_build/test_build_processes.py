"""What the ends of a build's processes mean, in words."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from skinseg_edge.errors import BuildFailed, DeadlinePassed, OutputRefused, SkinsegError
from skinseg_runtime.engine_build import BuildOptions, BuildStep, build_processes
from skinseg_runtime.engine_build.apart import Died, Overdue
from skinseg_runtime.engine_build.build_processes import BuildProcesses
from skinseg_runtime.engine_build.job import BuildJob, ProofJob
from tests.runtime.made_engines import ORIN

_BUILD = BuildJob(
    bundle=Path("b.skinseg"),
    bundle_sha256="0",
    artefact="onnx",
    device=ORIN,
    options=BuildOptions(dla_core=1),
    plan=Path("p"),
)
_PROOF = ProofJob(
    bundle=Path("b.skinseg"), bundle_sha256="0", product="trt", precision="fp16", plan=Path("p"), plan_sha256="1"
)
News = Callable[[Mapping[str, object]], None]
End = Callable[[Callable[..., dict[str, object]]], BuildProcesses]


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> End:
    """Processes whose child does what is given."""

    def make(child: Callable[..., dict[str, object]]) -> BuildProcesses:
        monkeypatch.setattr(build_processes, "answer_of", child)
        return BuildProcesses("the engine", 100, lambda _: None, "; the engine in use stays")

    return make


def _dies(code: int, *news: Mapping[str, object]) -> Callable[..., dict[str, object]]:
    def child(_: str, __: object, on_news: News, *, timeout_s: float) -> dict[str, object]:
        assert 0 < timeout_s <= 100
        for piece in news:
            on_news(piece)
        raise Died(code, "cask: libnvinfer: segfault")

    return child


def _errs(error: Mapping[str, object]) -> Callable[..., dict[str, object]]:
    return lambda *_, timeout_s: {"error": dict(error)}


def test_a_crash_of_the_builder_is_told_with_its_last_words(ending: End) -> None:
    with pytest.raises(
        BuildFailed,
        match=r"^cannot build the engine: its process was killed by SIGSEGV in the phase 'Starting' after \d+ s and "
        r"said 'cask: libnvinfer: segfault', expected an engine; run skinseg-doctor .*; the engine in use stays$",
    ):
        ending(_dies(-11)).build(_BUILD)


@pytest.mark.parametrize("code", [-9, 137])
def test_a_kill_is_taken_for_want_of_memory_and_the_workspace_is_named(code: int, ending: End) -> None:
    news = ({"workspace_mib": 416}, {"phase": "Tactic timing", "parent": None, "step": 2, "of": 9, "elapsed_s": 1.0})

    with pytest.raises(
        BuildFailed, match=r"was killed in the phase 'Tactic timing' .* with --workspace \(it was 416 MiB\)"
    ):
        ending(_dies(code, *news)).build(_BUILD)


def test_a_crash_of_the_proof_is_no_fault_of_the_builder(ending: End) -> None:
    with pytest.raises(BuildFailed, match="cannot accept the engine: the process that ran its golden cases was killed"):
        ending(_dies(-11)).prove(_PROOF)


def test_too_long_names_the_phase_and_the_option(ending: End) -> None:
    def child(*_: object, timeout_s: float) -> dict[str, object]:
        raise Overdue

    with pytest.raises(DeadlinePassed, match=r"not done after 100 s, in the phase 'Starting', .* with --timeout"):
        ending(child).build(_BUILD)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"kind": "OutputRefused", "message": "cannot write it"}, OutputRefused),
        ({"kind": "SystemExit", "message": "cannot write it"}, BuildFailed),
        ({"message": "cannot write it"}, BuildFailed),
    ],
)
def test_an_error_of_the_child_is_raised_here_and_an_unknown_one_is_a_failure(
    error: Mapping[str, object], kind: type[SkinsegError], ending: End
) -> None:
    with pytest.raises(kind, match=r"^cannot write it; the engine in use stays$"):
        ending(_errs(error)).build(_BUILD)


def test_silence_repeats_the_last_step_with_the_time_that_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[BuildStep] = []
    monkeypatch.setattr(
        build_processes, "answer_of", _dies(1, {"phase": "a", "parent": "b", "step": 1, "of": 2}, {}, {"noise": 1})
    )
    with pytest.raises(BuildFailed):
        BuildProcesses("the engine", 100, steps.append, "").build(_BUILD)

    assert [(step.phase, step.parent, step.step, step.of) for step in steps] == [("a", "b", 1, 2)] * 3


def test_jobs_survive_the_way_through_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    build = BuildJob.from_json(_BUILD.to_json())
    proof = ProofJob.from_json(_PROOF.to_json())

    # Absolute, for a child stands in another folder.
    assert (build.bundle, build.plan) == (tmp_path / "b.skinseg", tmp_path / "p")
    assert (build.options, build.device, build.artefact) == (_BUILD.options, ORIN, "onnx")
    assert (proof.plan, proof.plan_sha256, proof.product) == (tmp_path / "p", "1", "trt")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_batch": 0}, "max_batch is 0, expected 1 to 64"),
        ({"workspace_mib": 0}, "workspace_mib is 0, expected 1 to 1048576"),
        ({"dla_core": -1}, "dla_core is -1, expected 0 or more"),
        ({"optimization_level": 6}, "optimization_level is 6, expected 0 to 5"),
        ({"timeout_s": 0}, "timeout_s is 0, expected more than 0 seconds"),
        ({"engine": "onnxruntime"}, "'onnxruntime'"),
    ],
)
def test_options_out_of_range_are_refused(options: Mapping[str, object], words: str) -> None:
    with pytest.raises(SkinsegError, match=words):
        BuildOptions(**options)  # type: ignore[arg-type]  # by name
