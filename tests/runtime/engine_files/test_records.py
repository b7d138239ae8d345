"""Sidecar and receipt: what is written is read back, and nothing else passes."""

import json
from pathlib import Path

import pytest

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import EngineUnusable
from skinseg_runtime.engine_files.engine_key import engine_key
from skinseg_runtime.engine_files.receipt import Receipt
from skinseg_runtime.engine_files.sidecar import Sidecar, today
from skinseg_runtime.this_device import Device
from tests.runtime.made_engines import ORIN, RTX, made_plan, made_receipt, made_sidecar


@pytest.fixture
def sidecar(bundle: Path) -> Sidecar:
    return made_sidecar(Bundle.open(bundle), made_plan())


def _changed(data: bytes, name: str, value: object) -> bytes:
    return json.dumps({**json.loads(data), name: value}).encode()


def test_records_are_read_as_they_were_written(sidecar: Sidecar) -> None:
    receipt = made_receipt(sidecar)

    assert Sidecar.from_bytes(sidecar.to_bytes()) == sidecar
    assert Receipt.from_bytes(receipt.to_bytes()) == receipt


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("schema", "skinseg.device-engine/2", "it is 'skinseg.device-engine/2', expected 'skinseg.device-engine/1'"),
        ("schema", None, "it is None, expected"),
        ("size", "80", "field 'size' of it is '80', expected a whole number"),
        ("device", {"gpu": "Orin"}, "cannot read the engine's model.json: field 'product' of its device is missing"),
        ("colour", "red", "field 'colour' of it is unknown"),
    ],
)
def test_a_sidecar_that_does_not_fit_is_refused(sidecar: Sidecar, name: str, value: object, words: str) -> None:
    with pytest.raises(EngineUnusable) as caught:
        Sidecar.from_bytes(_changed(sidecar.to_bytes(), name, value))

    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("schema", "skinseg.receipt/2", "it is 'skinseg.receipt/2', expected 'skinseg.receipt/1'"),
        ("accepted", "yes", "field 'accepted' of it is 'yes', expected true or false"),
        ("golden", [1], "field 'golden' of it is [1], expected a list of objects"),
    ],
)
def test_a_receipt_that_does_not_fit_is_refused(sidecar: Sidecar, name: str, value: object, words: str) -> None:
    with pytest.raises(EngineUnusable) as caught:
        Receipt.from_bytes(_changed(made_receipt(sidecar).to_bytes(), name, value))

    assert words in str(caught.value)


@pytest.mark.parametrize("kind", [Sidecar, Receipt])
def test_half_a_record_is_refused(kind: type[Sidecar] | type[Receipt]) -> None:
    with pytest.raises(EngineUnusable, match=r"it is no strict JSON .* run skinseg-build again"):
        kind.from_bytes(b'{"schema": "skins')


def test_a_date_is_a_day() -> None:
    assert len(today()) == len("2026-01-31")


def _key(device: Device = ORIN, **changes: object) -> str:
    asked: dict[str, object] = {
        "onnx_sha256": "a" * 64,
        "precision": "fp16",
        "profile": {},
        "options": {"max_batch": 1},
    }
    return engine_key(device=device, **{**asked, **changes})  # type: ignore[arg-type]  # the table's values fit


def test_an_engine_key_stays_where_nothing_differs() -> None:
    assert _key() == _key(options={"max_batch": 1})
    assert len(_key()) == 64


@pytest.mark.parametrize(
    "changes",
    [
        {"onnx_sha256": "b" * 64},
        {"precision": "fp32"},
        {"profile": {"image": [[1, 64, 96, 3]]}},
        {"options": {"max_batch": 2}},
        {"device": RTX},
        {"device": Device(**{**vars(ORIN), "tensorrt": "10.16.2"})},
        {"device": Device(**{**vars(ORIN), "jetpack": "6.1"})},
        {"device": Device(**{**vars(ORIN), "cuda": "13.0"})},
    ],
)
def test_an_engine_key_changes_with_everything_it_is_over(changes: dict[str, object]) -> None:
    assert _key(**changes) != _key()  # type: ignore[arg-type]  # the table's values fit
