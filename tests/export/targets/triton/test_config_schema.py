"""Our table of fields against Triton's own schema, where tritonclient is installed."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from skinseg_edge.errors import VerificationFailed
from skinseg_export.targets.triton.config_schema import MODEL_CONFIG, FieldRule, rewritten_by_triton, triton_schema

_CLIENT = pytest.mark.skipif(triton_schema() is None, reason="needs tritonclient: it brings Triton's own schema")
# protobuf's numbers of kinds: descriptor.proto, FieldDescriptorProto.Type
_KINDS = {9: "string", 5: "int", 3: "int", 13: "int", 4: "int", 8: "bool", 14: "enum", 11: "message"}


def _differences(rules: Mapping[str, FieldRule], descriptor: Any, where: str) -> list[str]:
    """Return each field of *rules* that Triton's *descriptor* lacks or has otherwise."""
    other = []
    for name, rule in rules.items():
        theirs = descriptor.fields_by_name.get(name)
        if theirs is None or _KINDS[theirs.type] != rule.kind or theirs.is_repeated != rule.repeated:
            other.append(f"{where}.{name}")
        elif rule.kind == "enum":
            other += [f"{where}.{name}={value}" for value in rule.names if value not in theirs.enum_type.values_by_name]
        elif rule.kind == "message":
            other += _differences(rule.fields, theirs.message_type, f"{where}.{name}")
    return other


@_CLIENT
def test_every_field_that_we_write_is_one_of_tritons() -> None:
    schema = triton_schema()
    assert schema is not None

    assert _differences(MODEL_CONFIG, schema.ModelConfig.DESCRIPTOR, "ModelConfig") == []


@_CLIENT
def test_a_field_that_triton_does_not_know_is_refused_in_its_own_words() -> None:
    with pytest.raises(VerificationFailed, match=r"Triton's own schema says '.*max_batchsize"):
        rewritten_by_triton('name: "lesion"\nmax_batchsize: 8\n')


def test_without_tritonclient_there_is_no_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    assert triton_schema() is None
    assert rewritten_by_triton("") is None


def test_a_schema_that_does_not_load_is_as_good_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As protobuf does when it is older than the file.
    package = tmp_path / "tritonclient"
    (package / "grpc").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "grpc" / "model_config_pb2.py").write_text(
        "raise RuntimeError('Detected incompatible Protobuf versions')"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    assert triton_schema() is None
