"""A device's receipt comes from outside: what is not exactly one is refused in words, and nothing in it grows."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import FileMissing, InputError, SchemaUnknown
from skinseg_runtime.device_receipt import RunLengthMask, run_lengths
from skinseg_runtime.device_receipt_reading import LARGEST_RECEIPT, device_receipt_from_bytes, read_device_receipt
from tests.runtime.device_receipts import (
    change_runs,
    network_mask,
    receipt_document,
    write_coreml_bundle,
    write_receipt,
)


@pytest.fixture
def coreml_bundle(tmp_path: Path) -> Bundle:
    return write_coreml_bundle(tmp_path / "tiny.skinseg")


@pytest.fixture
def document(coreml_bundle: Bundle) -> dict[str, Any]:
    return receipt_document(coreml_bundle)


def as_bytes(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


def test_a_receipt_is_read_whole(coreml_bundle: Bundle, document: dict[str, Any], tmp_path: Path) -> None:
    receipt, data = read_device_receipt(write_receipt(tmp_path / "receipt.json", document))

    assert data == as_bytes(document)
    assert (receipt.model, receipt.folder_name) == ("Mac14,2", "coreml-mac14-2")
    assert receipt.bundle_sha256 == coreml_bundle.sha256
    assert [run.compute_units for run in receipt.runs] == ["CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE", "ALL"]
    first = receipt.runs[0]
    assert (first.load_cold_ms, first.latencies_ms, first.operations["neural_engine"]) == (812.5, (2.0, 4.0, 3.0), 61)
    np.testing.assert_array_equal(first.masks["golden/01.png"].pixels(), network_mask())


@pytest.mark.parametrize(
    ("mask", "runs"),
    [
        ([[0, 0], [0, 0]], (4,)),
        ([[1, 1], [1, 1]], (0, 4)),
        ([[0, 1], [1, 0]], (1, 2, 1)),
        ([[1, 0], [0, 1]], (0, 1, 2, 1)),
    ],
)
def test_run_lengths_begin_with_what_is_no_lesion_and_give_the_mask_back(
    mask: list[list[int]], runs: tuple[int, ...]
) -> None:
    pixels = np.array(mask, bool)
    assert run_lengths(pixels) == runs
    np.testing.assert_array_equal(RunLengthMask(rows=2, columns=2, runs=runs).pixels(), pixels)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.pop("made"), "field 'made' of it is missing"),
        (lambda d: d.update(verdict="passed"), "field 'verdict' of it is unknown"),
        (lambda d: d.update(bundle_sha256="A" * 64), "bundle_sha256 is"),
        (lambda d: d.update(packages=[]), "it names 0 packages"),
        (lambda d: d.update(packages=d["packages"] * 2), "package 'coreml' comes twice"),
        (lambda d: d.update(runs=[]), "it holds 0 runs"),
        (lambda d: d.update(runs=d["runs"] * 2), "comes twice on one choice"),
        (lambda d: d["device"].update(model="../../.ssh"), r"model is '\.\./\.\./\.ssh', expected"),
        (lambda d: d["device"].update(model="Mac14,2\n"), "model is"),
        (lambda d: d["device"].update(chip="\x1b[2J"), "chip is .* expected at most 200 printable"),
        (lambda d: d["device"].update(system="x" * 201), "system is"),
        (lambda d: d["packages"].append({**d["packages"][0], "artefact": "coreml-int8"}), "was not run"),
    ],
)
def test_a_document_that_is_no_receipt_is_refused(
    document: dict[str, Any], change: Callable[[dict[str, Any]], object], words: str
) -> None:
    change(document)
    with pytest.raises(InputError, match=words):
        device_receipt_from_bytes(as_bytes(document))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda run: run.update(artefact="onnx"), "which is none of its packages"),
        (lambda run: run.update(compute_units="NPU"), "compute_units"),
        (lambda run: run.update(load_cold_ms=-1), "expected milliseconds"),
        (lambda run: run.update(load_cold_ms=True), "expected milliseconds"),
        (lambda run: run.update(latencies_ms=["3"]), "expected milliseconds"),
        (lambda run: run.update(latencies_ms=[1] * 1001), "1001 latencies, expected at most 1000"),
        (lambda run: run.update(operations={"cpu": 1.5}), "expected 0 to 1000000"),
        (lambda run: run.update(operations={str(n): 1 for n in range(9)}), "9 kinds of devices"),
        (lambda run: run.update(masks=run["masks"] * 2), "two masks of 'golden/01.png'"),
        (lambda run: run.update(masks=run["masks"] * 65), "65 masks, expected at most 64"),
        (lambda run: run["masks"][0].update(rows=0), "expected 1 to 4096"),
        (lambda run: run["masks"][0].update(columns=4097), "expected 1 to 4096"),
        (lambda run: run["masks"][0].update(runs=[6143]), "add up to 6143 pixels, expected 6144"),
        (lambda run: run["masks"][0].update(runs=[10, 0, 6134]), "a mask holds 0, expected 1 to 6144"),
        (lambda run: run["masks"][0].update(runs=[-1, 6145]), "a mask holds -1"),
        (lambda run: run["masks"][0].update(runs=[]), "add up to 0 pixels"),
    ],
)
def test_a_run_that_leaves_a_rule_or_a_limit_is_refused(
    document: dict[str, Any], change: Callable[[dict[str, Any]], object], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        device_receipt_from_bytes(as_bytes(change_runs(document, change)))


def test_a_receipt_of_another_version_says_so(document: dict[str, Any]) -> None:
    document["schema"] = "skinseg.device-receipt/2"
    with pytest.raises(SchemaUnknown, match=r"reads 'skinseg\.device-receipt/1'; update"):
        device_receipt_from_bytes(as_bytes(document))


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"a": NaN}', b"\xff", b'{"a": 1, "a": 2}', b"[" * 100_000])
def test_bytes_that_are_no_strict_json_object_are_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="make it again with skinseg-check"):
        device_receipt_from_bytes(data)


def test_a_file_that_is_too_large_is_not_read_to_its_end_and_a_missing_one_is_named(tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    with large.open("wb") as stream:
        stream.truncate(LARGEST_RECEIPT * 40)
    tracemalloc.start()
    with pytest.raises(InputError, match="over 4194304 bytes"):
        read_device_receipt(large)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < LARGEST_RECEIPT * 3

    with pytest.raises(FileMissing, match=r"nothing\.json"):
        read_device_receipt(tmp_path / "nothing.json")


def test_masks_of_the_largest_size_take_no_memory_until_they_are_compared(document: dict[str, Any]) -> None:
    def enlarge(run: dict[str, Any]) -> None:
        one = {"rows": 4096, "columns": 4096, "runs": [4096 * 4096]}
        run["masks"] = [{**one, "image": f"golden/{number:02d}.png"} for number in range(64)]

    data = as_bytes(change_runs(document, enlarge))
    tracemalloc.start()
    device_receipt_from_bytes(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4096 * 4096  # one of the 256 masks as pixels
