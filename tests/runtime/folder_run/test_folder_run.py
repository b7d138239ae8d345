"""skinseg-run over folders: the same with any number of jobs, and after whatever cut it off."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from skinseg_edge.datasets import synthetic_lesions
from skinseg_edge.image_io import decode_mask, write_png
from skinseg_runtime import Segmenter
from skinseg_runtime.cli import main
from skinseg_runtime.file_lock import locked
from skinseg_runtime.results import UNFINISHED_NAME
from skinseg_runtime.segmentation import Segmentation
from tests.runtime.calling import call, error_of, only_object
from tests.runtime.tiny_bundle import binary_model, write_bundle

PHOTOS = 7


def cut_off(bundle: Path, photos: Path, output: Path) -> None:
    """Run in a process that is killed, without notice, when it has written the mask of one photo more than three."""
    script = (
        "import os, signal, sys\n"
        "from skinseg_runtime.cli import main\n"
        "from skinseg_runtime.folder_run.journal import Journal\n"
        "append = Journal.append\n"
        "def dying(self, entry):\n"
        "    if len(self) == 3:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    append(self, entry)\n"
        "Journal.append = dying\n"
        "main(sys.argv[1:])\n"
    )
    arguments = [str(bundle), str(photos), "-o", str(output), "--jobs", "1"]
    finished = subprocess.run([sys.executable, "-c", script, *arguments], check=False, timeout=120)
    assert finished.returncode == -signal.SIGKILL


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle; photos of several sizes, one file of them no picture; what a run left that was killed after three."""
    folder = tmp_path_factory.mktemp("drawn")
    write_bundle(folder / "tiny.skinseg")
    for seed in range(1, PHOTOS + 1):
        photo = synthetic_lesions.draw(seed, (90 + 40 * (seed % 3), 120 + 8 * seed)).photo
        write_png(folder / "photos" / ("visit" if seed % 2 else "") / f"{seed}.png", photo)
    (folder / "photos" / "3.jpg").write_bytes(b"no picture")
    cut_off(folder / "tiny.skinseg", folder / "photos", folder / "left")
    call(main, folder / "tiny.skinseg", folder / "photos", "-o", folder / "whole")
    return folder


@pytest.fixture
def bundle(drawn: Path) -> Path:
    return drawn / "tiny.skinseg"


@pytest.fixture
def photos(drawn: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(drawn / "photos", tmp_path / "photos"))


@pytest.fixture
def left(drawn: Path, tmp_path: Path) -> Path:
    """The output folder of a run that was killed."""
    return Path(shutil.copytree(drawn / "left", tmp_path / "out"))


def files_in(folder: Path) -> dict[str, bytes]:
    """Return every file but results.jsonl, by name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("results.jsonl", "lock")
    }


def rows_in(folder: Path) -> list[dict[str, object]]:
    """Return the rows without what differs by nature: times, and the folder in paths."""
    text = (folder / "results.jsonl").read_text(encoding="utf-8").replace(str(folder), "OUT")
    text = re.sub(r'[^" ]*/photos/', "", text)
    rows = [json.loads(line) for line in text.splitlines()]
    return [{name: value for name, value in row.items() if name != "timings_ms"} for row in rows]


def same(one: Path, other: Path) -> bool:
    return files_in(one) == files_in(other) and rows_in(one) == rows_in(other)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was segmented, in order."""
    segment, seen = Segmenter.segment, []

    def noting(self: Segmenter, source: bytes, *, look: str) -> Segmentation:
        seen.append(source)
        return segment(self, source, look=look)

    monkeypatch.setattr(Segmenter, "segment", noting)
    return seen


def test_rows_and_masks_are_the_same_with_any_number_of_jobs(bundle: Path, photos: Path, tmp_path: Path) -> None:
    for jobs in ("1", "2", "5"):
        call(main, bundle, photos, "-o", tmp_path / jobs, "--jobs", jobs, "--overlay")
    assert len(rows_in(tmp_path / "1")) == PHOTOS + 1
    assert same(tmp_path / "1", tmp_path / "2")
    assert same(tmp_path / "1", tmp_path / "5")


def test_masks_are_bit_for_bit_those_of_one_photo_alone(bundle: Path, photos: Path, tmp_path: Path) -> None:
    call(main, bundle, photos, "-o", tmp_path / "out", "--jobs", "3")
    with Segmenter.open(bundle) as segmenter:
        for row in rows_in(tmp_path / "out"):
            if "error" not in row:
                alone = segmenter.segment(photos / str(row["source"]))
                written = decode_mask(str(row["mask"]).replace("OUT", str(tmp_path / "out")))
                assert np.array_equal(alone.mask, written)


