"""No byte of a bundle is used before it was checked, and a bundle that is not whole says what is wrong with it."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from skinseg_edge.atomic_files import fresh_folder
from skinseg_edge.bundle import Bundle, BundleDraft
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import BundleUnusable, FileMissing, IntegrityFailed, OutputRefused
from skinseg_edge.manifest import MANIFEST_LIMIT, Artefact, FileRecord, Provenance


@pytest.fixture(autouse=True)
def no_trusted_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever key this machine trusts is no matter of these tests."""
    monkeypatch.delenv("SKINSEG_TRUSTED_KEY", raising=False)


# --- opening


def test_an_opened_bundle_says_what_it_is(bundle_path: Path) -> None:
    bundle = Bundle.open(bundle_path)
    assert bundle.path == bundle_path
    assert bundle.manifest.name == "lesion"
    assert bundle.contract.input_hw == (256, 256)
    assert bundle.signature == "absent"
    assert bundle.sha256 == FileRecord.of((bundle_path / "manifest.json").read_bytes()).sha256
    assert repr(bundle) == f"Bundle('lesion', path={str(bundle_path)!r}, signature='absent')"
    bundle.verify()


def test_a_bundle_opens_by_a_relative_path_and_stays_open_when_the_folder_changes(
    bundle_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bundle_path.parent)
    bundle = Bundle.open("lesion.skinseg")
    monkeypatch.chdir("/")
    assert bundle.read("model.onnx") == b"an fp32 graph"


def test_a_bundle_may_be_reached_through_a_link(bundle_path: Path) -> None:
    current = bundle_path.parent / "current"
    current.symlink_to(bundle_path)
    assert Bundle.open(current).read("model.onnx") == b"an fp32 graph"


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileMissing, match=r"cannot open the bundle .*nowhere: nothing is there; check the path"):
        Bundle.open(tmp_path / "nowhere")
    with pytest.raises(BundleUnusable, match=r"it is a file, expected a folder with a manifest\.json"):
        Bundle.open(tmp_path / "file")
    with pytest.raises(BundleUnusable, match=r"cannot open empty: it holds no manifest\.json, so it is no bundle"):
        Bundle.open(tmp_path / "empty")


def test_one_changed_byte_in_the_manifest_file_is_noticed(bundle_path: Path) -> None:
    path = bundle_path / "manifest.json"
    data = path.read_bytes()
    place = data.index(b"0.99")  # what a device must reach on a golden case
    path.write_bytes(data[:place] + b"0.09" + data[place + 4 :])
    with pytest.raises(IntegrityFailed, match=r"cannot trust manifest\.json"):
        Bundle.open(bundle_path)


def test_a_huge_manifest_is_not_read(bundle_path: Path) -> None:
    with (bundle_path / "manifest.json").open("wb") as stream:
        stream.truncate(1 << 40)  # a sparse file of 1 TiB
    with pytest.raises(BundleUnusable, match=rf"its manifest\.json has over {MANIFEST_LIMIT} bytes"):
        Bundle.open(bundle_path)


def _as_link(path: Path) -> None:
    moved = path.rename(path.parent.parent / "moved")
    path.symlink_to(moved)


def _as_broken_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def _as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _as_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("disguise", [_as_link, _as_broken_link, _as_folder, _as_pipe])
def test_a_manifest_that_is_no_plain_file_is_refused(bundle_path: Path, disguise: Callable[[Path], None]) -> None:
    disguise(bundle_path / "manifest.json")
    with pytest.raises(BundleUnusable, match=r"a link leads to it|it is no regular file"):
        Bundle.open(bundle_path)


# --- reading


