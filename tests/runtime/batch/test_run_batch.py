"""A run of an archive, whatever cuts it off: one row a picture in the end, and nothing done twice that need not be."""

import errno
import json
import os
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skinseg_edge.errors import DeviceBusy, InputError, OutputRefused, VerificationFailed
from skinseg_edge.image_io import decode_mask
from skinseg_runtime.batch.archive import folder, tidying
from skinseg_runtime.batch.archive.columns import METADATA_KEY
from skinseg_runtime.batch.archive.parts import Parts, parts_in
from skinseg_runtime.batch.core import unit_done
from skinseg_runtime.batch.driver import BatchOutcome, run_batch
from skinseg_runtime.batch.items import FilePlace, Item
from skinseg_runtime.batch.opening import open_segmenter, work_for
from skinseg_runtime.batch.run_lengths import mask_from_run_lengths
from skinseg_runtime.batch.sources import source_from_text
from skinseg_runtime.batch.units import Unit, UnitDone
from skinseg_runtime.batch.work import Work
from skinseg_runtime.cli import main as skinseg_run
from skinseg_runtime.file_lock import locked
from skinseg_runtime.segmenter import Segmenter
from tests.runtime.batch.archives import Here, folder_of, picture, rows_of
from tests.runtime.calling import call
from tests.runtime.tiny_bundle import write_bundle


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    return work_for(write_bundle(tmp_path_factory.mktemp("batch") / "tiny.skinseg"))


@pytest.fixture(scope="module")
def segmenter(work: Work) -> Iterator[Segmenter]:
    with open_segmenter(work) as opened:
        yield opened


@pytest.fixture
def here(segmenter: Segmenter) -> Here:
    return Here(segmenter)


def run(source: Path | str, output: Path, work: Work, executor: Any, **options: Any) -> BatchOutcome:
    return run_batch(source_from_text(str(source)), output, work, executor, unit_pictures=4, **options)


def record_of(output: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((output / "batch.json").read_text())
    return record


def left_in(output: Path) -> list[str]:
    return sorted(path.name for path in output.iterdir())


def test_rows_and_masks_are_those_of_skinseg_run(tmp_path: Path, work: Work, here: Here) -> None:
    photos, output = folder_of(tmp_path / "photos", 10), tmp_path / "out"
    call(skinseg_run, work.bundle, photos, "-o", tmp_path / "run", "--mm-per-px", "0.05")
    lines = (tmp_path / "run" / "results.jsonl").read_text().splitlines()
    expected = {row["source"].removeprefix(f"{photos}{os.sep}"): row for row in map(json.loads, lines)}

    outcome = run(photos, output, replace(work, mm_per_px=0.05), here)

    rows = rows_of(output)
    assert [row["name"] for row in rows] == sorted(expected)
    for row in rows:
        want = expected[row["name"]]
        assert row["sha256"] == want["sha256"]
        assert (output / row["mask_path"]).read_bytes() == Path(want["mask"]).read_bytes()
        assert row["mask_bytes"] == Path(want["mask"]).stat().st_size
        assert [row["rows"], row["columns"]] == want["photo_hw"]
        assert row["quality_verdict"] == want["quality"]["verdict"]
        assert row["lesion_count"] == len(row["lesions"]) == len(want["lesions"])
        for lesion, wanted in zip(row["lesions"], want["lesions"], strict=True):
            assert {name: lesion[name] for name in lesion if name not in ("colour", "ranges")} == {
                name: wanted[name] for name in lesion if name not in ("colour", "ranges")
            }
            assert lesion["colour"] == {name: wanted["colour"][name] for name in lesion["colour"]}
            assert lesion["ranges"] == wanted["ranges"]
    assert (outcome.pictures, outcome.computed, outcome.errors, outcome.failure) == (10, 10, 0, None)
    assert left_in(output) == ["batch.json", "masks", "pictures"]


def test_the_table_says_what_made_it(tmp_path: Path, work: Work, here: Here) -> None:
    output = tmp_path / "out"
    run(folder_of(tmp_path / "photos", 2), output, work, here)

    (part,) = parts_in(output)
    about = json.loads(pq.read_schema(output / "pictures" / part.file_name).metadata[METADATA_KEY])

    assert about["model"] == "tiny"
    assert (about["bundle_sha256"], about["engine"], about["precision"]) == (work.bundle_sha256, "onnxruntime", "fp32")
    assert {"skinseg-edge", "numpy", "onnxruntime"} <= set(about["versions"])
    assert record_of(output)["asked"]["bundle_sha256"] == work.bundle_sha256


def test_run_lengths_lie_in_the_table_and_hold_the_masks(tmp_path: Path, work: Work, here: Here) -> None:
    photos = folder_of(tmp_path / "photos", 3)
    run(photos, tmp_path / "png", work, here)
    run(photos, tmp_path / "rle", replace(work, masks="rle"), here)

    assert not (tmp_path / "rle" / "masks").exists()
    for runs, png in zip(rows_of(tmp_path / "rle"), rows_of(tmp_path / "png"), strict=True):
        mask = mask_from_run_lengths(runs["mask_rle"], (runs["rows"], runs["columns"]))
        np.testing.assert_array_equal(mask, decode_mask(tmp_path / "png" / png["mask_path"]))
        assert runs["lesion_area_px"] == np.count_nonzero(mask)
        assert (runs["mask_path"], png["mask_rle"]) == (None, None)


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path, work: Work, segmenter: Segmenter) -> None:
    photos, output = folder_of(tmp_path / "photos", 20), tmp_path / "out"
    first, second = Here(segmenter, stop_after=2), Here(segmenter)

    with pytest.raises(KeyboardInterrupt):
        run(photos, output, work, first)
    interrupted = record_of(output)
    outcome = run(photos, output, work, second)

    assert (interrupted["state"], interrupted["counts"]) == ("interrupted", {"computed": 8, "taken_over": 0})
    assert (first.computed, second.computed) == (8, 12)
    assert (outcome.pictures, outcome.taken_over) == (20, 8)
    assert len({row["name"] for row in rows_of(output)}) == len(rows_of(output)) == 20
    record = record_of(output)
    assert (record["state"], record["starts"], record["counts"]["pictures"]) == ("done", 2, 20)
    assert len(parts_in(output)) == 1


