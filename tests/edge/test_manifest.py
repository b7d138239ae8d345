"""A manifest is exact: it comes back unchanged, notices each changed byte, and names what is wrong in a hostile one."""

import copy
import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import BundleUnusable, ContractInvalid, IntegrityFailed, SchemaUnknown, SkinsegError
from skinseg_edge.manifest import (
    MANIFEST_LIMIT,
    Artefact,
    FileRecord,
    GoldenCase,
    Manifest,
    Provenance,
    check_relative,
)


def _seal(document: Mapping[str, object]) -> bytes:
    """Do what an attacker can who knows the format: compute the right digest of a wrong document."""

    def canonical(part: Mapping[str, object]) -> bytes:
        return (json.dumps(part, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()

    digest = hashlib.sha256(canonical(document)).hexdigest()
    return canonical({**document, "digest": digest})


def _changed(manifest: Manifest, way: str, value: object) -> dict[str, object]:
    """Return the document with the field at `way` ("provenance.tools") set; list places are numbers."""
    document = copy.deepcopy(manifest.to_json())
    place: Any = document
    *folders, last = way.split(".")
    for step in folders:
        place = place[int(step) if isinstance(place, list) else step]
    place[last] = value
    return document


# --- there and back


def test_a_manifest_comes_back_from_its_bytes_unchanged(manifest: Manifest) -> None:
    assert Manifest.from_bytes(manifest.to_bytes()) == manifest
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_lesion_classes_travel_with_the_contract_and_leave_manifests_without_them_as_they_were(
    manifest: Manifest,
) -> None:
    face = ModelContract(input_hw=(512, 512), classes=("BACKGROUND", "ET", "HHB"), lesion_classes=("HHB",))
    assert Manifest.from_bytes(dataclasses.replace(manifest, contract=face).to_bytes()).contract == face
    assert b"lesion_classes" not in manifest.to_bytes()


def test_the_bytes_are_canonical_json_with_a_digest_of_all_else(manifest: Manifest) -> None:
    data = manifest.to_bytes()
    document = json.loads(data)
    digest = document.pop("digest")
    rest = (json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()
    assert digest == hashlib.sha256(rest).hexdigest()
    assert data == _seal(document)
    assert document["schema"] == "skinseg.bundle/1"


def test_the_same_manifest_has_the_same_bytes_whatever_the_order_of_its_files(manifest: Manifest) -> None:
    backwards = dataclasses.replace(manifest, files=dict(reversed(list(manifest.files.items()))))
    assert backwards.to_bytes() == manifest.to_bytes()


def test_a_manifest_cannot_be_changed(manifest: Manifest) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        manifest.name = "other"  # type: ignore[misc]  # the point of the test


def test_files_below_a_folder_are_found_and_its_namesakes_are_not(manifest: Manifest) -> None:
    assert set(manifest.below("golden")) == {"golden/01.png", "golden/01.mask.png", "golden/01.probability.png"}
    assert set(manifest.below("golden/01.png")) == {"golden/01.png"}
    assert manifest.below("gold") == {}
    assert manifest.below("model") == {}


# --- one changed byte


def test_one_changed_byte_anywhere_is_noticed(manifest: Manifest) -> None:
    data = manifest.to_bytes()
    verdicts: set[type[SkinsegError]] = set()
    for position in range(0, len(data), 3):
        for flip in (0x01, 0x20, 0x80):
            damaged = bytearray(data)
            damaged[position] ^= flip
            with pytest.raises((IntegrityFailed, BundleUnusable, SchemaUnknown)) as caught:
                Manifest.from_bytes(bytes(damaged))
            verdicts.add(type(caught.value))
    assert IntegrityFailed in verdicts


@pytest.mark.parametrize("position", [0, 1, 500, -1])
def test_one_byte_too_many_or_too_few_is_noticed(manifest: Manifest, position: int) -> None:
    data = manifest.to_bytes()
    place = position % len(data)
    for damaged in (data[:place] + data[place + 1 :], data[:place] + b" " + data[place:]):
        with pytest.raises((IntegrityFailed, BundleUnusable)):
            Manifest.from_bytes(damaged)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"lesion"', b'"nevus"'), (b"\n", b"\r\n"), (b"  ", b"\t"), ("é".encode(), b"\\u00e9"), (b"true", b"1")],
)
def test_bytes_that_mean_the_same_or_another_thing_are_not_the_sealed_ones(
    manifest: Manifest, old: bytes, new: bytes
) -> None:
    accented = dataclasses.replace(
        manifest, provenance=dataclasses.replace(manifest.provenance, training_data="é, of our own")
    )
    data = accented.to_bytes()
    assert old in data
    with pytest.raises(IntegrityFailed, match=r"cannot trust manifest\.json: its bytes differ from those its digest"):
        Manifest.from_bytes(data.replace(old, new))


def test_a_manifest_without_digest_is_not_trusted(manifest: Manifest) -> None:
    with pytest.raises(IntegrityFailed, match="its digest None"):
        Manifest.from_bytes(json.dumps(manifest.to_json()).encode())


# --- hostile bytes


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it is no strict JSON (Expecting value"),
        (b"{", "it is no strict JSON (Expecting property name"),
        (b"\xff\xfe{}", "byte 0 is not UTF-8"),
        (b'{"a": "\xc3\x28"}', "byte 7 is not UTF-8"),
        (b"\xef\xbb\xbf{}", "it is no strict JSON (Unexpected UTF-8 BOM"),
        (b'{"schema": "a", "schema": "skinseg.bundle/1"}', "the key 'schema' comes twice"),
        (b'{"x": {"files": {}, "files": {}}}', "the key 'files' comes twice"),
        (b'{"a": NaN}', "NaN is no JSON number"),
        (b'{"a": -Infinity}', "-Infinity is no JSON number"),
        (b'{"a": 1e999}', "the number '1e999' is too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a whole number has 5000 digits"),
        (b'{"a": "\\ud800"}', "holds half a character"),
        (b'{"\\udfff": 1}', "holds half a character"),
        (b"[" * 100_000 + b"]" * 100_000, "nested deeper than 32 levels"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "nested deeper than 32 levels"),
        (b"[]", "got a JSON list, expected an object"),
        (b"null", "got a JSON NoneType, expected an object"),
        (b" " * (MANIFEST_LIMIT + 1), f"it has {MANIFEST_LIMIT + 1} bytes, expected at most {MANIFEST_LIMIT}"),
    ],
)
def test_bytes_that_are_no_strict_json_are_refused_in_one_sentence(data: bytes, words: str) -> None:
    with pytest.raises(BundleUnusable) as caught:
        Manifest.from_bytes(data)
    assert str(caught.value).startswith("cannot read manifest.json: ")
    assert words in str(caught.value)
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("schema", ["skinseg.bundle/2", None, 1, ["skinseg.bundle/1"]])
def test_an_unknown_schema_is_refused_by_name(manifest: Manifest, schema: object) -> None:
    document = _changed(manifest, "schema", schema)
    readers: list[Callable[[], Manifest]] = [
        lambda: Manifest.from_bytes(_seal(document)),
        lambda: Manifest.from_json(document),
    ]
    for read in readers:
        with pytest.raises(SchemaUnknown) as caught:
            read()
        assert f"its schema is {schema!r}, this version reads 'skinseg.bundle/1'" in str(caught.value)


# --- hostile documents with a right digest

_TRAVERSALS = [
    "../outside.onnx",
    "golden/../../outside",
    "/etc/passwd",
    "C:\\Windows\\model.onnx",
    "c:model.onnx",
    "golden\\01.png",
    "",
    ".",
    "./model.onnx",
    "golden/",
    "golden//01.png",
    "~/model.onnx ",
    "model\x00.onnx",
    "model\n.onnx",
    "mod\u202el.onnx",
    "m\u00e9lanome.onnx",
    "model.onnx.",
    "a" * 201,
    "/".join(["a" * 99] * 5),
]


@pytest.mark.parametrize("path", _TRAVERSALS)
def test_a_path_that_leaves_the_bundle_or_is_not_portable_is_refused_wherever_it_stands(
    manifest: Manifest, path: str
) -> None:
    record = {"size": 1, "sha256": "0" * 64}
    for document in (
        _changed(manifest, "files", {**manifest.to_json()["files"], path: record}),  # type: ignore[dict-item]
        _changed(manifest, "artefacts.0.path", path),
        _changed(manifest, "golden.0.image", path),
        _changed(manifest, "golden.0.probability", path),
    ):
        with pytest.raises(BundleUnusable, match=r"the path is '.*', expected one inside the bundle"):
            Manifest.from_bytes(_seal(document))


@pytest.mark.parametrize("path", ["manifest.json", "Manifest.SIG", "engines/orin/model.engine", "ENGINES"])
def test_a_reserved_path_is_refused(path: str) -> None:
    with pytest.raises(BundleUnusable, match="which is reserved: no manifest lists itself"):
        check_relative(path)


@pytest.mark.parametrize(
    "path", ["a", "model.fp16.onnx", "model.mlpackage/Manifest.json", ".hidden", "a/manifest.json"]
)
def test_a_portable_path_is_accepted(path: str) -> None:
    check_relative(path)


@pytest.mark.parametrize(
    ("way", "value", "words"),
    [
        ("name", 3, "field 'name' of the manifest is 3, expected text"),
        ("name", "", "name is '', expected 1 to 200 printable characters"),
        ("name", "\x1b[2J", "name is '\\x1b[2J'"),
        ("name", "n" * 100_000, "name is 'nnn"),
        ("provenance", [], "cannot read the manifest: provenance is [], expected an object"),
        ("provenance.extra", 1, "field 'extra' of provenance is unknown"),
        ("provenance.network", None, "field 'network' of provenance is None, expected text"),
        ("provenance.network_options", [], "field 'network_options' of provenance is [], expected an object"),
        ("provenance.checkpoint_sha256", "AB" * 32, "expected 64 lower-case hexadecimal digits"),
        ("provenance.checkpoint_sha256", None, "a trained model needs its checkpoint_sha256"),
        ("provenance.trained", "yes", "field 'trained' of provenance is 'yes', expected true or false"),
        ("provenance.trained", 1, "field 'trained' of provenance is 1, expected true or false"),
        ("provenance.code_version", "1\x07", "the provenance says '1\\x07', expected printable text"),
        ("provenance.tools", {"torch": 2}, "field 'tools' of provenance is {'torch': 2}, expected an object of texts"),
        ("provenance.created", "yesterday", "created is 'yesterday', expected an ISO date such as 2025-01-31"),
        ("provenance.created", "2025-02-30", "created is '2025-02-30'"),
        ("artefacts", {}, "field 'artefacts' of the manifest is {}, expected a list"),
        ("artefacts", [None], "artefacts[0] is None, expected an object"),
        ("artefacts.0.status", "accepted", "field 'status' of artefacts[0] is 'accepted', expected 'verified' or 'fai"),
        ("artefacts.0.name", "Onnx !", "an artefact's name is 'Onnx !', expected lower-case letters"),
        ("artefacts.1.name", "onnx", "artefact 'onnx' comes twice"),
        ("artefacts.0.path", "other.onnx", "artefact onnx is other.onnx, which files do not list"),
        ("artefacts.0.checks", {"dice": [1]}, "field 'checks' of artefacts[0] is {'dice': [1]}, expected an object of"),
        ("artefacts.0.checks", {"dice": None}, "field 'checks' of artefacts[0] is {'dice': None}"),
        ("files", [], "field 'files' of the manifest is [], expected an object"),
        ("files", {"a": {"size": 1}}, "field 'sha256' of files['a'] is missing"),
        ("files", {"a": {"size": -1, "sha256": "0" * 64}}, "a file's size is -1, expected 0 or more"),
        (
            "files",
            {"a": {"size": 1.5, "sha256": "0" * 64}},
            "field 'size' of files['a'] is 1.5, expected a whole number",
        ),
        ("files", {"a": {"size": True, "sha256": "0" * 64}}, "field 'size' of files['a'] is True"),
        ("files", {"a": {"size": 1, "sha256": "0" * 63}}, "a file's sha256 is '000"),
        ("golden", None, "field 'golden' of the manifest is None, expected a list"),
        ("golden.0.mask", "golden/02.mask.png", "a golden case names golden/02.mask.png, which files do not list"),
        ("golden.0.mask", "golden", "a golden case names golden, which files do not list"),
        ("golden.0.min_dice", 1.01, "min_dice of golden/01.png is 1.01, expected 0 to 1"),
        ("golden.0.min_dice", "0.9", "field 'min_dice' of golden[0] is '0.9', expected a number"),
        ("golden.0.max_area_drift", -0.1, "max_area_drift of golden/01.png is -0.1, expected 0 or more"),
        ("device_plans", [3], "field 'device_plans' of the manifest is [3], expected a list of objects"),
        ("calibration", 3, "field 'calibration' of the manifest is 3, expected text or null"),
        ("note", "", "field 'note' of the manifest is unknown"),
    ],
)
def test_a_document_that_breaks_a_rule_is_refused_naming_field_value_and_rule(
    manifest: Manifest, way: str, value: object, words: str
) -> None:
    with pytest.raises(BundleUnusable) as caught:
        Manifest.from_bytes(_seal(_changed(manifest, way, value)))
    assert words in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("way", ["", "provenance", "artefacts.0", "golden.0", "files.model.onnx"])
def test_every_missing_field_is_named(manifest: Manifest, way: str) -> None:
    steps = ["files", "model.onnx"] if way.startswith("files") else [step for step in way.split(".") if step]
    original: Any = manifest.to_json()
    for step in steps:
        original = original[int(step) if isinstance(original, list) else step]
    for field in [field for field in original if field != "schema"]:
        document = copy.deepcopy(manifest.to_json())
        place: Any = document
        for step in steps:
            place = place[int(step) if isinstance(place, list) else step]
        del place[field]
        with pytest.raises(BundleUnusable, match=f"field '{field}' of .* is missing"):
            Manifest.from_json(document)


def test_a_wrong_contract_inside_is_refused_by_the_contract(manifest: Manifest) -> None:
    with pytest.raises(ContractInvalid, match="threshold is 2"):
        Manifest.from_json(_changed(manifest, "contract.threshold", 2))
    for hostile in (["HHB"], [["lesion"]], {"lesion": 1}, "lesion", None, ["lesion"] * 1000):
        with pytest.raises(ContractInvalid, match="lesion_classes"):
            Manifest.from_json(_changed(manifest, "contract.lesion_classes", hostile))
    with pytest.raises(SchemaUnknown, match=r"skinseg\.contract/7"):
        Manifest.from_json(_changed(manifest, "contract.schema", "skinseg.contract/7"))


def test_names_that_differ_in_capitals_only_are_refused(manifest: Manifest) -> None:
    record = FileRecord.of(b"")
    with pytest.raises(BundleUnusable, match=r"files list 'model\.onnx' twice, in capitals"):
        dataclasses.replace(manifest, files={**manifest.files, "MODEL.onnx": record})


def test_more_artefacts_than_any_bundle_has_are_refused(manifest: Manifest) -> None:
    many = tuple(dataclasses.replace(manifest.artefacts[0], name=f"onnx-{i}") for i in range(101))
    with pytest.raises(BundleUnusable, match="it lists 101 artefacts, expected at most 100"):
        dataclasses.replace(manifest, artefacts=many)


# --- our own slips when a bundle is made


def test_an_untrained_network_needs_no_checkpoint(provenance: Provenance) -> None:
    fresh = dataclasses.replace(provenance, trained=False, checkpoint_sha256=None)
    assert fresh.checkpoint_sha256 is None


@pytest.mark.parametrize("created", ["2025-01-31", "2025-01-31T12:00:00Z", "2025-01-31T12:00:00.123456+00:00"])
def test_a_date_may_have_a_time_with_its_offset(provenance: Provenance, created: str) -> None:
    assert dataclasses.replace(provenance, created=created).created == created


def test_a_figure_that_is_not_finite_is_refused_when_the_artefact_is_made() -> None:
    with pytest.raises(BundleUnusable, match="check 'hd95' of artefact onnx is inf, expected a number, text or truth"):
        Artefact(name="onnx", path="m.onnx", precision="fp32", status="verified", checks={"hd95": float("inf")})


def test_options_without_a_json_form_are_refused_when_the_provenance_is_made(provenance: Provenance) -> None:
    for option in (object(), float("nan"), {1: 2}, b"bytes"):
        with pytest.raises(BundleUnusable, match="network_options hold a value that JSON has no form for"):
            dataclasses.replace(provenance, network_options={"option": option})


def test_a_golden_case_asks_for_what_can_be_reached() -> None:
    with pytest.raises(BundleUnusable, match=r"min_dice of a\.png is nan, expected 0 to 1"):
        GoldenCase(image="a.png", mask="b.png", probability="c.png", min_dice=float("nan"), max_area_drift=0)
