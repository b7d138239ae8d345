"""The three stages of a Ray worker, here without Ray: together they are `unit_done`, and what fails is sent on."""

import io
import os
import queue
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from skinseg_edge.errors import DeviceBusy, DeviceLost, DeviceUnready, IntegrityFailed
from skinseg_runtime.batch.core import unit_done
from skinseg_runtime.batch.executors import ray_data, ray_driver, ray_stages, ray_windows
from skinseg_runtime.batch.executors.ray_stages import (
    Answering,
    Body,
    Stopped,
    finish,
    prepare,
    rows_of,
    table_of_units,
)
from skinseg_runtime.batch.executors.ray_talk import Line, Message, More, Pool, Units
from skinseg_runtime.batch.executors.ray_windows import Mistake, Spread, done_by_ray
from skinseg_runtime.batch.items import FilePlace, Item
from skinseg_runtime.batch.opening import open_segmenter, work_for
from skinseg_runtime.batch.units import Finished, Unit, UnitDone
from skinseg_runtime.batch.work import Work
from skinseg_runtime.segmenter import Segmenter
from tests.runtime.batch.archives import picture
from tests.runtime.tiny_bundle import binary_model, write_bundle

_SPREAD = Spread(engines=1, gpus=0, memory=1)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    return work_for(write_bundle(tmp_path_factory.mktemp("stages") / "tiny.skinseg"), engine="onnxruntime")


@pytest.fixture(scope="module")
def segmenter(work: Work) -> Iterator[Segmenter]:
    with open_segmenter(work) as opened:
        yield opened


def unit_at(folder: Path, count: int) -> Unit:
    for number in range(count):
        (folder / f"{number}.png").write_bytes(picture(number))
    names = [f"{number}.png" for number in range(count)] + ["gone.png"]
    items = tuple(Item(name, FilePlace(str(folder / name))) for name in names)
    return Unit(7, items, (None,) * len(items))


def through_the_stages(unit: Unit, work: Work, segmenter: Segmenter) -> list[tuple[int, int, int, Body]]:
    answering = Answering(work)
    return [
        row
        for table in table_of_units([unit])
        for ready in prepare(table, work, segmenter.contract)
        for answered in answering(ready)
        for done in finish(answered, work, segmenter.contract)
        for row in rows_of(done)
    ]


@pytest.mark.parametrize(("engine_batch", "groups"), [(1, 5), (2, 3)])
def test_the_stages_together_give_the_rows_of_one_process(
    engine_batch: int, groups: int, work: Work, tmp_path: Path
) -> None:
    free = write_bundle(tmp_path / "free.skinseg", model=binary_model(batch="N"))
    asked = replace(work_for(free, engine="onnxruntime"), engine_batch=engine_batch)
    unit = unit_at(tmp_path, 4)
    with open_segmenter(asked) as segmenter:
        known = replace(unit, known=(unit_done(segmenter, unit, asked).made[0].sha256, *unit.known[1:]))
        rows = through_the_stages(known, asked, segmenter)
        expected = unit_done(segmenter, known, asked)

    assert [(number, row, count) for number, row, count, _ in rows] == [(7, at, groups) for at in range(groups)]
    assert together(rows) == expected
    assert expected.taken_over == 1


def together(rows: Sequence[tuple[int, int, int, Body]]) -> UnitDone:
    every = [one for *_, body in rows if not isinstance(body, Stopped) for one in body]
    made = tuple(one for one in every if isinstance(one, Finished))
    return UnitDone(rows[0][0], made, len(every) - len(made))


def test_another_bundle_is_told_with_the_machine_and_passes_the_stages_behind(
    work: Work, segmenter: Segmenter, tmp_path: Path
) -> None:
    rows = through_the_stages(unit_at(tmp_path, 1), replace(work, bundle_sha256="0" * 64), segmenter)

    stopped = rows[0][-1]
    assert isinstance(stopped, Stopped)
    assert isinstance(stopped.error, IntegrityFailed)
    assert str(stopped.error).endswith(f"start again (on {os.uname().nodename})")