@pytest.mark.parametrize("below", ["", "out"])
@pytest.mark.parametrize("pattern", ["", "**/*.png"])
def test_results_inside_the_source_are_no_pictures_of_the_next_start(
    tmp_path: Path, work: Work, segmenter: Segmenter, below: str, pattern: str
) -> None:
    photos = folder_of(tmp_path / "photos", 6)
    outcomes = [run(photos / pattern, photos / below, work, Here(segmenter)) for _ in range(3)]

    assert [(one.pictures, one.computed) for one in outcomes] == [(6, 6), (6, 0), (6, 0)]


def test_a_table_of_results_inside_a_folder_of_tables_is_none_of_its(
    tmp_path: Path, work: Work, segmenter: Segmenter
) -> None:
    tables = tmp_path / "tables"
    tables.mkdir()
    pq.write_table(pa.table({"name": ["a", "b"], "image": [picture(0), picture(1)]}), tables / "photos.parquet")
    outcomes = [run(tables, tables / "out", work, Here(segmenter)) for _ in range(2)]

    assert [(one.pictures, one.computed) for one in outcomes] == [(2, 2), (2, 0)]


def test_folders_called_like_results_beside_another_record_are_pictures(tmp_path: Path) -> None:
    folder_of(tmp_path / "set" / "pictures", 2, first=1)
    (tmp_path / "set" / "batch.json").write_text('{"batch": 7}')

    names = [item.name for item in source_from_text(str(tmp_path / "set")).items()]

    assert names == ["pictures/p001.png", "pictures/p002.png"]


def test_only_what_changed_is_done_again_and_what_left_goes(tmp_path: Path, work: Work, segmenter: Segmenter) -> None:
    photos, output = folder_of(tmp_path / "photos", 12), tmp_path / "out"
    run(photos, output, work, Here(segmenter))
    before = {row["name"]: row for row in rows_of(output)}
    changed, removed, added = photos / "p001.png", photos / "p002.png", photos / "p900.png"
    broken = photos / "p004.png"
    changed.write_bytes(picture(77))
    broken.write_bytes(b"no picture any more")
    removed.unlink()
    added.write_bytes(picture(78))

    again = Here(segmenter)
    outcome = run(photos, output, work, again)

    after = {row["name"]: row for row in rows_of(output)}
    assert (again.computed, outcome.taken_over, outcome.errors) == (3, 9, 1)
    assert set(after) == set(before) - {"p002.png"} | {"p900.png"}
    assert after["p001.png"]["sha256"] != before["p001.png"]["sha256"]
    same = set(before) - {"p001.png", "p002.png", "p004.png"}
    assert all(after[name] == before[name] for name in same)
    assert after["p004.png"]["error_kind"] == "PictureUnreadable"
    assert after["p004.png"]["mask_path"] is None
    masks = {path.relative_to(output / "masks").as_posix() for path in output.glob("masks/**/*.png")}
    assert masks == {f"{name}.mask.png" for name in set(after) - {"p004.png"}}


