"""Units in real processes: the rows of one, whatever dies on the way."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from skinseg_edge.errors import DeviceUnready, IntegrityFailed
from skinseg_runtime.batch.core import unit_done
from skinseg_runtime.batch.executors.attempts import WORKER_DIED
from skinseg_runtime.batch.executors.local import LocalExecutor
from skinseg_runtime.batch.items import FilePlace, Item
from skinseg_runtime.batch.opening import open_segmenter, work_for
from skinseg_runtime.batch.units import Unit, UnitDone
from skinseg_runtime.batch.work import Work
from tests.runtime.batch.archives import folder_of
from tests.runtime.batch.deadly_workers import DEADLY, die_at_once, hang_when_ready, serve_until_deadly
from tests.runtime.tiny_bundle import write_bundle

pytestmark = pytest.mark.skipif(os.name == "nt", reason="processes are killed by POSIX signals")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    return work_for(write_bundle(tmp_path_factory.mktemp("local") / "tiny.skinseg"))


def _units(paths: list[Path], size: int, drawn: list[int] | None = None) -> Iterator[Unit]:
    for number, first in enumerate(range(0, len(paths), size)):
        if drawn is not None:
            drawn.append(number)
        some = paths[first : first + size]
        yield Unit(number, tuple(Item(path.name, FilePlace(str(path))) for path in some), (None,) * len(some))


def _children() -> set[int]:
    """Return the processes of this one that live and are workers."""
    import multiprocessing

    return {int(child.pid or 0) for child in multiprocessing.active_children()}


def _by_name(done: list[UnitDone]) -> dict[str, Any]:
    return {one.name: one for unit in done for one in unit.made}


def test_two_processes_give_the_rows_of_none_though_one_is_killed(tmp_path: Path, work: Work) -> None:
    paths = sorted(folder_of(tmp_path, 24).glob("**/*.png"))
    with open_segmenter(work) as segmenter:
        expected = [unit_done(segmenter, unit, work) for unit in _units(paths, 3)]
    drawn: list[int] = []

    done: list[UnitDone] = []
    most_ahead = 0
    running = LocalExecutor(2).run(_units(paths, 3, drawn), work)
    for unit in running:
        done.append(unit)
        most_ahead = max(most_ahead, len(drawn) - len(done))
        if len(done) == 1:
            os.kill(min(_children()), signal.SIGKILL)

    assert sorted(done, key=lambda unit: unit.number) == expected
    assert most_ahead <= 2 * 2
    assert _children() == set()


def test_a_picture_that_kills_each_worker_gets_its_row_and_the_others_theirs(tmp_path: Path, work: Work) -> None:
    paths = sorted(folder_of(tmp_path, 3).glob("**/*.png"))
    paths[1].write_bytes(DEADLY)  # each of its deaths costs a second; see test_attempts for larger units

    done = list(LocalExecutor(1, serve=serve_until_deadly).run(_units(paths, 2), work))

    rows = {name: one.row["error_kind"] for name, one in _by_name(done).items()}
    assert rows == {path.name: WORKER_DIED if path == paths[1] else None for path in paths}
    assert "each process that tried was killed by SIGKILL" in _by_name(done)[paths[1].name].row["error_message"]
    assert sorted(unit.number for unit in done) == [0, 1]


def test_a_picture_that_hangs_each_worker_gets_its_row_instead_of_being_waited_for(tmp_path: Path, work: Work) -> None:
    units = _units([tmp_path / "hangs.png"], 1)

    done = list(LocalExecutor(1, serve=hang_when_ready, longest_silence_s=0.1).run(units, work))

    (row,) = _by_name(done).values()
    assert row.row["error_kind"] == WORKER_DIED
    assert "each process that tried gave no answer for " in row.row["error_message"]
    assert _children() == set()


def test_workers_that_die_before_their_first_picture_end_the_run(tmp_path: Path, work: Work) -> None:
    paths = sorted(folder_of(tmp_path, 1).glob("**/*.png"))

    with pytest.raises(DeviceUnready, match=r"3 in a row died while they opened the network.*by SIGKILL"):
        list(LocalExecutor(1, serve=die_at_once).run(_units(paths, 1), work))

    assert _children() == set()


def test_what_a_worker_cannot_open_is_told_by_the_driver(tmp_path: Path, work: Work) -> None:
    paths = sorted(folder_of(tmp_path, 1).glob("**/*.png"))
    other = replace(work, bundle_sha256="0" * 64)

    with pytest.raises(IntegrityFailed, match="put the same bundle at this path on every machine"):
        list(LocalExecutor(1).run(_units(paths, 1), other))


def test_a_caller_who_stops_ends_the_processes(tmp_path: Path, work: Work) -> None:
    paths = sorted(folder_of(tmp_path, 6).glob("**/*.png"))
    running = LocalExecutor(1).run(_units(paths, 1), work)
    next(running)
    assert len(_children()) == 1

    running.close()

    assert _children() == set()
