"""The model of a demo that was given none."""

import sys
from pathlib import Path

import pytest

from skinseg_demo.serving import first_export
from skinseg_demo.serving.first_export import shipped_bundle
from skinseg_edge.errors import BuildFailed, ToolMissing


def _exporter(folder: Path, script: str) -> str:
    """Write a stand-in for skinseg-export: the true one takes a minute, and torch."""
    path = folder / "skinseg-export"
    path.write_text(f"#!{sys.executable}\nimport pathlib, sys\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_the_shipped_model_is_exported_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        "pathlib.Path(sys.argv[-1]).mkdir(); pathlib.Path(sys.argv[-1], 'asked').write_text(' '.join(sys.argv[1:]))"
    )
    exporter = _exporter(tmp_path, script)
    monkeypatch.setattr(first_export, "_exporter", lambda: exporter)
    told: list[str] = []

    bundles = [shipped_bundle(tmp_path, told.append) for _ in range(2)]

    assert bundles == [tmp_path / "scsonet.skinseg"] * 2
    asked = (bundles[0] / "asked").read_text()
    assert asked == f"scsonet --target onnx --precision fp32 -o {bundles[0]}"
    assert told == [f"exporting the shipped model to {bundles[0]}; this takes a minute, and only on the first start"]


def test_without_an_exporter_it_says_which_bundle_to_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_export, "_exporter", lambda: None)

    with pytest.raises(ToolMissing, match=r"and name it \(skinseg-demo scsonet.skinseg\)"):
        shipped_bundle(tmp_path, lambda _: None)


def test_an_export_that_fails_is_told_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = _exporter(tmp_path, "sys.exit('torch is too old')")
    monkeypatch.setattr(first_export, "_exporter", lambda: exporter)

    with pytest.raises(BuildFailed, match="ended with 1, its last words were 'torch is too old'; mend that"):
        shipped_bundle(tmp_path, lambda _: None)


def test_the_exporter_of_this_installation_is_taken_before_that_of_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = _exporter(tmp_path, "")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    assert first_export._exporter() == exporter