def test_a_read_gives_the_very_bytes_that_were_hashed(bundle_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = Bundle.open(bundle_path)
    opened: list[str] = []
    real_open = Path.open

    def counting_open(self: Path, mode: str = "r") -> object:
        opened.append(self.name)
        return real_open(self, mode)

    monkeypatch.setattr(Path, "open", counting_open)
    assert bundle.read("model.onnx") == b"an fp32 graph"
    assert opened == ["model.onnx"]  # once: what is returned cannot differ from what was checked


def test_a_changed_file_of_equal_size_is_refused(bundle_path: Path) -> None:
    (bundle_path / "model.onnx").write_bytes(b"an fp32 Graph")
    with pytest.raises(IntegrityFailed, match=r"cannot trust model\.onnx of lesion\.skinseg: its bytes differ"):
        Bundle.open(bundle_path).read("model.onnx")


def test_a_file_of_another_size_is_refused_with_both_sizes_and_not_read(bundle_path: Path) -> None:
    with (bundle_path / "model.onnx").open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(IntegrityFailed, match=r"it has 1099511627776 bytes, the manifest recorded 13"):
        Bundle.open(bundle_path).read("model.onnx")


def test_swapped_engines_are_refused(bundle_path: Path) -> None:
    engine, graph = bundle_path / "model.rtx.engine", bundle_path / "model.fp16.onnx"
    engine.rename(bundle_path / "aside")
    graph.rename(engine)
    (bundle_path / "aside").rename(graph)
    bundle = Bundle.open(bundle_path)
    with pytest.raises(IntegrityFailed, match=r"cannot trust model\.rtx\.engine"):
        bundle.read("model.rtx.engine")
    with pytest.raises(IntegrityFailed, match=r"changed: model\.fp16\.onnx, model\.rtx\.engine\)"):
        bundle.verify()


def test_a_missing_file_is_named(bundle_path: Path) -> None:
    (bundle_path / "model.onnx").unlink()
    with pytest.raises(IntegrityFailed, match=r"cannot read model\.onnx of lesion\.skinseg: it is missing, though"):
        Bundle.open(bundle_path).read("model.onnx")


@pytest.mark.parametrize(
    "name", ["other.onnx", "manifest.json", "../secret", "/etc/passwd", "", "golden", "model.ONNX"]
)
def test_a_file_that_is_not_listed_is_never_read(bundle_path: Path, name: str) -> None:
    (bundle_path.parent / "secret").write_bytes(b"secret")
    (bundle_path / "other.onnx").write_bytes(b"unlisted")
    with pytest.raises(BundleUnusable) as caught:
        Bundle.open(bundle_path).read(name)
    assert f"cannot read {name!r} of lesion.skinseg: the manifest lists MODEL_CARD.md, " in str(caught.value)
    assert "and 4 more" in str(caught.value)


@pytest.mark.parametrize("disguise", [_as_link, _as_broken_link, _as_folder, _as_pipe])
def test_a_listed_file_that_is_no_plain_file_is_refused(bundle_path: Path, disguise: Callable[[Path], None]) -> None:
    disguise(bundle_path / "model.onnx")
    bundle = Bundle.open(bundle_path)
    with pytest.raises(IntegrityFailed, match=r"a link leads to it|it is no regular file"):
        bundle.read("model.onnx")
    with pytest.raises(IntegrityFailed, match=r"changed: model\.onnx"):
        bundle.verify()


def test_a_file_behind_a_linked_folder_is_refused(bundle_path: Path) -> None:
    (bundle_path / "golden").rename(bundle_path.parent / "golden")
    (bundle_path / "golden").symlink_to(bundle_path.parent / "golden")
    with pytest.raises(IntegrityFailed, match=r"cannot trust golden/01\.png of lesion\.skinseg: a link leads to it"):
        Bundle.open(bundle_path).read("golden/01.png")


def test_a_file_where_a_folder_should_be_counts_as_missing(bundle_path: Path) -> None:
    for path in (bundle_path / "golden").iterdir():
        path.unlink()
    (bundle_path / "golden").rmdir()
    (bundle_path / "golden").write_bytes(b"")
    with pytest.raises(IntegrityFailed, match="it is missing, though the manifest lists it"):
        Bundle.open(bundle_path).read("golden/01.png")


def test_a_disk_that_cannot_be_read_is_told(bundle_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = Bundle.open(bundle_path)

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "open", broken)
    with pytest.raises(BundleUnusable, match="the system says 'Input/output error'; check its permissions and disk"):
        bundle.read("model.onnx")


# --- whole folders


def test_a_verified_folder_is_given_as_a_path(bundle_path: Path) -> None:
    bundle = Bundle.open(bundle_path)
    assert bundle.verified_path("model.mlpackage") == bundle_path / "model.mlpackage"
    assert bundle.verified_path("model.onnx") == bundle_path / "model.onnx"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: (folder / "Manifest.json").write_bytes(b"[]"), "changed: model.mlpackage/Manifest.json"),
        (lambda folder: (folder / "Manifest.json").unlink(), "missing: model.mlpackage/Manifest.json"),
        (lambda folder: (folder / "Data" / "extra").write_bytes(b""), "not listed: model.mlpackage/Data/extra"),
        (lambda folder: (folder / "link").symlink_to("/etc"), "not listed: model.mlpackage/link"),
    ],
)
def test_a_folder_that_differs_anywhere_is_not_given(
    bundle_path: Path, change: Callable[[Path], None], words: str
) -> None:
    change(bundle_path / "model.mlpackage")
    bundle = Bundle.open(bundle_path)
    with pytest.raises(IntegrityFailed) as caught:
        bundle.verified_path("model.mlpackage")
    assert f"cannot trust lesion.skinseg: files differ from its manifest ({words}); " in str(caught.value)
    assert bundle.verified_path("golden") == bundle_path / "golden"


