"""skinseg-bench: latency by stage, and the page that says which form to use."""

import csv
import json
from pathlib import Path

import pytest

from skinseg_runtime import benchmark
from skinseg_runtime.bench_cli import main
from skinseg_runtime.benchmark_report import HEADINGS
from skinseg_runtime.device_sensors import find_sensors, observation
from skinseg_runtime.latency import STAGES
from tests.fresh_interpreter import run_python
from tests.runtime.calling import call, error_of, only_object
from tests.runtime.device_sensors.made_up_trees import made_up_heat, made_up_orin_rails
from tests.runtime.tiny_bundle import Checks, binary_model, write_bundle

_PAGES = ("benchmark.md", "benchmark.csv", "benchmark-stages.csv", "benchmark.json", "benchmark.svg")
_FEW = ("--runs", "2", "--warm-up", "0")


@pytest.fixture
def every_form(tmp_path: Path) -> Path:
    """A bundle of four forms, of which int8 failed where it was made and auto fails here."""
    forms = {"fp16": binary_model(), "int8": binary_model(), "auto": binary_model(middle=300)}
    checks: dict[str, Checks] = {
        "int8": {"failure": "its mean Dice is 0.61"},
        "fp16": {"mean_dice": 0.9991, "gate_pictures": 398},
    }
    return write_bundle(tmp_path / "every.skinseg", forms=forms, failed=("int8",), checks=checks)


def _forms(document: dict[str, object]) -> list[dict[str, object]]:
    forms = document["forms"]
    assert isinstance(forms, list)
    return forms


def _verdict(document: dict[str, object]) -> dict[str, object]:
    found = document["verdict"]
    assert isinstance(found, dict)
    return found


def test_one_form_is_laid_out_by_stage(bundle: Path) -> None:
    result = call(main, bundle, *_FEW)
    assert (result.exit_code, result.stderr) == (0, "")
    for word in (
        *STAGES,
        "p50",
        "p90",
        "p99",
        "tiny with onnxruntime",
        "2 runs",
        "1 golden pictures",
        "memory MiB",
        "steady MiB",
    ):
        assert word in result.stdout


def test_one_form_as_json_says_what_was_measured_where_and_how(bundle: Path, photo: Path) -> None:
    result = call(main, bundle, *_FEW, "--photo", photo, "--threads", "1", "--json")

    document = only_object(result.stdout)
    assert (result.exit_code, document["ok"], document["schema"]) == (0, True, "skinseg.bench/1")
    how = {"runs": 2, "seconds": 0.0, "warm_up": 0, "threads": 1, "source": "photos", "count": 1}
    assert document["method"] == how
    assert photo.name not in result.stdout  # a photo's name may be a patient's
    (form,) = _forms(document)
    assert (form["precision"], form["status"]) == ("fp32", "passes")
    measured = form["measured"]
    assert isinstance(measured, dict)
    assert list(measured["latency"]) == list(STAGES)
    assert measured["latency"]["whole"]["p50_ms"] <= measured["latency"]["whole"]["p99_ms"]


