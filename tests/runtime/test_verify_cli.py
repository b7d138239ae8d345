"""skinseg-verify: every promise of a bundle is a line, and one broken promise is exit code 1."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_runtime.verify_cli import main
from tests.runtime.calling import call, error_of, only_object
from tests.runtime.tiny_bundle import binary_model, write_bundle


def checks_of(stdout: str) -> dict[str, bool]:
    checks = only_object(stdout)["checks"]
    assert isinstance(checks, list)
    return {check["name"]: check["passed"] for check in checks}


def test_a_whole_bundle_holds(bundle: Path) -> None:
    plain, as_json = call(main, bundle), call(main, bundle, "--json")

    assert (plain.exit_code, as_json.exit_code, plain.stderr) == (0, 0, "")
    for word in ("files", "signature", "training", "contract", "golden cases", "golden/01.png", "holds"):
        assert word in plain.stdout
    assert "fails" not in plain.stdout
    document = only_object(as_json.stdout)
    assert (document["ok"], document["schema"]) == (True, "skinseg.verify/1")
    golden = document["golden"]
    assert isinstance(golden, list)
    assert golden[0]["dice"] > 0.97


def test_a_golden_mask_that_is_not_reached_fails(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b.skinseg", golden=lambda mask: np.roll(mask, 40, axis=1))
    plain, as_json = call(main, folder), call(main, folder, "--json")
    assert plain.exit_code == 1
    assert "golden cases: 1 of 1 left their tolerance" in plain.stderr
    assert "fails" in plain.stdout
    assert checks_of(as_json.stdout)["golden cases"] is False
    assert error_of(as_json)["exit_code"] == 1


@pytest.mark.parametrize("golden", [lambda mask: mask[:-1], lambda mask: np.zeros_like(mask)])
def test_a_golden_mask_of_another_size_or_without_a_lesion_fails_and_stays_json(
    tmp_path: Path, golden: Callable[[NDArray[np.bool_]], NDArray[np.bool_]]
) -> None:
    folder = write_bundle(tmp_path / "b.skinseg", golden=golden)
    result = call(main, folder, "--json")
    assert checks_of(result.stdout)["golden cases"] is False


def test_a_bundle_without_golden_cases_is_not_vouched_for(tmp_path: Path) -> None:
    result = call(main, write_bundle(tmp_path / "b.skinseg", golden=None))
    assert result.exit_code == 1
    assert "golden cases: the bundle has none" in result.stderr


def test_a_changed_file_fails_and_nothing_of_the_bundle_is_run(bundle: Path) -> None:
    (bundle / "golden" / "01.png").write_bytes(b"other")
    result = call(main, bundle, "--json")
    assert result.exit_code == 1
    assert checks_of(result.stdout) == {"files": False, "signature": True, "training": True}
    assert "golden/01.png" in str(error_of(result)["message"])


def test_a_file_that_nobody_listed_fails(bundle: Path) -> None:
    (bundle / "extra.onnx").write_bytes(b"?")
    result = call(main, bundle)
    assert result.exit_code == 1
    assert "extra.onnx" in result.stderr


def test_a_changed_manifest_ends_with_1(bundle: Path) -> None:
    manifest = bundle / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"min_dice": 0.97', b'"min_dice": 0.07'))
    result = call(main, bundle, "--json")
    assert (result.exit_code, error_of(result)["kind"]) == (1, "IntegrityFailed")


def test_untrained_weights_are_not_vouched_for_and_all_else_is_still_told(tmp_path: Path) -> None:
    result = call(main, write_bundle(tmp_path / "b.skinseg", trained=False), "--json")
    assert result.exit_code == 1
    assert [name for name, passed in checks_of(result.stdout).items() if not passed] == ["training"]


def test_a_graph_that_breaks_its_contract_fails(tmp_path: Path) -> None:
    result = call(main, write_bundle(tmp_path / "b.skinseg", model=binary_model((32, 32))), "--json")
    assert (result.exit_code, checks_of(result.stdout)["contract"]) == (1, False)


def test_an_artefact_that_failed_its_acceptance_fails(tmp_path: Path) -> None:
    result = call(main, write_bundle(tmp_path / "b.skinseg", status="failed"))
    assert result.exit_code == 1
    assert "its status is 'failed'" in result.stderr


def test_a_signature_is_checked_when_a_key_is_trusted(bundle: Path, tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="signatures need the extra `signing`")
    from skinseg_edge.signing import generate_key, sign_bundle

    for name in ("ours", "theirs"):
        generate_key(tmp_path / f"{name}.private", tmp_path / f"{name}.pem")
    sign_bundle(bundle, tmp_path / "ours.private")

    ours = call(main, bundle, "--trusted-key", tmp_path / "ours.pem")
    theirs = call(main, bundle, "--trusted-key", tmp_path / "theirs.pem", "--json")

    assert ours.exit_code == 0
    assert "made by the owner of the trusted key" in ours.stdout
    assert (theirs.exit_code, error_of(theirs)["kind"]) == (1, "SignatureInvalid")
    assert "no trusted key to check it with" in call(main, bundle).stdout


def test_what_is_not_there_is_wrong_use_and_no_finding(bundle: Path, tmp_path: Path) -> None:
    assert call(main, tmp_path / "nothing.skinseg").exit_code == 2
    assert call(main, bundle, "--precision", "fp16").exit_code == 2
    assert call(main, bundle, "--engine", "coreml").exit_code == 3