@pytest.mark.parametrize("name", ["", ".", "..", "engines", "mlpackage", "model.mlpackage/"])
def test_a_path_without_listed_files_is_not_given(bundle_path: Path, name: str) -> None:
    with pytest.raises(BundleUnusable, match="the manifest lists nothing there"):
        Bundle.open(bundle_path).verified_path(name)


def test_verify_names_missing_changed_and_unlisted_files_at_once(bundle_path: Path) -> None:
    (bundle_path / "model.onnx").unlink()
    (bundle_path / "MODEL_CARD.md").write_bytes(b"for everything")
    (bundle_path / "golden" / "run.sh").write_bytes(b"")
    bundle = Bundle.open(bundle_path)
    difference = bundle.compare()
    assert difference.missing == ("model.onnx",)
    assert difference.changed == ("MODEL_CARD.md",)
    assert difference.unlisted == ("golden/run.sh",)
    assert not difference.is_clean
    with pytest.raises(IntegrityFailed) as caught:
        bundle.verify()
    assert "(missing: model.onnx; changed: MODEL_CARD.md; not listed: golden/run.sh)" in str(caught.value)
    assert "copy or export the bundle again" in str(caught.value)


def test_many_differences_are_counted_and_odd_names_are_escaped(bundle_path: Path) -> None:
    for number in range(8):
        (bundle_path / f"{number}\x1b[2J").write_bytes(b"")
    with pytest.raises(IntegrityFailed) as caught:
        Bundle.open(bundle_path).verify()
    assert "not listed: 0\\x1b[2J, " in str(caught.value)
    assert "and 3 more" in str(caught.value)


def test_engines_made_on_the_device_need_not_be_listed(bundle_path: Path) -> None:
    engine = bundle_path / "engines" / "orin-nano" / "model.engine"
    engine.parent.mkdir(parents=True)
    engine.write_bytes(b"ftrt")
    Bundle.open(bundle_path).verify()


def test_engines_below_another_folder_must_be_listed(bundle_path: Path) -> None:
    (bundle_path / "golden" / "engines").mkdir()
    (bundle_path / "golden" / "engines" / "model.engine").write_bytes(b"ftrt")
    assert Bundle.open(bundle_path).compare().unlisted == ("golden/engines/model.engine",)


def test_a_very_deep_folder_does_not_break_the_comparison(bundle_path: Path) -> None:
    deep = bundle_path / "golden"
    for _ in range(600):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "f").write_bytes(b"")
    assert len(Bundle.open(bundle_path).compare().unlisted) == 1


