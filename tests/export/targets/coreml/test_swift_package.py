"""The Swift package beside a Core ML package: its sources parse, and what it runs on is what the trained network saw.

No Swift compiler is on the machines that run this, so nothing here shows that the sources compile.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skinseg_edge.bundle import Bundle, BundleDraft
from skinseg_edge.image_io import decode, decode_mask
from skinseg_edge.manifest import Provenance
from skinseg_edge.preprocessing import to_network_input
from skinseg_export.golden import Golden, add_golden
from skinseg_export.targets.coreml.swift_package import add_swift_package, write_swift_package
from skinseg_runtime.device_receipt import CHECK_FOLDER, COMPUTE_UNITS, DEVICE_RECEIPT_SCHEMA, reference_mask_path
from tests.export.darkness import CONTRACT, FACE_CONTRACT

SOURCES = {
    "Package.swift",
    "Sources/SkinsegReceipt/CheckedBundle.swift",
    "Sources/SkinsegReceipt/GoldenRun.swift",
    "Sources/SkinsegReceipt/LesionMask.swift",
    "Sources/SkinsegReceipt/Manifest.swift",
    "Sources/SkinsegReceipt/NetworkInput.swift",
    "Sources/SkinsegReceipt/Receipt.swift",
    "Sources/SkinsegVision/CheckView.swift",
    "Sources/SkinsegVision/LesionRequest.swift",
    "Sources/skinseg-check/Command.swift",
}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory, golden: tuple[Golden, ...]) -> Path:
    folder = tmp_path_factory.mktemp("swift") / CHECK_FOLDER
    write_swift_package(folder, CONTRACT, golden)
    return folder


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, golden: tuple[Golden, ...]) -> Bundle:
    folder = tmp_path_factory.mktemp("bundle")
    draft = BundleDraft(folder)
    cases = add_golden(draft, golden, CONTRACT)
    add_swift_package(draft, CONTRACT, golden)
    origin = Provenance(
        network="darkness",
        network_options={},
        checkpoint_sha256=None,
        trained=False,
        training_data="none",
        code_version="1",
        tools={},
        created="2025-01-31",
    )
    draft.finish(name="tiny", contract=CONTRACT, provenance=origin, artefacts=(), golden=cases)
    return Bundle.open(folder)


def text_of(package: Path, name: str) -> str:
    return (package / name).read_text(encoding="utf-8")


def swift_parser() -> Any:
    reason = "parses Swift; run pip install tree-sitter tree-sitter-swift"
    tree_sitter = pytest.importorskip("tree_sitter", reason=reason)
    grammar = pytest.importorskip("tree_sitter_swift", reason=reason)
    return tree_sitter.Parser(tree_sitter.Language(grammar.language()))


def faults_below(node: Any) -> Iterator[str]:
    """Name each place that is no Swift: what the parser could not read, and what it had to add."""
    if node.is_error or node.is_missing:
        yield f"line {node.start_point[0] + 1}: {node.type} {(node.text or b'')[:40]!r}"
    for child in node.children:
        yield from faults_below(child)


def test_the_package_holds_its_sources_its_readme_and_the_pictures(package: Path, golden: tuple[Golden, ...]) -> None:
    pictures = {f"Resources/{case.name}.{kind}" for case in golden for kind in ("ppm", "mask.png")}
    files = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    assert files == SOURCES | {"README.md"} | pictures


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_every_source_parses_as_swift(package: Path, name: str) -> None:
    parser = swift_parser()

    tree = parser.parse((package / name).read_bytes())

    assert list(faults_below(tree.root_node)) == []


def test_a_source_that_is_no_swift_would_be_noticed() -> None:
    parser = swift_parser()
    assert list(faults_below(parser.parse(b"func broken( { let = 3 }").root_node))


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_every_bracket_of_a_source_is_closed(package: Path, name: str) -> None:
    """The little that can be told without a parser: brackets outside of comments and texts match."""
    code = re.sub(r'"""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"|//[^\n]*', "", text_of(package, name))
    open_ones: list[str] = []
    for bracket in re.findall(r"[()\[\]{}]", code):
        if bracket in "([{":
            open_ones.append(bracket)
        else:
            assert open_ones, f"{name}: {bracket} closes nothing"
            assert open_ones.pop() + bracket in ("()", "[]", "{}")
    assert open_ones == []