def test_a_mistake_in_reading_is_sent_on_as_its_traceback(
    work: Work, segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> Iterator[object]:
        raise ZeroDivisionError("here")

    monkeypatch.setattr(ray_stages, "read_items", broken)
    rows = through_the_stages(unit_at(tmp_path, 1), work, segmenter)

    assert isinstance(stopped := rows[0][-1], Stopped)
    assert stopped.mistake.endswith("ZeroDivisionError: here\n")


@pytest.mark.parametrize(("error", "ends"), [(DeviceLost("lost"), True), (DeviceBusy("busy"), False)])
def test_a_process_whose_gpu_is_lost_ends_so_that_another_is_started(
    error: Exception, ends: bool, work: Work, segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> object:
        raise error

    def end(_code: int) -> None:
        raise SystemExit

    monkeypatch.setattr(ray_stages, "answered", fail)
    monkeypatch.setattr(os, "_exit", end)
    if ends:
        with pytest.raises(SystemExit):
            through_the_stages(unit_at(tmp_path, 1), work, segmenter)
        return
    assert isinstance(stopped := through_the_stages(unit_at(tmp_path, 1), work, segmenter)[0][-1], Stopped)
    assert isinstance(stopped.error, DeviceBusy)


# --- what of a window is missing --------------------------------------------------------------------------------------


def window_of(deadly: set[str], calls: list[int]) -> Callable[..., Iterator[UnitDone]]:
    """Stand in for a data set: units with a deadly picture are lost, and with them, if there are more, the first."""

    def done(units: Sequence[Unit], *_: object, **__: object) -> Iterator[UnitDone]:
        calls.append(len(units))
        lost = {unit.number for unit in units if deadly & {item.name for item in unit.items}}
        if lost and len(units) > 1:
            lost.add(units[0].number)
        for unit in units:
            if unit.number not in lost:
                yield UnitDone(unit.number, tuple(Finished(item.name, "0", {}, None) for item in unit.items), 0)

    return done


def named_unit(number: int, *names: str) -> Unit:
    return Unit(number, tuple(Item(name, FilePlace(name)) for name in names), (None,) * len(names))


def test_only_a_picture_that_was_alone_is_blamed(
    work: Work, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(ray_windows, "_done", window_of({"d"}, calls))
    windows = [[named_unit(0, "a", "b"), named_unit(1, "c", "d"), named_unit(2, "e")]]

    done = {one.number: one for one in done_by_ray(windows, work, segmenter.contract, _SPREAD)}

    assert sorted(done) == [0, 1, 2]
    made = {one.name: one.row.get("error_kind") for unit in done.values() for one in unit.made}
    assert made == {"a": None, "b": None, "c": None, "d": "WorkerDied", "e": None}
    assert [one.name for one in done[1].made] == ["c", "d"]
    assert calls == [3, 4, 1, 1]  # all; a, b, c and d apart; a, which was lost beside d, and d alone


def test_where_everything_dies_no_picture_is_blamed(
    work: Work, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [str(number) for number in range(20)]
    monkeypatch.setattr(ray_windows, "_done", window_of(set(names), []))
    windows = [[named_unit(number, name) for number, name in enumerate(names)]]

    with pytest.raises(DeviceUnready, match=r"died at 8 pictures one after another.*which goes on"):
        list(done_by_ray(windows, work, segmenter.contract, _SPREAD))


def test_a_mistake_of_a_worker_ends_the_run(
    work: Work, segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class DataSet:
        def iter_batches(self, **_: object) -> Iterator[pa.Table]:
            yield ray_stages._table(0, 0, 1, Stopped(None, "Traceback ... ZeroDivisionError"))

    def dataset(*_: object, **__: object) -> Any:
        return DataSet()

    monkeypatch.setattr(ray_windows, "_dataset", dataset)
    with pytest.raises(Mistake, match="ZeroDivisionError"):
        list(done_by_ray([[named_unit(0, "a")]], work, segmenter.contract, _SPREAD))


def test_units_are_taken_until_they_have_enough_pictures() -> None:
    units = iter([named_unit(0, "a", "b"), named_unit(1, "c"), named_unit(2, "d", "e"), named_unit(3, "f")])

    assert [unit.number for unit in ray_data._about(units, 3)] == [0, 1]
    assert [unit.number for unit in ray_data._about(units, 100)] == [2, 3]
    assert ray_data._about(units, 100) == ()


def test_a_window_is_asked_for_when_the_one_before_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_driver, "resources", lambda: {"CPU": 2.0})
    said = io.BytesIO()
    messages: queue.Queue[Message | None] = queue.Queue()
    for units in ((named_unit(0, "a"),), (named_unit(1, "b"),), ()):
        messages.put(Units(units))

    windows = ray_driver._windows(Line(io.BytesIO(), said), messages, None)

    assert said.getvalue() == b""
    assert [unit.number for unit in next(windows)] == [0]
    assert messages.qsize() == 2
    assert [[unit.number for unit in window] for window in windows] == [[1]]
    said.seek(0)
    heard = Line(said, io.BytesIO())
    assert [heard.receive() for _ in range(3)] == [More(2 * 4096)] * 3
    with pytest.raises(EOFError):
        heard.receive()


@pytest.mark.parametrize(
    ("there", "engine", "pool", "expected"),
    [
        ({"CPU": 8.0}, "onnxruntime", Pool(None, None, None), Spread(8, 0.0, 100)),
        ({"CPU": 8.0, "GPU": 4.0}, "onnxruntime", Pool(None, None, None), Spread(8, 0.0, 100)),
        ({"CPU": 8.0, "GPU": 4.0}, "trt", Pool(None, None, None), Spread(4, 1.0, 100)),
        ({"CPU": 8.0, "GPU": 4.0}, "onnxruntime-cuda", Pool(None, 0.5, None), Spread(8, 0.5, 100)),
        ({"CPU": 0.5}, "onnxruntime", Pool(3, None, None), Spread(3, 0.0, 100)),
    ],
)
def test_engines_are_one_a_core_or_one_a_gpu_and_no_machine_is_asked_for_memory_that_it_lacks(
    there: dict[str, float],
    engine: str,
    pool: Pool,
    expected: Spread,
    work: Work,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ray_driver, "resources", lambda: there)
    monkeypatch.setattr(ray_driver, "memories", lambda: [10**12, 200])

    assert ray_driver._spread(replace(work, engine=engine), pool) == expected
