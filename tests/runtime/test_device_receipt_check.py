"""A receipt is tied to its bundle, its masks are compared here, and it is kept beside the bundle's engines."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import BundleUnusable, IntegrityFailed, OutputRefused
from skinseg_runtime.device_receipt import DeviceReceipt
from skinseg_runtime.device_receipt_check import UnitVerdict, keep_receipt, missing_units, package_digest, unit_verdicts
from skinseg_runtime.device_receipt_reading import device_receipt_from_bytes
from tests.runtime.device_receipts import change_runs, network_mask, receipt_document, write_coreml_bundle


@pytest.fixture
def coreml_bundle(tmp_path: Path) -> Bundle:
    return write_coreml_bundle(tmp_path / "tiny.skinseg")


def read(document: dict[str, Any]) -> DeviceReceipt:
    return device_receipt_from_bytes(json.dumps(document).encode())


def verdict_after(bundle: Bundle, change: Callable[[dict[str, Any]], object]) -> UnitVerdict:
    """Return the verdict on CPU_AND_NE, of which alone the run was changed; the other three must still hold."""
    verdicts = unit_verdicts(bundle, read(change_runs(receipt_document(bundle), change, "CPU_AND_NE")))
    (changed,) = (verdict for verdict in verdicts if verdict.run.compute_units == "CPU_AND_NE")
    assert all(verdict.passed for verdict in verdicts if verdict is not changed)
    return changed


def test_the_right_masks_hold_on_every_choice_of_units(coreml_bundle: Bundle) -> None:
    verdicts = unit_verdicts(coreml_bundle, read(receipt_document(coreml_bundle)))

    assert [verdict.faults for verdict in verdicts] == [()] * 4
    assert {(verdict.worst_dice, verdict.worst_area_drift) for verdict in verdicts} == {(1.0, 0.0)}
    assert verdicts[0].latency is not None
    assert verdicts[0].latency.p50_ms == 3.0


def test_dice_and_area_are_computed_from_the_mask_and_not_believed(coreml_bundle: Bundle) -> None:
    grown = network_mask()
    grown[:6] = True
    truth, area = network_mask().sum(), grown.sum()

    (verdict, *_) = unit_verdicts(coreml_bundle, read(receipt_document(coreml_bundle, grown)))

    assert verdict.worst_dice == pytest.approx(2 * truth / (truth + area))
    assert verdict.worst_area_drift == pytest.approx((area - truth) / truth)
    assert verdict.faults == ("1 of 1 left their tolerance",)


def test_masks_of_a_quantized_package_are_asked_for_what_they_reached_at_export(tmp_path: Path) -> None:
    """A mask that the export's own evaluation gave may come again; that of a rounded package may not."""
    worse = network_mask()
    worse[:12, :8] = True
    checks = {"golden_dice": 0.9, "golden_area_drift": 0.2}
    rounded = write_coreml_bundle(tmp_path / "fp16.skinseg", checks=checks)
    quantized = write_coreml_bundle(tmp_path / "int8.skinseg", precision="int8", checks=checks)

    (of_rounded, *_), (of_quantized, *_) = (
        unit_verdicts(bundle, read(receipt_document(bundle, worse))) for bundle in (rounded, quantized)
    )

    assert 0.9 < (of_quantized.worst_dice or 0) < 0.97
    assert (of_rounded.passed, of_quantized.passed) == (False, True)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda run: run.update(failure="no Neural Engine here", masks=[]), "it did not run: no Neural Engine here"),
        (lambda run: run.update(masks=[]), "1 of 1 golden cases are missing"),
        (lambda run: run["masks"][0].update(image="golden/99.png"), "golden/99.png, which is no golden case"),
        (lambda run: run["masks"][0].update(rows=96, columns=64), "1 of 1 left their tolerance"),
        (lambda run: run["masks"][0].update(runs=[6144]), "1 of 1 left their tolerance"),
    ],
)
def test_a_choice_of_units_that_fails_is_named_alone(
    coreml_bundle: Bundle, change: Callable[[dict[str, Any]], object], fault: str
) -> None:
    assert fault in verdict_after(coreml_bundle, change).faults[0]


def test_a_package_that_failed_at_export_does_not_hold_on_a_device(tmp_path: Path) -> None:
    bundle = write_coreml_bundle(tmp_path / "b.skinseg", status="failed")
    (verdict, *_) = unit_verdicts(bundle, read(receipt_document(bundle)))
    assert verdict.faults == ("it failed its acceptance where it was made",)