def test_a_mask_that_is_missing_or_of_another_size_is_made_again(
    tmp_path: Path, work: Work, segmenter: Segmenter
) -> None:
    photos, output = folder_of(tmp_path / "photos", 6), tmp_path / "out"
    run(photos, output, work, Here(segmenter))
    masks = [output / row["mask_path"] for row in rows_of(output)]
    whole = [mask.read_bytes() for mask in masks]
    masks[0].unlink()
    masks[1].write_bytes(whole[1][:-1])

    again = Here(segmenter)
    run(photos, output, work, again)

    assert again.computed == 2
    assert [mask.read_bytes() for mask in masks] == whole
    assert len(rows_of(output)) == 6


def test_a_broken_picture_is_not_tried_again_and_a_missing_one_is(
    tmp_path: Path, work: Work, segmenter: Segmenter
) -> None:
    folder_of(tmp_path, 1)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "photos.txt").write_text("more/p000.png\nbroken.png\nlater.png\n")
    output, again = tmp_path / "out", Here(segmenter)

    first = run(tmp_path / "photos.txt", output, work, Here(segmenter))
    (tmp_path / "later.png").write_bytes(picture(5))
    second = run(tmp_path / "photos.txt", output, work, again)

    assert (first.errors, first.computed) == (2, 3)
    assert str(first.failure).startswith("cannot segment 2 of 3 pictures; the first: cannot read broken.png: it begins")
    assert (second.errors, again.computed) == (1, 1)
    assert [row["error_kind"] for row in rows_of(output)] == ["PictureUnreadable", None, None]


def test_pictures_on_a_drive_that_is_missing_now_keep_their_rows_and_masks(
    tmp_path: Path, work: Work, segmenter: Segmenter
) -> None:
    drive = folder_of(tmp_path / "drive", 2)
    (tmp_path / "photos.txt").write_text("drive/more/p000.png\ndrive/p001.png\n")
    output, warnings = tmp_path / "out", list[str]()
    run(tmp_path / "photos.txt", output, work, Here(segmenter))
    rows = rows_of(output)

    drive.rename(tmp_path / "unplugged")
    without = run(tmp_path / "photos.txt", output, work, Here(segmenter), on_warning=warnings.append)

    assert (without.errors, without.computed, without.taken_over) == (0, 0, 2)
    assert rows_of(output) == rows
    assert all((output / str(row["mask_path"])).is_file() for row in rows)
    assert [text.partition(";")[0] for text in warnings] == ["pictures that could not be done this time: 2"]
    assert "p000.png" in warnings[0]


def test_results_of_other_work_or_another_source_are_not_touched_without_force(
    tmp_path: Path, work: Work, segmenter: Segmenter
) -> None:
    photos, output = folder_of(tmp_path / "photos", 3), tmp_path / "out"
    run(photos, output, work, Here(segmenter))
    before = rows_of(output)
    other, here = replace(work, mm_per_px=0.1), Here(segmenter)

    with pytest.raises(OutputRefused, match=r"other work \(mm_per_px was None and is 0\.1\); add --force"):
        run(photos, output, other, here)
    with pytest.raises(OutputRefused, match=r"source was '.*photos' and is '.*more'"):
        run(photos / "more", output, work, here)
    assert (rows_of(output), here.computed) == (before, 0)

    run(photos / "more", output, other, here, force=True)

    assert [row["name"] for row in rows_of(output)] == ["p000.png"]
    assert [path.name for path in output.glob("masks/**/*.png")] == ["p000.png.mask.png"]
    assert here.computed == 1
    assert run(photos / "more", output, other, here).taken_over == 1


def test_force_does_the_same_work_anew(tmp_path: Path, work: Work, segmenter: Segmenter) -> None:
    photos, output = folder_of(tmp_path / "photos", 3), tmp_path / "out"
    run(photos, output, work, Here(segmenter))

    again = Here(segmenter)
    run(photos, output, work, again, force=True)

    assert again.computed == len(rows_of(output)) == 3


