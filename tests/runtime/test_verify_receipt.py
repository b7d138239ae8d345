"""skinseg-verify --receipt: the receipt is one more line of the verdict, with a table of its runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from skinseg_edge.bundle import Bundle
from skinseg_runtime.device_receipt_check import package_digest
from skinseg_runtime.verify_cli import main
from tests.runtime.calling import call, error_of, only_object
from tests.runtime.device_receipts import change_runs, receipt_document, write_coreml_bundle, write_receipt


@pytest.fixture
def coreml_bundle(tmp_path: Path) -> Bundle:
    return write_coreml_bundle(tmp_path / "tiny.skinseg")


def receipt_check(stdout: str) -> dict[str, Any]:
    checks = only_object(stdout)["checks"]
    assert isinstance(checks, list)
    (found,) = (check for check in checks if check["name"] == "receipt")
    assert isinstance(found, dict)
    return found


def test_a_receipt_that_holds_is_shown_and_kept(coreml_bundle: Bundle, tmp_path: Path) -> None:
    path = write_receipt(tmp_path / "receipt.json", receipt_document(coreml_bundle))
    plain, as_json = (call(main, coreml_bundle.path, "--receipt", path, *more) for more in ([], ["--json"]))

    assert (plain.exit_code, as_json.exit_code, plain.stderr) == (0, 0, "")
    for word in ("4 runs on Mac14,2 gave their golden masks", "Apple M2", "coreml on CPU_AND_NE", "neural_engine 61"):
        assert word in plain.stdout
    kept = coreml_bundle.path / "engines" / "coreml-mac14-2" / "receipt.json"
    assert kept.read_bytes() == path.read_bytes()
    told = only_object(as_json.stdout)["receipt"]
    assert isinstance(told, dict)
    assert (told["model"], told["kept"], len(told["runs"])) == ("Mac14,2", str(kept), 4)
    assert told["runs"][2]["golden"][0]["dice"] == 1


def test_the_kept_receipt_can_be_judged_again(coreml_bundle: Bundle, tmp_path: Path) -> None:
    path = write_receipt(tmp_path / "receipt.json", receipt_document(coreml_bundle))
    call(main, coreml_bundle.path, "--receipt", path)
    kept = coreml_bundle.path / "engines" / "coreml-mac14-2" / "receipt.json"
    assert call(main, coreml_bundle.path, "--receipt", kept).exit_code == 0


def test_one_choice_of_units_that_fails_ends_with_1_and_is_kept_for_the_record(
    coreml_bundle: Bundle, tmp_path: Path
) -> None:
    worse = change_runs(receipt_document(coreml_bundle), lambda run: run["masks"][0].update(runs=[6144]), "CPU_AND_NE")
    path = write_receipt(tmp_path / "receipt.json", worse)
    plain, as_json = (call(main, coreml_bundle.path, "--receipt", path, *more) for more in ([], ["--json"]))

    assert (plain.exit_code, as_json.exit_code) == (1, 1)
    assert "receipt: coreml on CPU_AND_NE of Mac14,2: 1 of 1 left their tolerance" in plain.stderr
    assert [run["passed"] for run in only_object(as_json.stdout)["receipt"]["runs"]] == [True, True, False, True]  # type: ignore[index]  # an object, by the lines above
    assert (coreml_bundle.path / "engines" / "coreml-mac14-2" / "receipt.json").is_file()


def test_choices_of_units_that_were_not_run_are_told(coreml_bundle: Bundle, tmp_path: Path) -> None:
    document = receipt_document(coreml_bundle)
    document["runs"] = document["runs"][:1]
    result = call(main, coreml_bundle.path, "--receipt", write_receipt(tmp_path / "r.json", document))
    assert result.exit_code == 0
    assert "not run: coreml on CPU_AND_GPU, coreml on CPU_AND_NE, coreml on ALL" in " ".join(result.stdout.split())


def test_a_package_of_the_bundle_that_the_device_never_ran_is_told(tmp_path: Path) -> None:
    bundle = write_coreml_bundle(tmp_path / "tiny.skinseg", other_package="coreml-int8")
    path = write_receipt(tmp_path / "r.json", receipt_document(bundle))
    result = call(main, bundle.path, "--receipt", path)
    assert result.exit_code == 0
    assert "gave their golden masks; not run: coreml-int8" in " ".join(result.stdout.split())


def test_no_receipt_vouches_for_what_is_no_core_ml_package(coreml_bundle: Bundle, tmp_path: Path) -> None:
    digest = package_digest(coreml_bundle.manifest.below("model.onnx"))
    document = change_runs(receipt_document(coreml_bundle), lambda run: run.update(artefact="onnx"))
    document["packages"] = [{"artefact": "onnx", "path": "model.onnx", "sha256": digest}]
    result = call(main, coreml_bundle.path, "--receipt", write_receipt(tmp_path / "r.json", document), "--json")
    assert result.exit_code == 1
    assert "its package 'onnx' at model.onnx" in receipt_check(result.stdout)["detail"]
    assert not (coreml_bundle.path / "engines").exists()


def test_the_receipt_of_another_bundle_is_a_finding_and_is_not_kept(coreml_bundle: Bundle, tmp_path: Path) -> None:
    document = {**receipt_document(coreml_bundle), "bundle_sha256": "1" * 64}
    result = call(main, coreml_bundle.path, "--receipt", write_receipt(tmp_path / "r.json", document), "--json")
    assert result.exit_code == 1
    assert "made with manifest 111111111111" in receipt_check(result.stdout)["detail"]
    assert not (coreml_bundle.path / "engines").exists()


def test_a_damaged_bundle_takes_no_receipt(coreml_bundle: Bundle, tmp_path: Path) -> None:
    path = write_receipt(tmp_path / "receipt.json", receipt_document(coreml_bundle))
    (coreml_bundle.path / "golden" / "01.png").write_bytes(b"other")
    result = call(main, coreml_bundle.path, "--receipt", path, "--json")
    assert result.exit_code == 1
    assert [check["name"] for check in json.loads(result.stdout)["checks"]] == ["files", "signature", "training"]
    assert not (coreml_bundle.path / "engines").exists()


def test_a_file_that_is_no_receipt_is_wrong_use(coreml_bundle: Bundle, tmp_path: Path) -> None:
    path = write_receipt(tmp_path / "receipt.json", {"schema": "something"})
    wrong = call(main, coreml_bundle.path, "--receipt", path, "--json")
    missing = call(main, coreml_bundle.path, "--receipt", tmp_path / "nothing.json", "--json")
    assert (wrong.exit_code, error_of(wrong)["kind"]) == (2, "SchemaUnknown")
    assert (missing.exit_code, error_of(missing)["kind"]) == (2, "FileMissing")


def test_without_a_receipt_the_document_says_that_there_is_none(coreml_bundle: Bundle) -> None:
    assert only_object(call(main, coreml_bundle.path, "--json").stdout)["receipt"] is None
