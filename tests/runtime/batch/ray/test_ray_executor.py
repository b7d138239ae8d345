"""Real Ray on this machine: the rows are those of one process, whatever dies."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from skinseg_edge.errors import DeviceUnready, ToolMissing
from skinseg_runtime.batch.cli import main as skinseg_batch
from skinseg_runtime.batch.core import unit_done
from skinseg_runtime.batch.executors.attempts import WORKER_DIED
from skinseg_runtime.batch.executors.ray_data import RayExecutor
from skinseg_runtime.batch.items import FilePlace, Item
from skinseg_runtime.batch.opening import open_segmenter, work_for
from skinseg_runtime.batch.units import Finished, Unit, UnitDone
from skinseg_runtime.batch.work import Work
from tests.fresh_interpreter import run_python
from tests.runtime.batch.archives import picture
from tests.runtime.calling import call
from tests.runtime.tiny_bundle import write_bundle

_KILLERS = Path(__file__).parent / "killers"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ray")


@pytest.fixture(scope="module")
def work(folder: Path) -> Work:
    return work_for(write_bundle(folder / "tiny.skinseg"), engine="onnxruntime")


@pytest.fixture(scope="module")
def executor(folder: Path) -> Iterator[RayExecutor]:
    """One Ray for the module, of one core; its workers die at pictures that are named so."""
    with pytest.MonkeyPatch.context() as patch, RayExecutor(processes=1) as ray:
        patch.syspath_prepend(_KILLERS)
        patch.setenv("KILLERS_MARKS", str(folder))
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", "ab" * 32)
        yield ray


def item(folder: Path, seed: int, name: str) -> Item:
    path = folder / f"{seed}.png"
    path.write_bytes(picture(seed))
    return Item(name, FilePlace(str(path)))


def units_of(items: Sequence[Item], known: dict[str, str] | None = None, *, size: int = 3) -> list[Unit]:
    parts = [tuple(items[first : first + size]) for first in range(0, len(items), size)]
    return [Unit(at, part, tuple((known or {}).get(one.name) for one in part)) for at, part in enumerate(parts)]


def by_one_process(units: Sequence[Unit], work: Work) -> dict[int, UnitDone]:
    with open_segmenter(work) as segmenter:
        return {unit.number: unit_done(segmenter, unit, work) for unit in units}


def by_number(done: Sequence[UnitDone]) -> dict[int, UnitDone]:
    found = {one.number: one for one in done}
    assert len(found) == len(done)  # each unit once
    return found


def rows(done: dict[int, UnitDone]) -> dict[str, Finished]:
    return {one.name: one for unit in done.values() for one in unit.made}


def test_rows_and_masks_are_those_of_one_process(executor: RayExecutor, folder: Path, work: Work) -> None:
    (folder / "broken.png").write_bytes(b"\x89PNG no picture")
    items = [item(folder, seed, f"{seed}.png") for seed in range(9)]
    items += [Item("broken.png", FilePlace(str(folder / "broken.png"))), Item("gone.png", FilePlace("/not/there.png"))]
    alone = by_one_process(units_of(items), work)
    known = {name: row.sha256 for name, row in rows(alone).items() if row.sha256 and name in ("0.png", "4.png")}

    units = units_of(items, known)
    done = by_number(list(executor.run(units, work)))

    assert done == by_one_process(units, work)
    assert sum(one.taken_over for one in done.values()) == 2
    assert rows(done)["gone.png"].row["error_kind"] == "FileMissing"


@pytest.mark.slow
def test_dead_workers_cost_nothing_and_a_picture_that_kills_each_gets_a_row(
    executor: RayExecutor, folder: Path, work: Work
) -> None:
    names = [f"{seed}.png" for seed in range(12)]
    names[1], names[9] = "kills-decoder-once.png", "kills-engine.png"
    units = units_of([item(folder, seed, name) for seed, name in enumerate(names)])

    done = by_number(list(executor.run(units, work)))

    alone, found = rows(by_one_process(units, work)), rows(done)
    dead = {name for name, row in found.items() if row.row["error_kind"] == WORKER_DIED}
    assert dead == {"kills-engine.png"}
    assert all((folder / name).exists() for name in (names[1], names[9]))  # each was the end of a process
    assert {name: row for name, row in found.items() if name not in dead} == {
        name: row for name, row in alone.items() if name not in dead
    }
    assert "try it alone with skinseg-run" in str(found["kills-engine.png"].row["error_message"])


def test_the_command_of_the_page_runs_and_a_cluster_s_differs_by_the_address(
    executor: RayExecutor, work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).resolve().parents[4] / "docs" / "batch_cluster.md").read_text(encoding="utf-8")
    here = re.search(r"<!-- tested -->\n```console\n\$ skinseg-batch (.*)\n```", page)
    assert here is not None
    assert "--executor ray --address 10.0.0.1:6379" in page
    shutil.copytree(work.bundle, tmp_path / "lesion.skinseg")
    for seed in range(3):
        item(tmp_path, seed, "")
    (tmp_path / "photos").mkdir()
    for photo in tmp_path.glob("*.png"):
        photo.rename(tmp_path / "photos" / photo.name)
    monkeypatch.chdir(tmp_path)

    # To the module's Ray, for another would take seconds to start.
    result = call(skinseg_batch, *shlex.split(here[1]), "--address", str(executor.address))

    assert result.exit_code == 0, result.stderr
    assert [row["error_kind"] for row in pq.read_table("out/pictures").to_pylist()] == [None] * 3
    assert len(list(Path("out/masks").glob("*.mask.png"))) == 3


def test_an_engine_that_needs_a_gpu_is_refused_where_there_is_none(
    executor: RayExecutor, folder: Path, work: Work
) -> None:
    with pytest.raises(ToolMissing, match="an engine needs 1 GPU, the cluster has 0"):
        list(executor.run(units_of([item(folder, 0, "0.png")]), replace(work, engine="trt")))


def test_a_driver_that_is_killed_is_told_and_the_cluster_goes_on(
    executor: RayExecutor, folder: Path, work: Work
) -> None:
    units = units_of([item(folder, seed, f"{seed}.png") for seed in range(6)])
    run = RayExecutor(executor.address).run(iter(units), work)
    next(run)

    os.kill(drivers()[-1], signal.SIGKILL)
    with pytest.raises(DeviceUnready, match="start the same command again, which goes on"):
        list(run)
    assert len(drivers()) == 1  # the next test runs on the cluster


def test_a_run_that_is_stopped_ends_the_ray_that_it_started(executor: RayExecutor, folder: Path, work: Work) -> None:
    run = executor.run(units_of([item(folder, seed, f"{seed}.png") for seed in range(6)]), work)
    next(run)
    assert executor.address is not None
    host, port = executor.address.split(":")

    run.close()

    assert drivers() == []
    with pytest.raises(ConnectionError):
        socket.create_connection((host, int(port)), timeout=5)


def drivers() -> list[int]:
    """The processes that speak to Ray for this one, the oldest first."""
    columns = ["-o", "pid=", "-o", "ppid=", "-o", "args="]
    listed = subprocess.run(["ps", "-A", "-ww", *columns], capture_output=True, text=True, check=True).stdout
    found = [line.split(None, 2) for line in listed.splitlines()]
    return sorted(int(pid) for pid, parent, what in found if int(parent) == os.getpid() and "ray_driver" in what)


def test_without_ray_the_package_is_named() -> None:
    code = "from skinseg_runtime.batch.executors.ray_data import RayExecutor\nRayExecutor()"
    ended = run_python(code, barred=["ray"])
    assert "No module named 'ray'" in ended.stderr
