"""How fast skinseg-batch is on this machine, whether it keeps every row whatever dies, and how much memory it takes.

    python benchmarks/batch.py rates BUNDLE                      one process against one a core, 12-megapixel photos
    python benchmarks/batch.py rows BUNDLE [--executor ray]      5,000 pictures: rows compared, killed, resumed
    python benchmarks/batch.py memory BUNDLE                     the largest resident size of driver and workers

Where the machine is shared, the clock's ratio is below what an idle one gives; so two figures stand beside it which the
load of others does not change: the processor time that driver and workers take for a picture, and how many workers
"work": ran or stood ready to run, on average, instead of waiting for the driver. An idle machine's rate is the second
divided by the first.
"""

import argparse
import datetime
import multiprocessing
import os
import platform
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.batch_pictures import large_photos, small_pictures
from benchmarks.lines import say, word
from skinseg_runtime.batch import LocalExecutor, run_batch, source_from_text, work_for
from skinseg_runtime.usable_cores import usable_cores

GOAL = 0.9  # of cores x one process
_WORKERS = {"local": "multiprocessing.spawn", "ray": "ray::"}  # in a worker's command line


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Measure skinseg-batch.")
    parser.add_argument("what", choices=("rates", "rows", "memory"))
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--count", type=int, help="Pictures. Default: 48 for rates, 5000 for rows.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--executor", choices=tuple(_WORKERS), default="local", help="What rows compares with local.")
    arguments = parser.parse_args()
    say(
        f"{arguments.bundle.name}, {datetime.date.today()}, {platform.machine()} {platform.system()}, "
        f"{usable_cores()} cores, load {os.getloadavg()[0]:.1f}\n"
    )
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.what == "rates":
            rates(arguments.bundle, arguments.count or 48, arguments.rounds, Path(scratch))
        elif arguments.what == "rows":
            rows(arguments.bundle, arguments.count or 5000, arguments.executor, Path(scratch))
        else:
            memory(arguments.bundle, Path(scratch))


# --- rates ------------------------------------------------------------------------------------------------------------


def rates(bundle: Path, count: int, rounds: int, scratch: Path) -> None:
    """Print pictures a second, and processor time a picture, of one process and of one for each core."""
    cores = usable_cores()
    photos, few = large_photos(scratch / "photos", count), large_photos(scratch / "few", 2 * cores)
    taken: dict[int, list[tuple[float, float, float]]] = {1: [], cores: []}
    for _ in range(rounds):
        for processes in taken:
            # What a start takes is in both, so the difference is what pictures take.
            _, start_s, _ = timed(bundle, few, scratch / "out", processes)
            rate, whole_s, at_work = timed(bundle, photos, scratch / "out", processes)
            taken[processes].append((rate, (whole_s - start_s) / (count - 2 * cores), at_work))
    say("| processes | pictures/s, best | processor ms a picture, least | workers that work |\n|---|---|---|---|")
    best, least, middle = {}, {}, {}
    for processes, figures in taken.items():
        rates_, busy, at_work_ = zip(*figures, strict=True)
        best[processes], least[processes], middle[processes] = max(rates_), min(busy), statistics.median(at_work_)
        say(f"| {processes} | {best[processes]:.2f} | {least[processes] * 1000:.0f} | {middle[processes]:.2f} |")
    gain = best[cores] / best[1]
    by_time = (middle[cores] / least[cores]) / (middle[1] / least[1]) / cores
    by_clock = gain / cores
    say(f"\nby the clock {gain:.2f} x one process, {by_clock:.2f} x cores (goal {GOAL}): {word(by_clock >= GOAL)}")
    say(f"by processor time and work {by_time:.2f} x cores (goal {GOAL}): {word(by_time >= GOAL)}")


def timed(bundle: Path, photos: Path, output: Path, processes: int) -> tuple[float, float, float]:
    """Return pictures a second once every process has given its first unit, all processor seconds, workers at work."""
    steps: list[tuple[float, float]] = []
    busy = _processor_s()
    work = work_for(bundle, engine="onnxruntime")
    run_batch(
        source_from_text(str(photos)),
        output,
        work,
        LocalExecutor(processes),
        unit_pictures=2,
        open_bar=lambda _: nullcontext(lambda: steps.append((time.perf_counter(), _workers_s()))),
    )
    shutil.rmtree(output)
    # While every worker has a unit: not the last ones, which end apart.
    first, last = 2 * processes, len(steps) - 2 * processes
    if last <= first:
        return 0.0, _processor_s() - busy, 0.0
    (begun, ready_before), (ended, ready_after) = steps[first - 1], steps[last - 1]
    seconds = ended - begun
    return (last - first) / seconds, _processor_s() - busy, (ready_after - ready_before) / seconds


def _workers_s() -> float:
    """Return the seconds that the workers ran or stood ready to run, as Linux's scheduler counts them."""
    fields = []
    for child in multiprocessing.active_children():
        for path in Path(f"/proc/{child.pid}/task").glob("*/schedstat"):
            fields.append(path.read_text(encoding="ascii").split())
    return sum(int(ran) + int(waited) for ran, waited, _ in fields) / 1e9