def test_golden_cases_that_ask_for_too_little_vouch_for_nothing(tmp_path: Path) -> None:
    bundle = write_coreml_bundle(tmp_path / "b.skinseg", min_dice=0.5)
    (verdict, *_) = unit_verdicts(bundle, read(receipt_document(bundle)))
    assert "so nothing shows that its masks are right" in verdict.faults[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(bundle_sha256="1" * 64), r"made with manifest 111111111111\.\.\., tiny\.skinseg has"),
        (lambda d: d["packages"][0].update(sha256="2" * 64), r"at model\.mlpackage with 222222222222\.\.\. is not"),
        (lambda d: d["packages"][0].update(path="model.onnx"), r"at model\.onnx"),
    ],
)
def test_the_receipt_of_another_bundle_or_package_is_refused(
    coreml_bundle: Bundle, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    document = receipt_document(coreml_bundle)
    change(document)
    with pytest.raises(IntegrityFailed, match=words):
        unit_verdicts(coreml_bundle, read(document))


def test_a_golden_mask_that_changed_is_not_compared_with(coreml_bundle: Bundle) -> None:
    (coreml_bundle.path / "coreml-check/Resources/01.mask.png").write_bytes(b"other")
    with pytest.raises(IntegrityFailed, match=r"01\.mask\.png"):
        unit_verdicts(coreml_bundle, read(receipt_document(coreml_bundle)))


def test_a_bundle_without_golden_masks_at_network_size_or_without_cases_says_what_to_do(tmp_path: Path) -> None:
    older = write_coreml_bundle(tmp_path / "older.skinseg", with_reference=False)
    empty = write_coreml_bundle(tmp_path / "empty.skinseg", count=0)
    with pytest.raises(BundleUnusable, match=r"has no coreml-check/Resources/01\.mask\.png.*--target coreml"):
        unit_verdicts(older, read(receipt_document(older)))
    with pytest.raises(BundleUnusable, match="no golden case"):
        unit_verdicts(empty, read(receipt_document(empty)))


def test_units_that_were_left_out_are_named(coreml_bundle: Bundle) -> None:
    document = receipt_document(coreml_bundle)
    document["runs"] = document["runs"][:2]
    assert missing_units(coreml_bundle, read(document)) == ("coreml on CPU_AND_NE", "coreml on ALL")


def test_a_receipt_is_kept_byte_for_byte_and_the_bundle_stays_whole(coreml_bundle: Bundle) -> None:
    receipt = read(receipt_document(coreml_bundle))

    first = keep_receipt(coreml_bundle, receipt, b"first")
    second = keep_receipt(coreml_bundle, receipt, b"second")

    assert first == second == coreml_bundle.path / "engines" / "coreml-mac14-2" / "receipt.json"
    assert [path.name for path in first.parent.iterdir()] == ["receipt.json"]
    assert first.read_bytes() == b"second"
    coreml_bundle.verify()


@pytest.mark.parametrize("place", ["engines", "engines/coreml-mac14-2", "engines/coreml-mac14-2/receipt.json"])
def test_a_link_in_the_bundle_does_not_lead_the_receipt_out_of_it(
    coreml_bundle: Bundle, tmp_path: Path, place: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link = coreml_bundle.path / place
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside)
    with pytest.raises(OutputRefused, match="is a link"):
        keep_receipt(coreml_bundle, read(receipt_document(coreml_bundle)), b"")
    assert not list(outside.iterdir())


def test_the_digest_of_a_package_is_what_the_usual_tools_print(coreml_bundle: Bundle) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("needs the program sha256sum")
    line = "find model.mlpackage -type f | LC_ALL=C sort | xargs sha256sum | sha256sum"
    printed = subprocess.run(["sh", "-c", line], cwd=coreml_bundle.path, capture_output=True, check=True, text=True)
    assert printed.stdout.split()[0] == package_digest(coreml_bundle.manifest.below("model.mlpackage"))


def test_a_mask_of_many_turns_is_compared_pixel_by_pixel(coreml_bundle: Bundle) -> None:
    noise = np.random.default_rng(0).random((64, 96)) < 0.5
    (verdict, *_) = unit_verdicts(coreml_bundle, read(receipt_document(coreml_bundle, noise)))
    truth = network_mask()
    assert verdict.worst_dice == pytest.approx(2 * (noise & truth).sum() / (noise.sum() + truth.sum()))
