"""Who asks for a mask hears what gave it: in the result, in every command, and loudly where it is not the best."""

import json
import logging
from pathlib import Path

import pytest

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import EngineUnusable
from skinseg_runtime import Segmenter, cuda_memory
from skinseg_runtime.bench_cli import main as bench
from skinseg_runtime.benchmark import Job, Measured
from skinseg_runtime.cli import main as run
from skinseg_runtime.comparison import Form, compare
from skinseg_runtime.engine_build import BuildOptions, build_and_prove
from skinseg_runtime.verify_cli import main as verify
from tests.fake_device.installing import FakeDevice
from tests.runtime.calling import call, error_of, only_object
from tests.runtime.tiny_bundle import binary_model, write_bundle

_NONE_BUILT = "cannot use the TensorRT engine of tiny.skinseg: none was built in fp32; run skinseg-build "


@pytest.fixture(autouse=True)
def gpu(fake_device: FakeDevice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDevice:
    monkeypatch.setenv("SKINSEG_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(cuda_memory, "has_nvidia_gpu", lambda: True)
    return fake_device


@pytest.fixture
def built(bundle: Path) -> Path:
    build_and_prove(Bundle.open(bundle), BuildOptions(precision="fp32", timeout_s=300))
    return bundle


def _model(document: dict[str, object]) -> dict[str, object]:
    model = document["model"]
    assert isinstance(model, dict)
    return {name: model[name] for name in ("engine", "precision", "fallback")}


def test_a_result_names_its_engine(built: Path, photo: Path) -> None:
    with Segmenter.open(built) as segmenter:
        result = segmenter.segment(photo)

    assert (result.engine, result.fallback) == ("trt", None)
    assert (segmenter.precision, segmenter.fallback) == ("fp32", None)
    assert len(result.lesions) == 1


def test_a_result_says_why_its_engine_is_not_the_best(
    bundle: Path, photo: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Segmenter.open(bundle) as segmenter:
        result = segmenter.segment(photo)

    assert result.engine == "onnxruntime"
    assert (result.fallback or "").startswith(_NONE_BUILT)
    (record,) = (record for record in caplog.records if record.levelno >= logging.WARNING)
    assert record.getMessage() == result.fallback


def test_who_listens_hears_the_reason_in_place_of_the_log(bundle: Path, caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []

    Segmenter.open(bundle, on_fallback=told.append).close()

    assert [reason.startswith(_NONE_BUILT) for reason in told] == [True]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_who_hears_the_reason_and_raises_leaves_nothing_open(built: Path, gpu: FakeDevice) -> None:
    build_and_prove(Bundle.open(built), BuildOptions(precision="fp32", timeout_s=300))
    for plan in built.glob("engines/*/*-2/model.engine"):
        plan.unlink()  # so the engine before it serves, and that is told

    def refuse(reason: str) -> None:
        raise RuntimeError(reason)

    with pytest.raises(RuntimeError, match="until then the engine before it does its work"):
        Segmenter.open(built, engine="trt", on_fallback=refuse)
    assert gpu.gpu.live_bytes == 0


def test_a_deadline_must_be_one(bundle: Path) -> None:
    with pytest.raises(ValueError, match="deadline_s is 0, expected seconds above 0 or None"):
        Segmenter.open(bundle, deadline_s=0)


def test_a_deadline_reaches_the_gpu(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Segmenter.open(built, deadline_s=7) as segmenter:
        assert vars(segmenter.engine)["_deadline_s"] == 7


def test_skinseg_run_tells_the_engine_in_every_row(built: Path, photo: Path, tmp_path: Path) -> None:
    result = call(run, built, photo, "-o", tmp_path / "out", "--json")

    assert (result.exit_code, result.stderr) == (0, "")
    expected = {"engine": "trt", "precision": "fp32", "fallback": None}
    assert _model(only_object(result.stdout)) == expected
    (row,) = (tmp_path / "out" / "results.jsonl").read_text().splitlines()
    assert _model(json.loads(row)) == expected


@pytest.mark.parametrize("quiet", [(), ("-q",)])
def test_skinseg_run_warns_once_where_it_falls_back(
    bundle: Path, photo: Path, tmp_path: Path, quiet: tuple[str, ...]
) -> None:
    result = call(run, bundle, photo, "-o", tmp_path / "out", "--json", *quiet)

    assert result.exit_code == 0
    assert result.stderr.count("none was built in fp32; run skinseg-build") == 1
    assert result.stderr.startswith("skinseg-run: warning: cannot use the TensorRT engine")
    model = _model(only_object(result.stdout))
    assert model["engine"] == "onnxruntime"
    assert str(model["fallback"]).startswith(_NONE_BUILT)


def test_skinseg_run_with_trt_ends_with_1_where_no_engine_is_proved(bundle: Path, photo: Path, tmp_path: Path) -> None:
    result = call(run, bundle, photo, "-o", tmp_path / "out", "--engine", "trt", "--json")

    assert result.exit_code == 1
    error = error_of(result)
    assert error["kind"] == EngineUnusable.__name__
    assert str(error["message"]).startswith(_NONE_BUILT)
    assert not (tmp_path / "out").exists()


def test_skinseg_run_builds_where_it_may(bundle: Path, photo: Path, tmp_path: Path) -> None:
    result = call(run, bundle, photo, "-o", tmp_path / "out", "--engine", "trt", "--allow-build", "--json")

    assert result.exit_code == 0
    assert _model(only_object(result.stdout))["engine"] == "trt"
    assert "0:0" in result.stderr  # the steps of the build, with their time
    assert (bundle / "engines").is_dir()


def test_skinseg_verify_runs_the_golden_cases_through_the_device_s_engine(built: Path) -> None:
    result = call(verify, built, "--json")

    assert (result.exit_code, result.stderr) == (0, "")
    assert _model(only_object(result.stdout)) == {"engine": "trt", "precision": "fp32", "fallback": None}


def test_skinseg_verify_finds_an_engine_that_is_not_proved(bundle: Path) -> None:
    result = call(verify, bundle, "--engine", "trt", "--json")

    assert result.exit_code == 1
    document = only_object(result.stdout)
    assert "contract: cannot use the TensorRT engine" in str(error_of(result)["message"])
    assert _model(document) == {"engine": None, "precision": None, "fallback": None}


def test_skinseg_verify_warns_where_it_falls_back(bundle: Path) -> None:
    result = call(verify, bundle)

    assert result.exit_code == 0
    assert result.stderr.startswith("skinseg-verify: warning: cannot use the TensorRT engine")
    assert "reached their masks with onnxruntime" in result.stdout


def test_skinseg_bench_times_the_precision_of_the_engine(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "both.skinseg", forms={"fp16": binary_model()})
    build_and_prove(Bundle.open(folder), BuildOptions(precision="fp16", timeout_s=300))

    document = only_object(call(bench, folder, "--runs", "2", "--json").stdout)

    (form,) = document["forms"] if isinstance(document["forms"], list) else []
    assert (form["precision"], form["measured"]["engine"], form["measured"]["fallback"]) == ("fp16", "trt", None)
    assert isinstance(document["engine"], dict)
    assert document["engine"]["versions"]["tensorrt"] == "10.3.0"


def test_skinseg_bench_warns_where_it_falls_back(bundle: Path) -> None:
    result = call(bench, bundle, "--runs", "2", "--json")

    assert result.exit_code == 0
    assert result.stderr.startswith("skinseg-bench: warning: cannot use the TensorRT engine")


def _compared(bundle: Path, ran: dict[str, tuple[str, str | None]]) -> list[Form]:
    def measured(job: Job) -> Measured:
        engine, fallback = ran[str(job.precision)]
        stages: dict[str, tuple[float, ...]] = dict.fromkeys(
            ("decode", "preprocess", "inference", "postprocess", "whole"), (1.0,)
        )
        return Measured(
            engine=engine,
            versions={},
            samples_ms=stages,
            load_s=1.0,
            memory_mib=None,
            precision=str(job.precision),
            fallback=fallback,
        )

    return list(compare(Bundle.open(bundle), Job(bundle=bundle, runs=1), run=measured))


def test_a_comparison_sets_no_form_on_the_processor_beside_one_on_the_gpu(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "both.skinseg", forms={"fp16": binary_model()})

    single, half = _compared(folder, {"fp32": ("onnxruntime", "none was built"), "fp16": ("trt", None)})

    assert (single.status, single.reason) == ("fails here", "none was built")
    assert half.measured


def test_a_comparison_of_forms_that_all_fell_back_stands(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "both.skinseg", forms={"fp16": binary_model()})
    fell = ("onnxruntime", "none was built")

    forms = _compared(folder, {"fp32": fell, "fp16": fell})

    assert all(form.measured for form in forms)
