"""The comparison's order, and what becomes of a form that fails on the way."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import IntegrityFailed, PictureUnreadable, ToolMissing, VerificationFailed
from skinseg_runtime.benchmark import GoldenScore, Job, Measured
from skinseg_runtime.comparison import Form, compare, forms_of, steps
from skinseg_runtime.latency import STAGES
from tests.runtime.tiny_bundle import Checks, binary_model, write_bundle

_EVERY = {"fp16": binary_model(), "int8": binary_model(), "auto": binary_model()}
_PASSED = GoldenScore(1.0, True)


@dataclass
class _Runner:
    """Stands in for the worker and notes what it was asked; each run takes 1 ms more than the one before."""

    golden: tuple[GoldenScore, ...] = (_PASSED,)
    fails: str = ""
    jobs: list[Job] = field(default_factory=list)

    def __call__(self, job: Job) -> Measured:
        self.jobs.append(job)
        if job.precision == self.fails:
            raise VerificationFailed("cannot use the answer of model.int8.onnx: it is nothing")
        samples = tuple(float(job.first + run) for run in range(job.runs))
        return Measured(
            engine="e",
            versions={},
            samples_ms=dict.fromkeys(STAGES, samples),
            load_s=0.1,
            memory_mib=100.0,
            golden=self.golden if job.golden else (),
        )


def _by_precision(forms: tuple[Form, ...]) -> dict[str, Form]:
    return {form.precision: form for form in forms}


def test_forms_stand_in_one_order_with_size_and_the_gates_figure(tmp_path: Path) -> None:
    auto_first = dict(reversed(_EVERY.items()))
    checks: dict[str, Checks] = {"int8": {"mean_dice": 0.9876}, "fp16": {"mean_dice": "n/a"}}
    bundle = Bundle.open(write_bundle(tmp_path / "b.skinseg", forms=auto_first, checks=checks))

    forms = forms_of(bundle)

    assert [form.precision for form in forms] == ["fp32", "fp16", "int8", "auto"]
    assert {form.size_bytes for form in forms} == {len(binary_model())}
    assert [form.gate_dice for form in forms] == [None, None, 0.9876, None]
    assert [form.same_as for form in forms] == ["", "fp32", "fp32", "fp32"]
    assert [form.status for form in forms] == ["fails here"] * 4  # nothing was run yet


def test_rounds_alternate_their_direction_and_share_the_runs_without_loss(tmp_path: Path) -> None:
    bundle = Bundle.open(write_bundle(tmp_path / "b.skinseg", forms={"fp16": binary_model(), "int8": binary_model()}))
    runner, done = _Runner(), list[int]()
    job = Job(bundle=bundle.path, runs=12)

    forms = compare(bundle, job, run=runner, advance=lambda: done.append(1))

    there, back = ["fp32", "fp16", "int8"], ["int8", "fp16", "fp32"]
    assert [each.precision for each in runner.jobs] == [*there, *back, *there, *back, *there]
    assert [(each.first, each.runs) for each in runner.jobs[::3]] == [(0, 2), (2, 2), (4, 3), (7, 2), (9, 3)]
    assert [each.golden for each in runner.jobs] == [True] * 3 + [False] * 12
    assert len(done) == steps(bundle, job) == 15
    for form in forms:
        assert form.measured is not None
        assert form.measured.samples_ms["whole"] == tuple(float(run) for run in range(12))
        assert form.measured.golden == (_PASSED,)


def test_fewer_runs_than_rounds_are_fewer_rounds(bundle: Path) -> None:
    opened, runner = Bundle.open(bundle), _Runner()
    compare(opened, Job(bundle=bundle, runs=2), run=runner)
    assert [each.runs for each in runner.jobs] == [1, 1]


def test_a_form_that_failed_its_acceptance_is_listed_and_never_run(tmp_path: Path) -> None:
    checks: dict[str, Checks] = {"int8": {"failure": "mean Dice 0.61, expected 0.985", "mean_dice": 0.61}}
    folder = write_bundle(tmp_path / "b.skinseg", forms=_EVERY, failed=("int8", "auto"), checks=checks)
    runner = _Runner()

    forms = _by_precision(compare(Bundle.open(folder), Job(bundle=folder, runs=1), run=runner))

    assert {each.precision for each in runner.jobs} == {"fp32", "fp16"}
    assert (forms["int8"].status, forms["int8"].reason) == ("failed acceptance", "mean Dice 0.61, expected 0.985")
    assert (forms["auto"].status, forms["auto"].reason) == ("failed acceptance", "it failed where it was made")
    assert forms["int8"].inference_ms == float("inf")
    assert forms["fp16"].passes


def test_a_form_that_cannot_be_run_is_left_after_its_first_failure_and_the_others_go_on(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b.skinseg", forms=_EVERY)
    runner = _Runner(fails="int8")

    forms = _by_precision(compare(Bundle.open(folder), Job(bundle=folder, runs=10), run=runner))

    assert sum(each.precision == "int8" for each in runner.jobs) == 1
    assert sum(each.precision == "auto" for each in runner.jobs) == 5
    assert (forms["int8"].status, forms["int8"].measured) == ("fails here", None)
    assert "it is nothing" in forms["int8"].reason
    assert forms["auto"].passes


@pytest.mark.parametrize(
    ("golden", "status", "reason"),
    [
        ((_PASSED, _PASSED), "passes", ""),
        ((_PASSED, GoldenScore(0.5, False)), "fails here", "1 of 2 golden cases left their tolerance"),
        ((_PASSED, GoldenScore(0.0, False, is_judged=False)), "passes", ""),
        ((), "unproven", "the bundle has no golden cases, so nothing shows that its masks are right here"),
        (
            (GoldenScore(0.0, True, is_judged=False),),
            "unproven",
            "no golden case asks for a Dice of 0.8, so nothing shows that its masks are right here",
        ),
    ],
)
def test_only_a_form_that_reached_its_golden_masks_here_passes(
    golden: tuple[GoldenScore, ...], status: str, reason: str, bundle: Path
) -> None:
    (form,) = compare(Bundle.open(bundle), Job(bundle=bundle, runs=1), run=_Runner(golden=golden))
    assert (form.status, form.reason, form.passes) == (status, reason, status == "passes")


@pytest.mark.parametrize("figure", [True, -7.5, 10**30, "0.99"])
def test_a_gates_figure_that_is_no_dice_is_not_shown(figure: float | str | bool, tmp_path: Path) -> None:
    checks: dict[str, Checks] = {"int8": {"mean_dice": figure}}
    folder = write_bundle(tmp_path / "b.skinseg", forms={"int8": binary_model()}, checks=checks)
    assert forms_of(Bundle.open(folder))[1].gate_dice is None


def test_a_reason_from_the_manifest_cannot_command_a_terminal_or_break_a_page(tmp_path: Path) -> None:
    checks: dict[str, Checks] = {"int8": {"failure": "bad\n- good \x1b[31m"}}
    folder = write_bundle(tmp_path / "b.skinseg", forms={"int8": binary_model()}, failed=("int8",), checks=checks)
    assert forms_of(Bundle.open(folder))[1].reason == r"bad\n- good \x1b[31m"


def test_forms_of_other_bytes_are_no_copies(tmp_path: Path) -> None:
    forms = {"fp16": binary_model(middle=127), "int8": binary_model(middle=126), "auto": binary_model(middle=126)}
    bundle = Bundle.open(write_bundle(tmp_path / "b.skinseg", forms=forms))
    assert [form.same_as for form in forms_of(bundle)] == ["", "", "", "int8"]


def test_a_damaged_golden_picture_is_no_fault_of_a_form(bundle: Path) -> None:
    opened, runner = Bundle.open(bundle), _Runner()
    (bundle / "golden" / "01.png").write_bytes(b"other")
    with pytest.raises(IntegrityFailed, match=r"golden/01\.png"):
        compare(opened, Job(bundle=bundle), run=runner)
    assert runner.jobs == []


def test_untrained_weights_are_timed_and_do_not_pass(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b.skinseg", trained=False)
    (form,) = compare(Bundle.open(folder), Job(bundle=folder, runs=1), run=_Runner())
    assert (form.status, form.measured is None) == ("untrained", False)


def test_a_missing_tool_and_a_bad_photo_end_the_comparison(bundle: Path, tmp_path: Path) -> None:
    opened, bad = Bundle.open(bundle), tmp_path / "bad.jpg"
    bad.write_bytes(b"no photo")
    runner = _Runner()
    with pytest.raises(PictureUnreadable, match=r"bad\.jpg"):
        compare(opened, Job(bundle=bundle, photos=(bad,)), run=runner)
    assert runner.jobs == []  # noticed before anything is timed
    with pytest.raises(ToolMissing, match="cannot run with coreml"):
        compare(opened, Job(bundle=bundle, runs=1, engine="coreml"))


def test_a_real_comparison_tells_right_masks_from_wrong_ones(tmp_path: Path) -> None:
    forms = {"fp16": binary_model(), "int8": binary_model(middle=300)}  # brighter than any pixel: all is lesion
    folder = write_bundle(tmp_path / "b.skinseg", forms=forms)

    found = _by_precision(compare(Bundle.open(folder), Job(bundle=folder, runs=2, warm_up=0)))

    assert {name: form.status for name, form in found.items()} == {
        "fp32": "passes",
        "fp16": "passes",
        "int8": "fails here",
    }
    assert all(form.measured is not None and form.measured.runs == 2 for form in found.values())
    assert replace(found["fp32"], measured=None).inference_ms > found["fp32"].inference_ms