def test_the_threads_that_are_told_are_those_of_the_fast_cores(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("skinseg_runtime.benchmark_report", "skinseg_runtime.engines.onnxruntime"):
        monkeypatch.setattr(f"{module}.fast_cores", lambda: 3)
    method = only_object(call(main, bundle, *_FEW, "--json").stdout)["method"]
    assert isinstance(method, dict)
    assert method["threads"] == 3


def test_one_form_is_written_with_its_chart_and_what_every_figure_includes(bundle: Path, tmp_path: Path) -> None:
    output = tmp_path / "page"
    result = call(main, bundle, "--runs", "2", "-o", output, "--json")

    written = json.loads((output / "benchmark.json").read_text(encoding="utf-8"))
    stages = list(csv.DictReader((output / "benchmark-stages.csv").read_text(encoding="utf-8").splitlines()))
    markdown = (output / "benchmark.md").read_text(encoding="utf-8")
    assert {**written, "ok": True, "files": [str(output / name) for name in _PAGES]} == only_object(result.stdout)
    assert [row["stage"] for row in stages] == list(STAGES)
    assert "warm-up: " in markdown
    assert all(f"- **{name}**: {note}" in markdown for name, note in written["includes"].items())
    assert _without_a_note(written) == []


def _without_a_note(document: dict[str, object]) -> list[str]:
    """Return the figures of a document that no sentence explains; those of one mapping share its sentence."""
    (form,) = _forms(document)
    measured, notes = form["measured"], document["includes"]
    assert isinstance(measured, dict)
    assert isinstance(notes, dict)
    known = {"precision", "artefact", "status", "reason", "engine", "fallback", "runs", "measured", "sensors"}
    told_in_full = {"meters", "power_mode", "seconds"}  # each meter has its own `includes`
    return [name for name in (*form, *measured, *measured["sensors"]) if name not in {*notes, *known, *told_in_full}]


def test_what_sensors_tell_reaches_the_page_and_the_user(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = tmp_path / "made-up"
    made_up_orin_rails(board)
    made_up_heat(board, {"tj-thermal": 61_000}, {"gpu-throttle-alert": 1})
    monkeypatch.setattr(benchmark, "find_sensors", lambda: find_sensors(board))
    monkeypatch.setattr(benchmark, "idle_watts", lambda _: {"VDD_IN": 1.0})
    monkeypatch.setattr(observation, "LEAST_SECONDS", 0.0)  # spares the test the seconds that a true meter wants

    result = call(main, bundle, *_FEW, "--seconds", "0.3", "--json")

    (form,) = _forms(only_object(result.stdout))
    measured = form["measured"]
    assert isinstance(measured, dict)
    told, photos = measured["sensors"], measured["runs"]
    # 5 W all the time, 1 W of it at rest, for somewhat longer than the timed photos took.
    assert told["mj_per_photo"] >= 5 * told["seconds"] / photos * 1000 * 0.99
    assert told["above_idle_mj_per_photo"] < told["mj_per_photo"]
    assert [name for name, meter in told["meters"].items() if meter["counts"]] == ["VDD_IN"]
    assert told["throttled_for_s"] > 0
    assert told["unread"] == {"clocks": "this system shows no clock that can be read"}
    assert "the machine was held back: gpu-throttle-alert for" in result.stderr


def test_another_precision_is_timed_by_its_name(every_form: Path) -> None:
    result = call(main, every_form, *_FEW, "--precision", "fp16", "--json")
    (form,) = _forms(only_object(result.stdout))
    assert (form["artefact"], form["gate_mean_dice"]) == ("onnx-fp16", 0.9991)


def test_times_of_masks_that_are_wrong_come_with_a_warning(every_form: Path, tmp_path: Path) -> None:
    wrong = call(main, every_form, *_FEW, "--precision", "auto")
    untrained = call(main, write_bundle(tmp_path / "u.skinseg", trained=False), *_FEW)
    assert (wrong.exit_code, untrained.exit_code) == (0, 0)
    assert "not to be used here: 1 of 1 golden cases left their tolerance" in wrong.stderr
    assert "not to be used here: the weights are untrained" in untrained.stderr


def test_the_comparison_names_a_form_that_passes_and_no_other(every_form: Path) -> None:
    result = call(main, every_form, "--compare", *_FEW)

    assert (result.exit_code, result.stderr) == (0, "")
    for word in set(HEADINGS) - {"steady MiB", "mJ a photo", "throttled s"}:  # in files; where there are such sensors
        assert word in result.stdout
    assert "INT8 is not to be used: its mean Dice is 0.61." in result.stdout
    assert "The auto mix is not to be used: 1 of 1 golden cases left their tolerance." in result.stdout
    assert "says nothing about TensorRT" in result.stdout


def test_the_comparison_is_written_as_markdown_csv_and_json(every_form: Path, tmp_path: Path) -> None:
    output = tmp_path / "page"
    result = call(main, every_form, "--compare", *_FEW, "-o", output, "--json")

    document = only_object(result.stdout)
    written = json.loads((output / "benchmark.json").read_text(encoding="utf-8"))
    markdown = (output / "benchmark.md").read_text(encoding="utf-8")
    rows = list(csv.DictReader((output / "benchmark.csv").read_text(encoding="utf-8").splitlines()))
    assert document["files"] == [str(output / name) for name in _PAGES]
    assert {**written, "ok": True, "files": document["files"]} == document
    assert [row["status"] for row in rows] == ["passes", "passes", "failed acceptance", "fails here"]
    assert [row["gate Dice"] for row in rows] == ["-", "0.9991", "-", "-"]
    assert rows[2]["inference p50 ms"] == "-"
    assert [row["golden Dice mean"] for row in rows][::3] == [f"{_dice(document, 0):.4f}", f"{_dice(document, 3):.4f}"]
    assert f"| {' | '.join(rows[1].values())} |" in markdown
    sentences = _verdict(document)["sentences"]
    assert isinstance(sentences, list)
    assert all(f"- {sentence}\n" in markdown for sentence in sentences)
    assert _verdict(document)["use"] in ("fp32", "fp16")


def _dice(document: dict[str, object], place: int) -> float:
    measured = _forms(document)[place]["measured"]
    assert isinstance(measured, dict)
    return float(measured["golden_dice"][0])


def test_if_no_form_passes_the_page_is_still_given_and_the_exit_code_is_1(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b.skinseg", golden=None)
    photo = tmp_path / "photo.png"
    photo.write_bytes((write_bundle(tmp_path / "other.skinseg") / "golden" / "01.png").read_bytes())

    result = call(main, folder, "--compare", *_FEW, "--photo", photo, "--json")

    assert result.exit_code == 1
    assert error_of(result)["message"] == "cannot name a form of b.skinseg for use here: none of them passes"
    assert _verdict(only_object(result.stdout))["use"] is None
    assert [form["status"] for form in _forms(only_object(result.stdout))] == ["unproven"]


def test_nothing_is_replaced_without_force_nor_a_folder_of_another_kind_with_it(bundle: Path, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder, name in ((ours, "benchmark.json"), (theirs, "photo.jpg")):
        folder.mkdir()
        (folder / name).write_text("old", encoding="utf-8")

    refused = call(main, bundle, "--compare", *_FEW, "-o", ours)
    replaced = call(main, bundle, "--compare", *_FEW, "-o", ours, "--force")
    kept = call(main, bundle, "--compare", *_FEW, "-o", theirs, "--force")

    assert (refused.exit_code, replaced.exit_code, kept.exit_code) == (2, 0, 2)
    assert "add --force" in refused.stderr
    assert sorted(path.name for path in ours.iterdir()) == sorted(_PAGES)
    assert [path.name for path in theirs.iterdir()] == ["photo.jpg"]


def test_a_folder_of_another_kind_is_refused_before_anything_is_timed(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed: list[object] = []
    monkeypatch.setattr(benchmark, "measure", timed.append)
    (tmp_path / "photo.jpg").write_text("old", encoding="utf-8")
    result = call(main, bundle, *_FEW, "-o", tmp_path, "--force")
    assert (result.exit_code, timed) == (2, [])
    assert "it holds no benchmark.json" in result.stderr


def test_a_page_is_not_written_into_the_bundle(bundle: Path) -> None:
    result = call(main, bundle, "--compare", *_FEW, "-o", bundle / "page")
    assert result.exit_code == 2
    assert "it lies in the bundle" in result.stderr


def test_a_bundle_without_golden_pictures_is_no_fault_of_its_forms(tmp_path: Path) -> None:
    result = call(main, write_bundle(tmp_path / "b.skinseg", golden=None), "--compare", *_FEW)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "holds no golden pictures" in result.stderr


def test_a_quantized_form_that_lost_every_golden_lesion_is_never_named(tmp_path: Path) -> None:
    forms = {"int8": binary_model(middle=-300)}  # darker than any pixel: nothing is lesion
    checks: dict[str, Checks] = {"int8": {"golden_dice": 0.0, "golden_area_drift": 1.0, "mean_dice": 0.99}}
    folder = write_bundle(tmp_path / "b.skinseg", forms=forms, checks=checks)

    document = only_object(call(main, folder, "--compare", *_FEW, "--json").stdout)

    assert [form["status"] for form in _forms(document)] == ["passes", "unproven"]
    assert (_verdict(document)["fastest"], _verdict(document)["use"]) == ("fp32", "fp32")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--engine", "coreml"), 3, "cannot run with coreml"),
        (("--compare", "--engine", "coreml"), 3, "cannot run with coreml"),
        (("--engine", "tensorrt"), 2, "'tensorrt'"),
        (("--precision", "fp16"), 2, "cannot use artefact 'onnx-fp16'"),
        (("--compare", "--precision", "fp16"), 2, "leave --precision out"),
        (("--photo", "nothing.jpg"), 2, "nothing.jpg"),
        (("--compare", "--photo", "nothing.jpg"), 2, "nothing.jpg"),
        (("--runs", "0"), 2, "runs"),
    ],
)
def test_wrong_use_is_told_in_one_sentence(bundle: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    result = call(main, bundle, *arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert words in result.stderr


def test_a_trusted_key_is_asked_for_in_every_process(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cryptography", reason="signatures need the extra `signing`")
    from skinseg_edge.signing import generate_key, sign_bundle

    generate_key(tmp_path / "ours.private", tmp_path / "ours.pem")
    unsigned = call(main, bundle, "--compare", *_FEW, "--trusted-key", tmp_path / "ours.pem")
    sign_bundle(bundle, tmp_path / "ours.private")
    signed = call(main, bundle, "--compare", *_FEW, "--trusted-key", tmp_path / "ours.pem")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SKINSEG_TRUSTED_KEY", "ours.pem")  # relative, and the worker stands elsewhere
    from_environment = call(main, bundle, "--compare", *_FEW)

    assert (unsigned.exit_code, signed.exit_code, from_environment.exit_code) == (1, 0, 0)
    assert "holds no manifest.sig" in unsigned.stderr


def test_the_comparison_loads_no_engine_into_the_process_that_compares(bundle: Path) -> None:
    code = """
from skinseg_runtime.bench_cli import main
assert main(sys.argv[1:], standalone_mode=False) == 0
print([name for name in ("onnxruntime", "torch", "onnx", "scipy") if name in sys.modules], file=sys.stderr)
"""
    barred = ("torch", "onnx", "skinseg_export", "matplotlib", "scipy")
    finished = run_python(code, bundle, "--compare", *_FEW, barred=barred)
    assert (finished.returncode, finished.stderr) == (0, "[]\n")
    assert "The fastest that passes is fp32" in finished.stdout


def test_help_waits_for_no_library_but_click() -> None:
    code = """
from skinseg_runtime.bench_cli import main
main(["--help"], standalone_mode=False)
print([name for name in ("numpy", "cv2", "onnxruntime", "rich") if name in sys.modules], file=sys.stderr)
"""
    assert run_python(code).stderr == "[]\n"