def test_a_folder_that_may_not_be_looked_into_is_told(bundle_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    bundle = Bundle.open(bundle_path)
    monkeypatch.setattr(os, "scandir", forbidden)
    with pytest.raises(
        BundleUnusable, match=r"cannot look through lesion\.skinseg: the system says 'Permission denied'"
    ):
        bundle.verify()


# --- artefacts


def test_an_artefact_is_found_by_name_whatever_its_status(bundle_path: Path) -> None:
    bundle = Bundle.open(bundle_path)
    assert bundle.artefact("onnx").path == "model.onnx"
    assert bundle.artefact("onnx-fp16").status == "failed"


def test_an_unknown_artefact_is_answered_with_those_there(bundle_path: Path) -> None:
    bundle = Bundle.open(bundle_path)
    with pytest.raises(BundleUnusable) as caught:
        bundle.artefact("onnx-fp61")
    assert "the bundle has 'onnx', 'onnx-fp16', 'trt-rtx', 'coreml'; did you mean 'onnx-fp16'?" in str(caught.value)
    with pytest.raises(BundleUnusable, match="export the model again with that target"):
        bundle.artefact("triton")


# --- making


def _finish(draft: BundleDraft, provenance: Provenance) -> None:
    graph = Artefact(name="onnx", path="model.onnx", precision="fp32", status="verified", checks={})
    draft.finish(name="lesion", contract=ModelContract(input_hw=(64, 64)), provenance=provenance, artefacts=[graph])


def test_a_draft_hashes_what_it_writes_from_bytes_files_and_folders(tmp_path: Path, provenance: Provenance) -> None:
    package = tmp_path / "work" / "model.mlpackage"
    (package / "Data").mkdir(parents=True)
    (package / "Data" / "weight.bin").write_bytes(bytes(3_000_000))
    (tmp_path / "work" / "made.onnx").write_bytes(b"graph")
    with fresh_folder(tmp_path / "new.skinseg") as folder:
        draft = BundleDraft(folder)
        draft.add_bytes("MODEL_CARD.md", b"card")
        draft.add_file("model.onnx", tmp_path / "work" / "made.onnx")
        draft.add_folder("model.mlpackage", package)
        assert draft.files["model.mlpackage/Data/weight.bin"] == FileRecord.of(bytes(3_000_000))
        _finish(draft, provenance)
    bundle = Bundle.open(tmp_path / "new.skinseg")
    bundle.verify()
    assert bundle.read("model.onnx") == b"graph"
    assert set(bundle.manifest.files) == {"MODEL_CARD.md", "model.onnx", "model.mlpackage/Data/weight.bin"}


def test_finish_returns_the_manifest_as_a_reader_sees_it(bundle_path: Path, tmp_path: Path) -> None:
    read = Bundle.open(bundle_path).manifest
    assert json.loads((bundle_path / "manifest.json").read_bytes())["name"] == read.name
    again = tmp_path / "again"
    again.mkdir()
    draft = BundleDraft(again)
    for name in read.files:
        draft.add_file(name, bundle_path / name)
    made = draft.finish(
        name=read.name,
        contract=read.contract,
        provenance=read.provenance,
        artefacts=read.artefacts,
        golden=read.golden,
        device_plans=[{"device": "orin-nano", "workspace_mib": 512, "flags": ("--fp16",)}],
    )
    assert made == read
    assert (again / "manifest.json").read_bytes() == (bundle_path / "manifest.json").read_bytes()


def test_a_draft_refuses_paths_outside_twins_and_reserved_names(tmp_path: Path) -> None:
    draft = BundleDraft(tmp_path / "draft")
    draft.add_bytes("model.onnx", b"")
    for path, words in (
        ("../model.onnx", "expected one inside the bundle"),
        ("/model.onnx", "expected one inside the bundle"),
        ("manifest.json", "which is reserved"),
        ("engines/x", "which is reserved"),
        ("model.onnx", "it was added before"),
    ):
        with pytest.raises(BundleUnusable, match=words):
            draft.add_bytes(path, b"")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["draft", "model.onnx"]


def test_a_draft_refuses_a_missing_source_and_links(tmp_path: Path) -> None:
    draft = BundleDraft(tmp_path / "draft")
    folder = tmp_path / "package"
    folder.mkdir()
    with pytest.raises(FileMissing, match=r"cannot add model\.onnx to the bundle: .*nowhere: No such file"):
        draft.add_file("model.onnx", tmp_path / "nowhere")
    with pytest.raises(FileMissing, match="nowhere is no folder"):
        draft.add_folder("model.mlpackage", tmp_path / "nowhere")
    with pytest.raises(BundleUnusable, match="package holds no file"):
        draft.add_folder("model.mlpackage", folder)
    (folder / "link").symlink_to("/etc/hostname")
    with pytest.raises(BundleUnusable, match="link is a link, and a bundle holds none"):
        draft.add_folder("model.mlpackage", folder)


def test_a_draft_with_files_that_were_not_added_is_not_sealed(tmp_path: Path, provenance: Provenance) -> None:
    draft = BundleDraft(tmp_path)
    draft.add_bytes("model.onnx", b"graph")
    (tmp_path / "model.onnx.data").write_bytes(b"weights beside the graph")
    with pytest.raises(IntegrityFailed, match=r"cannot trust the new bundle: .*not listed: model\.onnx\.data"):
        _finish(draft, provenance)
    assert not (tmp_path / "manifest.json").exists()


def test_a_draft_whose_file_changed_after_it_was_added_is_not_sealed(tmp_path: Path, provenance: Provenance) -> None:
    draft = BundleDraft(tmp_path)
    draft.add_bytes("model.onnx", b"graph")
    (tmp_path / "model.onnx").write_bytes(b"grapH")
    with pytest.raises(IntegrityFailed, match=r"changed: model\.onnx"):
        _finish(draft, provenance)


def test_a_full_disk_while_a_bundle_is_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = Path("/dev/full")  # every write to it fails with ENOSPC
    if not device.exists():
        pytest.skip("needs /dev/full")
    real_open = Path.open

    def open_full(self: Path, mode: str = "r") -> object:
        return real_open(device, "wb") if mode == "xb" else real_open(self, mode)

    monkeypatch.setattr(Path, "open", open_full)
    with (
        pytest.raises(
            OutputRefused, match=r"cannot write .*/new\.skinseg/model\.onnx: the disk is full; free some space"
        ),
        fresh_folder(tmp_path / "new.skinseg") as folder,
    ):
        BundleDraft(folder).add_bytes("model.onnx", bytes(1 << 20))
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_a_bundle_is_sealed_leaves_nothing(
    tmp_path: Path, provenance: Provenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    def make(folder: Path) -> None:
        draft = BundleDraft(folder)
        draft.add_bytes("model.onnx", b"graph")
        monkeypatch.setattr(hashlib, "sha256", interrupted)
        _finish(draft, provenance)

    with pytest.raises(KeyboardInterrupt), fresh_folder(tmp_path / "new.skinseg") as folder:
        make(folder)
    assert list(tmp_path.iterdir()) == []
