"""Whether skinseg-batch on Ray gives the local executor's rows, whatever of it is killed, and how much memory it takes.

    python benchmarks/batch_ray.py BUNDLE [--count 5000]

Three runs of one archive: local, left alone; Ray, left alone; Ray, of which a process that holds the network is killed
at a quarter, one that decodes or measures at three eighths, and the driver at half, and which is then started again.
Memory is the largest resident size of a process, in which Ray counts what it shares with others.
"""

import argparse
import datetime
import os
import platform
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.batch import command, compare, finish, names, peak_kib, processes_of, wait_until
from benchmarks.batch_pictures import small_pictures
from benchmarks.lines import say, word
from skinseg_runtime.usable_cores import usable_cores

_ENGINE, _DECODER = "ray::MapWorker", "ray::"
_IDLE_TOO = re.compile(r"ray::(MapBatches\((prepare|finish)\)|IDLE)")
_DRIVER = "executors.ray_driver"


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Measure skinseg-batch on Ray.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--count", type=int, default=5000)
    arguments = parser.parse_args()
    say(
        f"{arguments.bundle.name}, {datetime.date.today()}, {platform.machine()} {platform.system()}, "
        f"{usable_cores()} cores, load {os.getloadavg()[0]:.1f}\n"
    )
    with tempfile.TemporaryDirectory() as scratch:
        measure(arguments.bundle, arguments.count, Path(scratch))


def measure(bundle: Path, count: int, scratch: Path) -> None:
    """Print rows, times and memory."""
    photos = small_pictures(scratch / "photos", count)
    local, alone, killed = scratch / "local", scratch / "alone", scratch / "killed"
    say(f"local, left alone: {seconds(lambda: finish(command(photos, bundle, local, 'local'))):.0f} s")

    peaks: dict[str, int] = {}
    say(f"ray, left alone: {seconds(lambda: watched(command(photos, bundle, alone, 'ray'), peaks)):.0f} s")
    compare(local, alone, count, "ray, left alone")

    driver = subprocess.Popen(command(photos, bundle, killed, "ray"), start_new_session=True)
    kill_in_the_middle(driver, killed, count)
    done = len(names(killed))
    finish(command(photos, bundle, killed, "ray"))
    compare(local, killed, count, f"ray, an engine, a decoder, and at {done} rows the driver killed; started again")

    quarter: dict[str, int] = {}
    few = small_pictures(scratch / "few", count // 4)
    watched(command(few, bundle, scratch / "out-few", "ray"), quarter)
    tell_memory({count // 4: quarter, count: peaks})


def kill_in_the_middle(driver: "subprocess.Popen[bytes]", output: Path, count: int) -> None:
    """Kill what `main`'s file promises, and wait until nothing of that Ray is left."""
    wait_until(driver, lambda: len(names(output)) >= count // 4)
    session = session_of_ray(driver.pid)
    os.kill(next(pid for pid, line in processes_of(session) if line.startswith(_ENGINE)), signal.SIGKILL)
    wait_until(driver, lambda: len(names(output)) >= count * 3 // 8)
    os.kill(next(pid for pid, line in processes_of(session) if _IDLE_TOO.match(line)), signal.SIGKILL)
    wait_until(driver, lambda: len(names(output)) >= count // 2)
    driver.kill()
    driver.wait()
    left = seconds(lambda: wait_until(None, lambda: not processes_of(session)))
    say(f"Ray ended {left:.0f} s after its driver was killed")


def watched(line: list[str], peaks: dict[str, int]) -> None:
    """Run a command to its end and note the largest resident size, KiB, of each kind of its processes."""
    driver = subprocess.Popen(line, stdout=subprocess.DEVNULL, start_new_session=True)
    while driver.poll() is None:
        note(peaks, "driver", driver.pid)
        session = session_of_ray(driver.pid)
        for pid, what in processes_of(session) if session else []:
            note(peaks, kind_of(what), pid)
        time.sleep(0.3)
    if driver.returncode:
        raise SystemExit(f"{line} ended with {driver.returncode}")


def note(peaks: dict[str, int], kind: str, pid: int) -> None:
    """Keep the largest."""
    peaks[kind] = max(peaks.get(kind, 0), peak_kib(pid))


def kind_of(line: str) -> str:
    """Say what a process of Ray's is."""
    if line.startswith(_ENGINE):
        return "engine"
    if line.startswith(_DECODER):
        return "decoder" if _IDLE_TOO.match(line) else "Ray's own"
    return "Ray's driver" if _DRIVER in line else "Ray's own"


def session_of_ray(driver: int) -> int:
    """Return the session of the process that speaks to Ray for *driver*, which is its number; 0 if there is none."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == driver and _DRIVER.encode() in line:
            return int(folder.name)
    return 0


def tell_memory(found: dict[int, dict[str, int]]) -> None:
    """Print the peaks, and how the two processes grow that see every picture."""
    kinds = sorted(set().union(*found.values()))
    say(f"\n| largest resident size, MiB | {' | '.join(f'{count} pictures' for count in found)} |")
    say(f"|---|{'---|' * len(found)}")
    for kind in kinds:
        say(f"| {kind} | {' | '.join(f'{peaks.get(kind, 0) / 1024:.0f}' for peaks in found.values())} |")
    few, many = found.values()
    for kind in ("driver", "Ray's driver"):
        growth = (many[kind] - few[kind]) / 1024
        say(f"{kind} grows by {growth:.0f} MiB (goal: under 100): {word(growth < 100)}")


def seconds(work: Callable[[], None]) -> float:
    """Return how long *work* took by the clock."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
