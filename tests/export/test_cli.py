import json
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from skinseg_edge.bundle import Bundle
from skinseg_export.cli import main
from tests.export.darkness import Darkness


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_a_checkpoint_becomes_a_bundle_and_a_table_of_its_artefacts(checkpoint_path: Path, tmp_path: Path) -> None:
    result = _run(checkpoint_path, "--target", "engine", "-o", tmp_path / "lesion.skinseg")

    assert result.exit_code == 0, result.output
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    assert [row[:2] for row in rows[:2]] == [["onnx", "verified"], ["onnx-fp16", "verified"]]
    assert rows[0][3].startswith("max |dp| ")
    assert rows[1][3].startswith("mean |dp| ")
    assert rows[0][4] == "1.0000"
    Bundle.open(tmp_path / "lesion.skinseg").verify()


def test_of_an_engine_that_was_not_run_no_figure_is_claimed(checkpoint_path: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorrt_rtx", reason="needs the builder of TensorRT-RTX")

    result = _run(checkpoint_path, "--target", "trt", "-o", tmp_path / "lesion.skinseg")

    (row,) = [line for line in result.stdout.splitlines() if "trt-rtx" in line]
    assert [cell.strip() for cell in row.split("│")[4:-1]] == ["structure only", "-", "-"]


def test_json_is_one_object_with_every_figure(checkpoint_path: Path, tmp_path: Path) -> None:
    result = _run(checkpoint_path, "--target", "onnx", "-o", tmp_path / "lesion.skinseg", "--json")

    document = json.loads(result.stdout)
    assert (document["schema"], document["ok"], document["trained"]) == ("skinseg.export/1", True, True)
    assert [artefact["name"] for artefact in document["artefacts"]] == ["onnx", "onnx-fp16"]
    assert document["artefacts"][0]["size"] == (tmp_path / "lesion.skinseg" / "model.onnx").stat().st_size
    assert document["artefacts"][0]["checks"]["max_error"] < 1e-4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--target", "onx"], "the target 'onx': known are"),
        (["--target", "onnx", "--precision", "int8"], "name a folder of training pictures with --calibration"),
        (["--target", "onnx", "--precision", "fp61"], "did you mean 'fp16'?"),
        (["--target", "trt", "--compute-capability", "sm86"], "expected numbers such as 8.6, each once"),
        (["--target", "onnx", "--opset", "11"], "cannot export to opset 11"),
        (["--target", "onnx", "--option", "base"], "expected KEY=VALUE, such as base=32"),
        (["--target", "onnx", "--classes", "skin,,lesion"], "expected different names, such as skin,lesion"),
        (["--target", "onnx", "--input-size", "64"], "its file says them; leave out --option, --classes"),
        (["--target", "onnx", "--import", "absent.py"], "cannot import absent.py: there is no such file"),
        ([], "Missing option '--target'"),
    ],
)
def test_wrong_use_is_told_in_one_sentence_with_exit_code_2(
    arguments: list[str], words: str, checkpoint_path: Path, tmp_path: Path
) -> None:
    result = _run(checkpoint_path, *arguments, "-o", tmp_path / "a.skinseg")

    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_ones_own_network_goes_from_a_plain_state_dict_to_a_bundle(tmp_path: Path) -> None:
    torch.save(Darkness().state_dict(), tmp_path / "weights.pt")  # "darkness" is known by networks.register only

    result = _run(
        tmp_path / "weights.pt", "--network", "darkness", "--target", "onnx", "--precision", "fp32",
        "-o", tmp_path / "mine.skinseg",
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    assert Bundle.open(tmp_path / "mine.skinseg").manifest.provenance.network == "darkness"


def test_a_key_that_cannot_sign_is_refused_before_any_work(checkpoint_path: Path, tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="needs the signing extra")
    (tmp_path / "key.pem").write_text("no key")

    result = _run(
        checkpoint_path, "--target", "onnx", "--key", tmp_path / "key.pem", "-o", tmp_path / "a.skinseg", "-v"
    )

    assert result.exit_code == 2
    assert result.stderr.endswith("without a passphrase; make one with openssl genpkey -algorithm ed25519\n")
    assert not (tmp_path / "a.skinseg").exists()


def test_a_missing_tool_ends_with_exit_code_3(
    checkpoint_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "coremltools", None)
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)

    alone = _run(checkpoint_path, "--target", "mlpackage", "-o", tmp_path / "a.skinseg")
    among_all = _run(checkpoint_path, "--target", "all", "-o", tmp_path / "b.skinseg", "--json")
    engine = _run(checkpoint_path, "--target", "trt", "-o", tmp_path / "c.skinseg")

    assert (alone.exit_code, among_all.exit_code, engine.exit_code) == (3, 3, 0)
    assert "pip install 'skinseg-edge[coreml]'" in alone.stderr
    document = json.loads(among_all.stdout)
    assert document["error"]["kind"] == "ToolMissing"
    assert set(document["missing"]) == {"coreml", "trt-rtx"}
    assert "no trt-rtx: tensorrt_rtx is not installed" in engine.stderr
    assert "trt-rtx" in engine.stdout


def test_a_failed_verification_ends_with_exit_code_1_and_names_the_layer(
    checkpoint_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from skinseg_export import parity
    from skinseg_export.targets.onnx import verify

    strict = parity.Tolerances(max_error=1.0, mean_error=1e-9, average_error=1.0, disagreement=1.0)
    monkeypatch.setattr("skinseg_export.onnx_artefacts.HALF", strict)
    monkeypatch.setattr(verify, "_HALF_LAYER_ERROR", 1e-9)

    result = _run(checkpoint_path, "--target", "onnx", "-o", tmp_path / "a.skinseg")

    assert result.exit_code == 1
    assert "onnx-fp16 │ failed" in result.stdout
    assert "on golden/01 its mean |dp|" in result.stderr
    assert "the first layer that differs is network/blur/Conv_" in result.stderr
    assert Bundle.open(tmp_path / "a.skinseg").artefact("onnx-fp16").status == "failed"


def test_fresh_weights_come_with_a_warning(tmp_path: Path) -> None:
    result = _run("darkness", "--untrained", "--target", "onnx", "--precision", "fp32", "-o", tmp_path / "a.skinseg")

    assert result.exit_code == 0, result.output
    assert "the weights are random" in result.stderr
    assert Bundle.open(tmp_path / "a.skinseg").manifest.provenance.trained is False


def test_a_variant_is_tried_without_a_checkpoint(tmp_path: Path) -> None:
    result = _run(
        "ulffn", "--untrained", "--option", "base=4", "--option", "aspp=false", "--classes", "skin,lesion",
        "--input-size", "32", "--target", "onnx", "--precision", "fp32", "-o", tmp_path / "a.skinseg",
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    manifest = Bundle.open(tmp_path / "a.skinseg").manifest
    assert manifest.provenance.network_options == {"base": 4, "aspp": False}
    assert (manifest.contract.input_hw, manifest.contract.classes) == ((32, 32), ("skin", "lesion"))