def test_the_targets_of_the_package_are_the_folders_of_its_sources(package: Path) -> None:
    named = set(re.findall(r'arget\(name: "([\w-]+)"', text_of(package, "Package.swift")))
    assert named == {path.name for path in (package / "Sources").iterdir()}


def test_the_runner_and_the_reader_agree_on_words(package: Path) -> None:
    receipt, run = (text_of(package, f"Sources/SkinsegReceipt/{name}.swift") for name in ("Receipt", "GoldenRun"))
    assert f'schema = "{DEVICE_RECEIPT_SCHEMA}"' in receipt
    assert re.findall(r'\("([A-Z_]+)", \.', run) == list(COMPUTE_UNITS)
    assert f'"{CHECK_FOLDER}/Resources/\\(stem).ppm"' in text_of(package, "Sources/SkinsegReceipt/Manifest.swift")


def test_the_keys_that_the_runner_writes_are_those_that_the_reader_asks_for(package: Path) -> None:
    receipt = text_of(package, "Sources/SkinsegReceipt/Receipt.swift")
    keys = re.findall(r'case (\w+)(?: = "(\w+)")?\n', receipt)
    written = {spelt or name for name, spelt in keys}
    top = {"schema", "bundle_sha256", "device", "made", "packages", "runs"}
    each = {
        "artefact",
        "compute_units",
        "failure",
        "load_cold_ms",
        "load_warm_ms",
        "latencies_ms",
        "operations",
        "masks",
    }
    assert written == top | each


def test_pictures_are_what_the_trained_network_saw_byte_for_byte(package: Path, golden: tuple[Golden, ...]) -> None:
    for case in golden:
        photo = decode(case.image, at_least_hw=CONTRACT.input_hw)
        seen = to_network_input(photo.pixels, CONTRACT, photo_hw=photo.full_hw).pixels
        # 96 columns and 64 rows: the contract's input_hw, the other way round.
        assert (package / "Resources" / f"{case.name}.ppm").read_bytes() == b"P6\n96 64\n255\n" + seen.tobytes()


def test_golden_masks_at_network_size_are_the_trained_networks_decision(
    bundle: Bundle, golden: tuple[Golden, ...]
) -> None:
    for case, made in zip(bundle.manifest.golden, golden, strict=True):
        mask = decode_mask(bundle.read(reference_mask_path(case)))
        np.testing.assert_array_equal(mask, made.probability[0] >= np.float32(CONTRACT.threshold))
        assert 0 < mask.mean() < 1


def test_of_several_classes_the_mask_is_where_a_lesion_class_wins(tmp_path: Path, golden: tuple[Golden, ...]) -> None:
    probability = np.random.default_rng(0).dirichlet(np.ones(6), FACE_CONTRACT.input_hw).transpose(2, 0, 1)
    case = Golden("01", golden[0].image, "drawn", golden[0].mask, probability.astype(np.float32))

    write_swift_package(tmp_path / "new", FACE_CONTRACT, [case])

    # HHB alone counts as lesion there, class 2 of six.
    mask = decode_mask(tmp_path / "new" / "Resources" / "01.mask.png")
    np.testing.assert_array_equal(mask, case.probability.argmax(axis=0) == 2)


def test_the_bundle_lists_every_file_of_the_package(bundle: Bundle, package: Path) -> None:
    listed = {path.removeprefix(f"{CHECK_FOLDER}/") for path in bundle.manifest.below(CHECK_FOLDER)}
    assert listed == {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    bundle.verify()


def test_the_readme_says_that_nobody_has_run_it_and_how_to_keep_the_bundle_whole(package: Path) -> None:
    readme = text_of(package, "README.md")
    for words in ("**Not yet run.**", "--scratch-path", "skinseg-verify lesion.skinseg --receipt receipt.json"):
        assert words in readme


def test_a_folder_that_exists_is_not_written_into(package: Path, golden: tuple[Golden, ...]) -> None:
    with pytest.raises(FileExistsError):
        write_swift_package(package, CONTRACT, golden)