def _processor_s() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


# --- rows -------------------------------------------------------------------------------------------------------------


def rows(bundle: Path, count: int, executor: str, scratch: Path) -> None:
    """Compare the rows and masks of a run that is left alone with those of one whose worker and driver are killed."""
    photos = small_pictures(scratch / "photos", count)
    whole, killed = scratch / "whole", scratch / "killed"
    started = time.perf_counter()
    finish(command(photos, bundle, whole, "local"))
    say(f"local, left alone: {count} pictures in {time.perf_counter() - started:.0f} s")
    driver = subprocess.Popen(command(photos, bundle, killed, executor), start_new_session=True)
    kill_in_the_middle(driver, killed, executor, count)
    done = len(names(killed))
    finish(command(photos, bundle, killed, executor))
    compare(whole, killed, count, f"{executor}, a worker killed, the driver killed after {done} rows, started again")


def kill_in_the_middle(driver: "subprocess.Popen[bytes]", output: Path, executor: str, count: int) -> None:
    """Kill a worker when a quarter is done, and the driver when half is."""
    wait_until(driver, lambda: len(names(output)) >= count // 4)
    worker = next(pid for pid, line in processes_of(driver.pid) if _WORKERS[executor] in line)
    os.kill(worker, signal.SIGKILL)
    wait_until(driver, lambda: len(names(output)) >= count // 2)
    driver.kill()
    driver.wait()
    wait_until(None, lambda: not [line for _, line in processes_of(driver.pid) if _WORKERS[executor] in line])


def compare(whole: Path, other: Path, count: int, what: str) -> None:
    """Print whether two runs have the same rows and masks, one a picture."""
    tables = [pq.read_table(folder / "pictures").sort_by("name") for folder in (whole, other)]
    unique = [len(set(table.column("name").to_pylist())) for table in tables]
    is_same = tables[0].equals(tables[1])
    masks = [_masks(folder) for folder in (whole, other)]
    is_once = unique[1] == tables[1].num_rows == count
    say(f"{what}:")
    say(f"- rows {tables[1].num_rows}, names {unique[1]}, expected {count}: {word(is_once)}")
    say(f"- rows equal those of local, left alone: {word(is_same)}")
    say(f"- masks equal, bit for bit ({len(masks[1])}): {word(masks[0] == masks[1] and len(masks[1]) == count)}")


def _masks(output: Path) -> dict[Path, bytes]:
    return {path.relative_to(output): path.read_bytes() for path in output.rglob("*.mask.png")}


def names(output: Path) -> set[str]:
    """Return the pictures that have a row on the disk."""
    found: set[str] = set()
    for part in (output / "pictures").glob("*.parquet"):
        try:
            found |= set(pq.read_table(part, columns=["name"]).column("name").to_pylist())
        except FileNotFoundError:  # merged meanwhile
            continue
    return found


# --- memory -----------------------------------------------------------------------------------------------------------


def memory(bundle: Path, scratch: Path) -> None:
    """Print the largest resident size of the driver and of a worker for archives of several sizes."""
    say("| pictures | driver, MiB | a worker, MiB |\n|---|---|---|")
    sizes = []
    for count in (500, 2000, 8000):
        photos = small_pictures(scratch / str(count), count, distinct=50, side=96)
        line = command(photos, bundle, scratch / f"out-{count}", "local")
        driver = subprocess.Popen(line, start_new_session=True, stdout=subprocess.DEVNULL)
        peaks: dict[int, int] = {}
        while driver.poll() is None:
            workers = [pid for pid, line in processes_of(driver.pid) if "spawn_main" in line]
            for pid in (driver.pid, *workers):
                peaks[pid] = max(peaks.get(pid, 0), peak_kib(pid))
            time.sleep(0.05)
        own = peaks.pop(driver.pid) / 1024
        sizes.append(own)
        say(f"| {count} | {own:.0f} | {max(peaks.values()) / 1024:.0f} |")
        shutil.rmtree(photos)
    say(f"\nthe driver grows by {sizes[-1] - sizes[0]:.0f} MiB for 7,500 pictures more")


def peak_kib(pid: int) -> int:
    """Return the largest resident size of a process, KiB; 0 if it has gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


# --- processes --------------------------------------------------------------------------------------------------------


def command(photos: Path, bundle: Path, output: Path, executor: str) -> list[str]:
    """Return the command line of a run."""
    options = ["--executor", executor, "--engine", "onnxruntime", "-q"]
    return [sys.executable, "-m", "skinseg_runtime.batch", str(photos), str(bundle), "-o", str(output), *options]


def finish(line: Sequence[str]) -> None:
    """Run a command to its end."""
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL)


def processes_of(session: int) -> list[tuple[int, str]]:
    """Return the living processes of a session, by number, with their command lines."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append((int(folder.name), line))
    return found


def wait_until(driver: "subprocess.Popen[bytes] | None", holds: Callable[[], bool]) -> None:
    """Look ten times a second; ends the benchmark if the driver ends first."""
    while not holds():
        if driver is not None and driver.poll() is not None:
            sys.exit(f"the driver ended with {driver.returncode} before it was killed; take more pictures")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