def test_each_photo_is_read_from_the_disk_once(
    bundle: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_bytes, read = Path.read_bytes, []

    def noting(self: Path) -> bytes:
        read.append(self)
        return read_bytes(self)

    monkeypatch.setattr(Path, "read_bytes", noting)
    call(main, bundle, photos, "-o", tmp_path / "out", "--overlay")
    of_photos = sorted(path for path in read if path.is_relative_to(photos))
    assert of_photos == sorted(path for path in photos.rglob("*") if path.is_file())


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no name that is not text")
def test_a_photo_whose_name_is_no_text_stops_no_other(
    bundle: Path, photos: Path, left: Path, counted: list[bytes]
) -> None:
    shutil.copy(photos / "2.png", photos / os.fsdecode(b"odd\xff 100%.png"))
    assert call(main, bundle, photos, "-o", left, "--resume").exit_code == 2  # one file is no picture
    assert len(counted) == PHOTOS + 2 - 3
    assert (left / os.fsdecode(b"odd\xff 100%.mask.png")).read_bytes() == (left / "2.mask.png").read_bytes()


def test_a_folder_where_a_result_belongs_is_refused_before_any_work(
    bundle: Path, photos: Path, tmp_path: Path, counted: list[bytes]
) -> None:
    for name in ("2.mask.png", "results.jsonl"):
        (tmp_path / name / name).mkdir(parents=True)
        result = call(main, bundle, photos, "-o", tmp_path / name, "--force")
        assert (result.exit_code, counted) == (2, [])
        assert f"cannot write {tmp_path / name / name}: it is a folder" in result.stderr


def test_a_run_that_was_killed_goes_on_and_ends_as_if_it_had_not_been(
    bundle: Path, drawn: Path, photos: Path, left: Path, counted: list[bytes]
) -> None:
    assert [path.name for path in left.iterdir()] == [UNFINISHED_NAME]

    result = call(main, bundle, photos, "-o", left, "--resume")

    assert result.exit_code == 2  # one file is no picture
    assert f"{PHOTOS} of {PHOTOS + 1} photos segmented, 3 of them before the run was cut off" in result.stdout
    assert len(counted) == PHOTOS + 1 - 3
    assert same(drawn / "whole", left)


def test_without_resume_what_a_run_left_is_told_and_kept_and_force_starts_anew(
    bundle: Path, photos: Path, left: Path, counted: list[bytes]
) -> None:
    before = files_in(left)

    refused = call(main, bundle, photos, "-o", left)

    assert refused.exit_code == 2
    assert f"in {UNFINISHED_NAME} (photos: 3); add --resume to go on with that, or --force to" in refused.stderr
    assert files_in(left) == before
    assert "segmented" in call(main, bundle, photos, "-o", left, "--force").stdout
    assert len(counted) == PHOTOS + 1
    assert UNFINISHED_NAME not in [path.name for path in (left).iterdir()]


def test_resume_begins_a_run_where_there_is_none(bundle: Path, drawn: Path, photos: Path, tmp_path: Path) -> None:
    document = only_object(call(main, bundle, photos, "-o", tmp_path / "out", "--resume", "--json").stdout)
    assert document["taken_over"] == 0
    assert same(drawn / "whole", tmp_path / "out")


def rename_a_photo(photos: Path, _: Path) -> None:
    (photos / "2.png").rename(photos / "9.png")


def change_a_photo(photos: Path, _: Path) -> None:
    write_png(photos / "2.png", synthetic_lesions.draw(50, (60, 80)).photo)


def zero_a_mask(_: Path, working: Path) -> None:
    mask = working / "2.mask.png"
    mask.write_bytes(b"\0" * mask.stat().st_size)  # what a power cut may leave of a file


def lose_a_mask(_: Path, working: Path) -> None:
    (working / "2.mask.png").unlink()


def tear_the_journal(_: Path, working: Path) -> None:
    journal = working / "done.jsonl"
    journal.write_bytes(journal.read_bytes()[:-30])


@pytest.mark.parametrize("harm", [rename_a_photo, change_a_photo, zero_a_mask, lose_a_mask, tear_the_journal])
def test_what_is_not_as_it_was_is_done_again(
    bundle: Path, photos: Path, left: Path, tmp_path: Path, counted: list[bytes], harm: Callable[[Path, Path], None]
) -> None:
    harm(photos, left / UNFINISHED_NAME)

    document = only_object(call(main, bundle, photos, "-o", left, "--resume", "--json").stdout)

    assert (document["taken_over"], len(counted)) == (2, PHOTOS + 1 - 2)
    call(main, bundle, photos, "-o", tmp_path / "whole")
    assert same(tmp_path / "whole", left)


@pytest.mark.parametrize("options", [("--overlay",), ("--mm-per-px", "0.1"), ("--look", "closer")])
def test_what_was_asked_for_otherwise_is_done_again(
    bundle: Path, photos: Path, left: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    document = only_object(call(main, bundle, photos, "-o", left, "--resume", *options, "--json").stdout)
    assert document["taken_over"] == 0
    call(main, bundle, photos, "-o", tmp_path / "whole", *options)
    assert same(tmp_path / "whole", left)


def test_what_another_model_did_is_done_again(photos: Path, left: Path, tmp_path: Path) -> None:
    other = write_bundle(tmp_path / "other.skinseg", model=binary_model(middle=90))
    document = only_object(call(main, other, photos, "-o", left, "--resume", "--json").stdout)
    assert document["taken_over"] == 0


def test_a_run_from_another_folder_goes_on_with_the_paths_of_now(
    bundle: Path, photos: Path, left: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    document = only_object(call(main, bundle, "photos", "-o", "out", "--resume", "--json").stdout)
    assert document["taken_over"] == 3
    rows = document["pictures"]
    assert isinstance(rows, list)
    assert all(row["source"].startswith("photos/") for row in rows)
    assert all(row["mask"].startswith("out/") for row in rows if "mask" in row)


def test_a_run_that_was_cut_off_while_it_moved_its_files_goes_on(
    bundle: Path, drawn: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted: list[bytes]
) -> None:
    output = tmp_path / "out"
    replace, moved = Path.replace, []

    def interrupted(self: Path, target: Path) -> Path:
        if self.parent.name == UNFINISHED_NAME and self.name.endswith(".mask.png") and not self.name.startswith("."):
            moved.append(target)
            if len(moved) == 3:
                raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    assert call(main, bundle, photos, "-o", output).exit_code == 130
    assert not (output / "results.jsonl").exists()
    assert len(moved) == 3
    monkeypatch.setattr(Path, "replace", replace)
    counted.clear()

    document = only_object(call(main, bundle, photos, "-o", output, "--resume", "--json").stdout)

    assert document["taken_over"] == PHOTOS
    assert len(counted) == 1  # the file that is no picture
    assert same(drawn / "whole", output)


def test_resume_does_not_take_a_strangers_file_for_its_own(bundle: Path, photos: Path, left: Path) -> None:
    (left / "2.mask.png").write_bytes(b"precious")
    result = call(main, bundle, photos, "-o", left, "--resume")
    assert "2.mask.png: it exists already; add --force" in result.stderr
    assert (left / "2.mask.png").read_bytes() == b"precious"
    assert (left / UNFINISHED_NAME / "done.jsonl").is_file()


def test_a_disk_that_fills_up_keeps_what_is_done(
    bundle: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted: list[bytes]
) -> None:
    fsync = os.fsync

    def full(descriptor: int) -> None:
        if len(counted) == 4:
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        result = call(main, bundle, photos, "-o", tmp_path / "out", "--jobs", "1")
    assert result.exit_code == 2
    assert "the disk is full; free some space and run again" in result.stderr
    assert "with --resume to go on" in result.stderr
    counted.clear()
    call(main, bundle, photos, "-o", tmp_path / "out", "--resume")
    assert len(counted) == PHOTOS + 1 - 2  # of the four, one was no picture and one had no room


def test_two_runs_into_one_folder_do_not_mix(bundle: Path, photos: Path, tmp_path: Path) -> None:
    with locked(tmp_path / "out" / UNFINISHED_NAME / "lock", "hold it"):
        result = call(main, bundle, photos, "-o", tmp_path / "out", "--json")
    assert (result.exit_code, error_of(result)["kind"]) == (3, "DeviceBusy")
    assert "is at it already; wait until it is done, or end it" in str(error_of(result)["message"])


@pytest.mark.parametrize("place", ["", "visit", "lock"])
def test_a_link_in_place_of_the_working_folder_or_in_it_is_not_followed(
    bundle: Path, photos: Path, tmp_path: Path, place: str
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("ten years", encoding="utf-8")
    link = tmp_path / "out" / UNFINISHED_NAME / place
    link.parent.mkdir(parents=True)
    link.symlink_to(precious, target_is_directory=True)

    result = call(main, bundle, photos, "-o", tmp_path / "out", "--force")

    assert result.exit_code == 2
    assert "is a link, expected a folder that skinseg-run made; remove it" in result.stderr
    assert [path.name for path in precious.iterdir()] == ["thesis.txt"]