@pytest.mark.parametrize("name", ["pictures", "masks"])
def test_a_folder_of_somebody_elses_is_refused_even_with_force(
    tmp_path: Path, work: Work, here: Here, name: str
) -> None:
    photos, output = folder_of(tmp_path / "photos", 1), tmp_path / "out"
    (output / name).mkdir(parents=True)
    (output / name / "part-0001-000000.parquet").write_bytes(b"precious")

    with pytest.raises(OutputRefused, match=rf"it holds {name}/ and no batch\.json"):
        run(photos, output, work, here, force=True)

    assert (output / name / "part-0001-000000.parquet").read_bytes() == b"precious"


@pytest.mark.parametrize("text", ["{", '{"schema": "skinseg.batch/9"}', '{"schema": "skinseg.batch/1", "starts": "a"}'])
def test_a_record_that_cannot_be_read_stops_the_run_and_force_starts_anew(
    tmp_path: Path, work: Work, here: Here, text: str
) -> None:
    photos, output = folder_of(tmp_path / "photos", 1), tmp_path / "out"
    run(photos, output, work, here)
    (output / "batch.json").write_text(text)

    with pytest.raises(OutputRefused, match=r"cannot read .*batch\.json: .*add --force to start anew"):
        run(photos, output, work, here)

    run(photos, output, work, here, force=True)
    assert len(rows_of(output)) == 1


@pytest.mark.parametrize("damage", [b"", b"PAR1 cut off", b"other columns"])
def test_a_damaged_part_costs_its_own_rows(
    tmp_path: Path, work: Work, segmenter: Segmenter, damage: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "_LONGEST_WAIT_S", 0.0)  # a part each unit
    photos, output = folder_of(tmp_path / "photos", 12), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(photos, output, work, Here(segmenter, stop_after=2))
    first, second = (output / "pictures" / part.file_name for part in parts_in(output))
    if damage == b"other columns":
        pq.write_table(pq.read_table(first).select(["name", "sha256", "mask_bytes", "error_message"]), first)
    else:
        first.write_bytes(damage)
    warnings: list[str] = []

    again = Here(segmenter)
    run(photos, output, work, again, on_warning=warnings.append)

    assert second.exists() is False  # it is in the merged part
    assert again.computed == 8
    assert len(rows_of(output)) == 12
    assert len(warnings) == 1
    assert warnings[0].endswith("its pictures are done again")


class _Full:
    """What a disk says that has no room after some writes."""

    def __init__(self, real: Any, after: int) -> None:
        self._real, self._left = real, after

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._real(*arguments, **options)


@pytest.mark.parametrize(("where", "after"), [("write_bytes", 9), ("write_table", 1), ("write_table", 3), ("fsync", 9)])
def test_a_full_disk_ends_the_run_and_loses_nothing(
    tmp_path: Path, work: Work, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch, where: str, after: int
) -> None:
    monkeypatch.setattr(folder, "_LONGEST_WAIT_S", 0.0)
    photos, output = folder_of(tmp_path / "photos", 12), tmp_path / "out"
    with monkeypatch.context() as patch:
        if where == "write_bytes":
            full = _Full(Path.write_bytes, after)
            patch.setattr(Path, "write_bytes", lambda path, data: full(path, data))
        else:
            module = pq if where == "write_table" else os
            patch.setattr(module, where, _Full(getattr(module, where), after))
        with pytest.raises(OutputRefused, match="the disk is full; free some space and run again"):
            run(photos, output, work, Here(segmenter))

    again = Here(segmenter)
    run(photos, output, work, again)

    assert again.computed <= 12 - min(after, 1)
    assert len(rows_of(output)) == 12
    assert left_in(output) == ["batch.json", "masks", "pictures"]


def test_two_runs_at_once_are_refused(tmp_path: Path, work: Work, here: Here) -> None:
    photos, output = folder_of(tmp_path / "photos", 1), tmp_path / "out"

    with (
        locked(output / folder.WORKING / "lock", "test"),
        pytest.raises(DeviceBusy, match=rf"cannot write results into .*out: process {os.getpid()} is at it already"),
    ):
        run(photos, output, work, here)

    assert here.computed == 0


def test_a_working_folder_that_is_a_link_is_refused(tmp_path: Path, work: Work, here: Here) -> None:
    precious = folder_of(tmp_path / "precious", 1)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / folder.WORKING).symlink_to(precious)

    with pytest.raises(OutputRefused, match="is a link, expected a folder"):
        run(folder_of(tmp_path / "photos", 1), tmp_path / "out", work, here)

    assert (precious / "more" / "p000.png").is_file()


