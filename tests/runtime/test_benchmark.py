"""The timing of one form, in this process and in one of its own."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from skinseg_edge.errors import InputError, ParityFailed, ToolMissing, VerificationFailed
from skinseg_runtime.benchmark import GoldenScore, Job, Measured, measure
from skinseg_runtime.benchmark_timing import WarmUp
from skinseg_runtime.benchmark_worker import measure_apart
from skinseg_runtime.device_sensors import Observation
from skinseg_runtime.latency import STAGES, Latency
from tests.fresh_interpreter import run_python
from tests.runtime.tiny_bundle import binary_model, write_bundle, write_photo

_DARKER_THAN_WHITE = 300.0  # with this middle, every pixel counts as lesion


def _part(inference_ms: float, load_s: float, memory_mib: float | None, golden: tuple[GoldenScore, ...]) -> Measured:
    return Measured(
        engine="e",
        versions={},
        samples_ms=dict.fromkeys(STAGES, (inference_ms,)),
        load_s=load_s,
        memory_mib=memory_mib,
        golden=golden,
        steady_memory_mib=memory_mib,
        warm_up=WarmUp(runs=round(inference_ms), settled=True, first_ms=inference_ms * 10),
        drift=1.0,
        observed=Observation(seconds=2.0, unread={"heat": "no zone"}),
    )


def test_every_run_has_a_figure_for_every_stage_and_the_whole_holds_them_all(bundle: Path) -> None:
    found = measure(Job(bundle=bundle, runs=7, warm_up=1))

    assert (found.runs, found.engine, found.golden) == (7, "onnxruntime", ())
    assert {stage: len(found.samples_ms[stage]) for stage in STAGES} == dict.fromkeys(STAGES, 7)
    for run in zip(*(found.samples_ms[stage] for stage in STAGES), strict=True):
        *parts, whole = run
        assert whole >= sum(parts) - 0.001  # each is rounded to 0.0001 ms
    # Other tests of this process may have loaded a TensorRT.
    assert {"onnxruntime", "numpy", "opencv", "python", "skinseg-edge"} == set(found.versions) - {
        "tensorrt",
        "tensorrt-rtx",
    }


def test_warm_up_steady_state_and_what_was_not_read_come_with_the_times(bundle: Path) -> None:
    found = measure(Job(bundle=bundle, runs=15))

    assert found.warm_up is not None
    assert found.warm_up.runs >= 10  # fewer cannot be told to have settled
    assert found.warm_up.first_ms is not None
    assert found.drift is not None
    assert found.observed is not None
    assert found.observed.seconds > 0
    assert found.memory_mib is None or (found.steady_memory_mib or 0) <= found.memory_mib + 0.1  # both are rounded


def test_photos_go_on_for_the_seconds_that_are_asked_for(bundle: Path) -> None:
    found = measure(Job(bundle=bundle, runs=1, warm_up=0, seconds=0.3))
    assert found.runs > 1
    assert found.observed is not None
    assert found.observed.seconds >= 0.3
    assert sum(found.samples_ms["whole"]) <= found.observed.seconds * 1000 + 1  # seconds are rounded to 1 ms


def test_golden_cases_are_scored_when_asked_for(tmp_path: Path) -> None:
    forms = {"int8": binary_model(middle=_DARKER_THAN_WHITE)}
    folder = write_bundle(tmp_path / "b.skinseg", forms=forms)

    good = measure(Job(bundle=folder, runs=1, golden=True)).golden
    bad = measure(Job(bundle=folder, runs=1, golden=True, precision="int8")).golden

    assert [score.passed for score in good] == [True]
    assert good[0].dice > 0.97
    assert [score.passed for score in bad] == [False]
    # The ellipse covers a = pi * 0.2 * 0.15 of the photo and half its rim: Dice of everything with it is 2 a / (1 + a).
    assert bad[0].dice == pytest.approx(0.172, abs=0.005)


def test_a_quantized_form_is_held_to_what_it_reached_where_it_was_made(tmp_path: Path) -> None:
    # The golden mask lies 8 px (of 320) beside what the network finds, so the case's own floor of 0.97 is missed.
    forms, checks = {"int8": binary_model(), "auto": binary_model()}, {"int8": {"golden_dice": 0.88}}
    folder = write_bundle(
        tmp_path / "b.skinseg", golden=lambda mask: np.roll(mask, 8, axis=1), forms=forms, checks=checks
    )
    found = {name: measure(Job(bundle=folder, runs=1, golden=True, precision=name)).golden[0] for name in forms}
    assert {name: score.passed for name, score in found.items()} == {"int8": True, "auto": False}


def test_photos_take_turns_from_the_first_that_is_asked_for(bundle: Path, tmp_path: Path) -> None:
    photos = (write_photo(tmp_path / "a.jpg"), write_photo(tmp_path / "b.jpg"))
    (tmp_path / "b.jpg").write_bytes(b"no photo")

    assert measure(Job(bundle=bundle, photos=photos, runs=1, warm_up=0)).runs == 1
    for job in (
        Job(bundle=bundle, photos=photos, runs=1, warm_up=0, first=1),
        Job(bundle=bundle, photos=photos, runs=2, warm_up=0),
        Job(bundle=bundle, photos=photos, runs=1, warm_up=2),
    ):
        with pytest.raises(InputError, match=r"b\.jpg"):
            measure(job)


def test_a_bundle_without_golden_pictures_asks_for_photos(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b.skinseg", golden=None)
    with pytest.raises(InputError, match=r"holds no golden pictures, expected at least one; name photos .* --photo"):
        measure(Job(bundle=folder))
    assert measure(Job(bundle=folder, runs=2, photos=(write_photo(tmp_path / "mole.jpg"),))).runs == 2


def test_no_run_has_no_percentiles() -> None:
    with pytest.raises(ValueError, match="no run was timed"):
        Latency.of([])


def test_parts_are_joined_to_all_samples_the_median_load_and_the_largest_memory() -> None:
    score = GoldenScore(0.9, True)
    parts = [_part(1.0, 0.3, 90.0, (score,)), _part(2.0, 0.1, 120.0, ()), _part(3.0, 0.2, None, ())]

    joined = Measured.joined(parts)

    assert joined.samples_ms["inference"] == (1.0, 2.0, 3.0)
    assert (joined.load_s, joined.memory_mib, joined.golden) == (0.2, 120.0, (score,))
    assert joined.warm_up == WarmUp(runs=3, settled=True, first_ms=20.0)
    assert joined.observed == Observation(seconds=6.0, unread={"heat": "no zone"})
    assert joined.steady_memory_mib == 105.0
    assert Measured.joined(parts[2:]).memory_mib is None


def test_jobs_and_measurements_survive_the_way_through_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    job = Job(bundle=Path("b.skinseg"), photos=(Path("a.jpg"),), trusted_key=Path("key.pem"), threads=2, golden=True)
    measured = _part(1.5, 0.25, None, (GoldenScore(1.0, True),))

    there = Job.from_json(json.loads(json.dumps(job.to_json())))

    # Absolute, for the worker stands in another folder.
    assert (there.bundle, there.photos) == (tmp_path / "b.skinseg", (tmp_path / "a.jpg",))
    assert (there.trusted_key, there.threads, there.golden) == (tmp_path / "key.pem", 2, True)
    assert Measured.from_json(json.loads(json.dumps(measured.to_json()))) == measured


def test_a_process_of_its_own_measures_the_same_and_knows_nothing_of_its_parents_memory(bundle: Path) -> None:
    held = np.ones(300 << 20, np.uint8)  # 300 MiB; Python, OpenCV and ONNX Runtime take about 120

    found = measure_apart(Job(bundle=bundle, runs=3, golden=True))

    assert (found.runs, found.engine, found.golden[0].passed) == (3, "onnxruntime", True)
    assert found.memory_mib is None or 20 < found.memory_mib < held.nbytes >> 20


def test_the_worker_imports_nothing_from_the_folder_that_the_user_stands_in(
    tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('wrong numpy')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert measure_apart(Job(bundle=Path(bundle.name), runs=1, warm_up=0)).runs == 1


def test_what_goes_wrong_in_the_worker_is_told_in_its_own_words(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b.skinseg", forms={"fp16": binary_model((32, 32)), "int8": b"no graph"})
    with pytest.raises(VerificationFailed, match="the contract asks for"):
        measure_apart(Job(bundle=folder, precision="fp16"))
    with pytest.raises(VerificationFailed, match=r"cannot load model\.int8\.onnx"):
        measure_apart(Job(bundle=folder, precision="int8"))
    with pytest.raises(ToolMissing, match="cannot run with coreml: a Core ML model runs on macOS"):
        measure_apart(Job(bundle=folder, engine="coreml"))


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("kill -9 $$", "cannot time int8: its process was killed by SIGKILL .*want of memory; run skinseg-bench"),
        ("echo boom >&2; echo '{\"done\": '; exit 3", "ended with 3 and said 'boom', expected a measurement;"),
        ("echo 7", "ended with 0 and said 'nothing'"),
        ("echo '{\"done\": 7}'; echo '[]'", "ended with 0 and said 'nothing'"),
        ('echo \'{"error": {"message": "no luck", "kind": "InputError"}}\'; echo bye', "^no luck$"),
        ('echo \'{"error": {"message": "no luck", "kind": "AnErrorOfTomorrow"}}\'', "^no luck$"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for the interpreter")
def test_a_process_that_crashes_is_named_with_its_end(
    script: str, words: str, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interpreter = tmp_path / "python"
    interpreter.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    interpreter.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(interpreter))
    with pytest.raises(VerificationFailed, match=words):
        measure_apart(Job(bundle=bundle, precision="int8"))


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for the interpreter")
@pytest.mark.parametrize("kind", ["ToolMissing", "DeviceBusy"])
def test_a_device_that_is_missing_or_busy_is_no_fault_of_the_form(
    kind: str, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interpreter = tmp_path / "python"
    told = json.dumps({"error": {"message": "not now", "kind": kind}})
    interpreter.write_text(f"#!/bin/sh\necho '{told}'\n", encoding="utf-8")
    interpreter.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(interpreter))
    with pytest.raises(ToolMissing, match=r"^not now$"):
        measure_apart(Job(bundle=bundle))


def test_an_artefact_that_failed_its_acceptance_is_not_timed(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b.skinseg", forms={"int8": binary_model()}, failed=("int8",))
    with pytest.raises(ParityFailed, match="its status is 'failed'"):
        measure(Job(bundle=folder, precision="int8"))


def test_threads_reach_the_engine(bundle: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="skinseg_runtime"):
        measure(Job(bundle=bundle, runs=1, warm_up=0, threads=3))
    assert "3 threads" in caplog.text


def test_it_works_where_torch_and_onnx_cannot_be_imported(bundle: Path) -> None:
    code = """
from pathlib import Path
from skinseg_runtime.benchmark import Job, measure
print(measure(Job(bundle=Path(sys.argv[1]), runs=2, golden=True)).runs)
"""
    finished = run_python(code, bundle, barred=("torch", "onnx", "skinseg_export", "matplotlib", "scipy"))
    assert (finished.stdout, finished.stderr) == ("2\n", "")
