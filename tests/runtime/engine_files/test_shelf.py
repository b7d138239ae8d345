"""A new engine takes its place whole, the one before it stays, and nobody meets half of one."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from skinseg_edge.atomic_files import write_json_atomically
from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import EngineUnusable, FileMissing, OutputRefused
from skinseg_runtime.engine_files import shelf as shelf_module
from skinseg_runtime.engine_files.engine_folder import EngineFolder
from skinseg_runtime.engine_files.shelf import Shelf
from tests.runtime.made_engines import KEY, ORIN, RTX, made_plan, made_receipt, made_sidecar, publish


@pytest.fixture
def opened(bundle: Path) -> Bundle:
    return Bundle.open(bundle)


@pytest.fixture
def shelf(opened: Bundle) -> Shelf:
    return Shelf(opened, ORIN)


def _names(shelf: Shelf) -> set[str]:
    return {path.name for path in shelf.root.iterdir()}


def _plan_of(folder: EngineFolder | None, bundle: Bundle) -> bytes:
    records = folder and folder.records()
    assert folder
    assert records
    return folder.plan_bytes(records[0], bundle)


def test_an_empty_shelf_has_no_engine(opened: Bundle, shelf: Shelf) -> None:
    assert shelf.current("fp32") is None
    assert shelf.previous("fp32") is None
    assert not (opened.path / "engines").exists()


def test_a_published_engine_is_current_and_sealed(opened: Bundle, shelf: Shelf) -> None:
    plan = made_plan()
    folder = publish(opened, plan)

    assert folder.name == "fp32-3f2a91c0-1"
    assert shelf.current("fp32") == folder
    assert shelf.previous("fp32") is None
    assert shelf.current("fp16") is None
    assert Shelf(opened, RTX).current("fp32") is None
    assert _plan_of(folder, opened) == plan
    assert _names(shelf) == {"fp32.json", "fp32-3f2a91c0-1"}
    assert {path.name for path in folder.path.iterdir()} == {"model.engine", "model.json", "receipt.json", "seal"}
    opened.verify()  # what the device made is none of the manifest's business


def test_the_one_before_stays_and_older_ones_go(opened: Bundle, shelf: Shelf) -> None:
    plans = [made_plan(bytes([number])) for number in range(3)]
    for plan in plans:
        publish(opened, plan)

    assert _plan_of(shelf.current("fp32"), opened) == plans[2]
    assert _plan_of(shelf.previous("fp32"), opened) == plans[1]
    assert _names(shelf) == {"fp32.json", "fp32-3f2a91c0-2", "fp32-3f2a91c0-3"}


def test_a_block_that_publishes_nothing_leaves_nothing(opened: Bundle, shelf: Shelf) -> None:
    with shelf.staging("fp32", KEY) as staging:
        (staging.path / "model.engine").write_bytes(b"half of a plan")

    assert not (opened.path / "engines").exists()


def test_ctrl_c_leaves_the_engine_that_serves(opened: Bundle, shelf: Shelf) -> None:
    folder = publish(opened, made_plan())

    def build_until_ctrl_c() -> None:
        with shelf.staging("fp32", KEY) as staging:
            (staging.path / "model.engine").write_bytes(b"half of a plan")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_until_ctrl_c()

    assert shelf.current("fp32") == folder
    assert _names(shelf) == {"fp32.json", folder.name}


def test_what_a_killed_builder_left_is_cleared_away(opened: Bundle, shelf: Shelf) -> None:
    folder = publish(opened, made_plan())
    shutil.copytree(folder.path, shelf.root / ".skinseg-0123456789abcdef.part")
    (shelf.root / ".skinseg-fedcba9876543210.part").write_bytes(b"half of a pointer")
    shutil.copytree(folder.path, shelf.root / "fp32-3f2a91c0-2")  # killed between the two renames

    assert shelf.current("fp32") == folder
    second = publish(opened, made_plan(b"new"))

    assert second.name == "fp32-3f2a91c0-3"
    assert _names(shelf) == {"fp32.json", folder.name, second.name}


def test_a_pointer_that_cannot_be_written_keeps_the_old_engine(
    opened: Bundle, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = publish(opened, made_plan())

    def full(path: Path, document: object) -> None:
        raise OutputRefused(f"cannot write {path}: the disk is full; free some space and run again")

    monkeypatch.setattr(shelf_module, "write_json_atomically", full)
    with pytest.raises(OutputRefused, match="the disk is full"):
        publish(opened, made_plan(b"new"))

    assert shelf.current("fp32") == folder
    assert _names(shelf) == {"fp32.json", folder.name}


def test_ctrl_c_after_the_pointer_was_written_leaves_the_engine_that_it_names(
    opened: Bundle, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(opened, made_plan())
    write = write_json_atomically

    def write_and_stop(path: Path, document: object) -> None:
        write(path, document)
        raise KeyboardInterrupt

    monkeypatch.setattr(shelf_module, "write_json_atomically", write_and_stop)
    with pytest.raises(KeyboardInterrupt):
        publish(opened, made_plan(b"new"))

    assert _plan_of(shelf.current("fp32"), opened) == made_plan(b"new")


def test_an_engine_that_is_named_becomes_previous_in_place_of_the_current_one(opened: Bundle, shelf: Shelf) -> None:
    good, bad = publish(opened, made_plan(b"1")), publish(opened, made_plan(b"2"))
    sidecar = made_sidecar(opened, made_plan(b"3"))

    with shelf.staging("fp32", KEY) as staging:
        (staging.path / "model.engine").write_bytes(made_plan(b"3"))
        staging.publish(sidecar, made_receipt(sidecar), keep=good)

    assert shelf.previous("fp32") == good
    assert bad.name not in _names(shelf)


def test_what_is_not_proved_is_never_published(opened: Bundle, shelf: Shelf) -> None:
    sidecar = made_sidecar(opened, made_plan())
    with shelf.staging("fp32", KEY) as staging:
        for receipt in (made_receipt(sidecar, accepted=False), made_receipt(sidecar, engine_sha256="0" * 64)):
            with pytest.raises(ValueError, match="accepted receipt of its own plan only"):
                staging.publish(sidecar, receipt)

    assert shelf.current("fp32") is None


def test_going_back_makes_the_previous_engine_current(opened: Bundle, shelf: Shelf) -> None:
    first = publish(opened, made_plan())
    publish(opened, made_plan(b"new"))

    assert shelf.roll_back("fp32") == first
    assert shelf.current("fp32") == first
    assert shelf.previous("fp32") is None
    assert _names(shelf) == {"fp32.json", first.name}
    with pytest.raises(EngineUnusable, match=r"cannot go back to an earlier fp32 engine: .* run skinseg-build"):
        shelf.roll_back("fp32")


@pytest.mark.parametrize(
    "pointer",
    [
        b"{",
        b"[]",
        b'{"schema": "skinseg.engine-pointer/2", "current": null, "previous": null}',
        b'{"schema": "skinseg.engine-pointer/1", "current": null}',
        b'{"schema": "skinseg.engine-pointer/1", "current": "../fp32-3f2a91c0-1", "previous": null}',
        b'{"schema": "skinseg.engine-pointer/1", "current": "fp16-3f2a91c0-1", "previous": null}',
        b" " * 5000,
    ],
)
def test_a_damaged_pointer_is_told_and_written_anew(opened: Bundle, shelf: Shelf, pointer: bytes) -> None:
    publish(opened, made_plan())
    (shelf.root / "fp32.json").write_bytes(pointer)

    with pytest.raises(EngineUnusable, match=r"cannot read .*fp32\.json"):
        shelf.current("fp32")
    folder = publish(opened, made_plan(b"new"))

    assert shelf.current("fp32") == folder
    assert shelf.previous("fp32") is None


def test_a_folder_that_cannot_be_written_is_told(opened: Bundle, shelf: Shelf) -> None:
    (opened.path / "engines").write_bytes(b"")  # stands for a read-only one, which root could write to

    assert shelf.current("fp32") is None
    with pytest.raises(OutputRefused, match=r"cannot write .*engines"), shelf.staging("fp32", KEY):
        pass


def test_an_engine_of_another_device_has_no_seal_of_this_one(
    opened: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = publish(opened, made_plan())
    monkeypatch.setenv("SKINSEG_STATE_DIR", str(tmp_path / "other"))
    assert folder.records() is None

    publish(opened, made_plan(b"new"))  # now this device has a key of its own
    assert folder.records() is None


@pytest.mark.parametrize("name", ["model.json", "receipt.json", "seal"])
def test_a_record_with_one_byte_changed_is_not_sealed(opened: Bundle, name: str) -> None:
    folder = publish(opened, made_plan())
    data = bytearray((folder.path / name).read_bytes())
    data[10] ^= 1
    (folder.path / name).write_bytes(data)
    assert folder.records() is None

    (folder.path / name).unlink()
    with pytest.raises(FileMissing, match=f"cannot read .*{name}: nothing is there"):
        folder.records()


@pytest.mark.skipif(os.name == "nt", reason="needs links and pipes in the file system")
def test_a_link_or_a_pipe_is_no_record(opened: Bundle, tmp_path: Path) -> None:
    folder = publish(opened, made_plan())
    sidecar = folder.path / "model.json"
    sidecar.rename(tmp_path / "elsewhere.json")
    sidecar.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(EngineUnusable, match="expected a plain file"):
        folder.records()

    sidecar.unlink()
    os.mkfifo(sidecar)
    with pytest.raises(EngineUnusable, match="it is no plain file"):
        folder.records()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (made_plan(b"kernelz"), "its bytes differ from those that were proved on this device"),
        (made_plan()[:-1], "it has 70 bytes, its record says 71"),
        (made_plan() + b"x", "it has 72 bytes, its record says 71"),
        (None, "its model.engine is missing"),
    ],
)
def test_a_plan_that_is_not_the_proved_one_is_refused(opened: Bundle, data: bytes | None, words: str) -> None:
    folder = publish(opened, made_plan())
    plan = folder.path / "model.engine"
    plan.unlink() if data is None else plan.write_bytes(data)

    with pytest.raises(EngineUnusable, match=words):
        _plan_of(folder, opened)


def test_a_plan_that_the_bundle_lists_is_read_from_there(opened: Bundle, shelf: Shelf) -> None:
    # Any listed file will do for a plan here.
    plan = opened.read("model.onnx")
    sidecar = replace(made_sidecar(opened, plan), plan="model.onnx")
    with shelf.staging("fp32", KEY) as staging:
        folder = staging.publish(sidecar, made_receipt(sidecar))

    assert _plan_of(folder, opened) == plan
    assert not (folder.path / "model.engine").exists()


def test_a_folder_with_the_largest_number_does_not_end_all_building(opened: Bundle, shelf: Shelf) -> None:
    (shelf.root / "fp32-00000000-999999999").mkdir(parents=True)

    for content in (b"1", b"2"):
        folder = publish(opened, made_plan(content))
        assert shelf.current("fp32") == folder