@pytest.mark.parametrize("gone_wrong", ["remove", "index"])
def test_a_run_that_dies_while_it_merges_leaves_each_row(
    tmp_path: Path, work: Work, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch, gone_wrong: str
) -> None:
    monkeypatch.setattr(folder, "_LONGEST_WAIT_S", 0.0)
    photos, output = folder_of(tmp_path / "photos", 12), tmp_path / "out"

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if gone_wrong == "remove":
            patch.setattr(Parts, "remove", die)
        else:
            patch.setattr(folder, "tidy", die)
        with pytest.raises(KeyboardInterrupt):
            run(photos, output, work, Here(segmenter))

    again = Here(segmenter)
    run(photos, output, work, again)

    assert again.computed == 0
    assert len(rows_of(output)) == len({row["name"] for row in rows_of(output)}) == 12
    assert len(parts_in(output)) == 1


def test_parts_are_merged_as_they_come_and_none_grows_too_large(
    tmp_path: Path, work: Work, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "_LONGEST_WAIT_S", 0.0)
    monkeypatch.setattr(tidying, "_FULL_ROWS", 8)
    most: list[int] = []
    photos, output = folder_of(tmp_path / "photos", 34), tmp_path / "out"

    def after_each(_: object) -> Any:
        return _Watching(lambda: most.append(len(parts_in(output))))

    run(photos, output, work, here, open_bar=after_each)

    assert max(most) <= 34 // 8 + 2
    assert [pq.read_metadata(output / "pictures" / part.file_name).num_rows for part in parts_in(output)] == [
        8,
        8,
        8,
        8,
        2,
    ]
    assert len(rows_of(output)) == 34


class _Watching:
    def __init__(self, step: Any) -> None:
        self._step = step

    def __enter__(self) -> Any:
        return self._step

    def __exit__(self, *_: object) -> None: ...


class _Careless(Here):
    """Gives every unit *times* times."""

    times = 2

    def run(self, units: Iterable[Unit], work: Work) -> Generator[UnitDone, None, None]:
        for unit in units:
            done = unit_done(self._segmenter, unit, work)
            yield from [done] * self.times


def test_a_unit_that_comes_twice_gives_each_row_once(tmp_path: Path, work: Work, segmenter: Segmenter) -> None:
    outcome = run(folder_of(tmp_path / "photos", 5), tmp_path / "out", work, _Careless(segmenter))

    assert (outcome.computed, len(rows_of(tmp_path / "out"))) == (5, 5)


def test_a_unit_that_never_comes_is_missed(tmp_path: Path, work: Work, segmenter: Segmenter) -> None:
    careless = _Careless(segmenter)
    careless.times = 0

    with pytest.raises(VerificationFailed, match="5 of 5 pictures got no row, expected one each"):
        run(folder_of(tmp_path / "photos", 5), tmp_path / "out", work, careless)

    assert record_of(tmp_path / "out")["state"] == "failed"


class _Source:
    text = "made by hand"

    def __init__(self, *names: str) -> None:
        self._names = names

    def items(self) -> Iterator[Item]:
        return (Item(name, FilePlace("/nowhere")) for name in self._names)

    def count(self) -> int | None:
        return None


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "a\0b", "a\udc80b", ""])
def test_a_hostile_name_never_reaches_the_disk(tmp_path: Path, work: Work, here: Here, name: str) -> None:
    with pytest.raises(InputError, match="its mask would lie elsewhere or could not be written"):
        run_batch(_Source(name), tmp_path / "out", work, here)

    assert left_in(tmp_path) == ["out"]
    assert left_in(tmp_path / "out") == ["batch.json"]


def test_two_pictures_of_one_name_are_refused_even_far_apart(tmp_path: Path, work: Work, here: Here) -> None:
    names = [*(f"p{number}" for number in range(40)), "p3"]

    with pytest.raises(InputError, match="both are called p3; rename one of them"):
        run_batch(_Source(*names), tmp_path / "out", work, here)
    with pytest.raises(InputError, match="both are called a"):
        run_batch(_Source("a", "a"), tmp_path / "other", work, here)


def test_a_source_without_pictures_changes_nothing(tmp_path: Path, work: Work, here: Here) -> None:
    photos, output = folder_of(tmp_path / "photos", 2), tmp_path / "out"
    run(photos, output, work, here)
    for path in photos.glob("**/*.png"):
        path.unlink()

    with pytest.raises(InputError, match="photos"):
        run(photos, output, work, here)

    assert len(rows_of(output)) == 2  # a drive that is not mounted takes no results with it
