"""What a million pictures cost with skinseg-batch: measured a picture and core here, and computed from that for nodes.

Measured, each in one process with one thread: the processor time of the three steps that every executor does
(`prepared`, `answered`, `finished`) for pictures of some sizes and each precision of the bundle, and what the driver
alone spends a picture: listing, the index, the table and the masks on the disk, with answers that are ready. Computed:
the hours that a million pictures take on nodes of so many cores, which the driver limits where it is slower than they.

    python benchmarks/batch_costs.py BUNDLE DATA [--precisions fp32,int8] [--cores 16] [--efficiency 0.9]

*DATA*: a folder with isic2018/images and full_size, as the tests use it.
"""

import argparse
import datetime
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from skinseg_runtime.batch.core import Answer, Prepared, answered, finished, prepared, segment_many
from skinseg_runtime.batch.driver import run_batch
from skinseg_runtime.batch.items import FilePlace, Item
from skinseg_runtime.batch.opening import open_segmenter, work_for
from skinseg_runtime.batch.units import Finished, Unit, UnitDone
from skinseg_runtime.batch.work import Work

MILLION = 1_000_000
NODES = (1, 10, 100)
SMALL = 40  # pictures of 512 px; of the large ones there are eight


@dataclass(frozen=True)
class Cost:
    """Processor ms a picture, by step, for pictures of one *kind* with *mb* megabytes each."""

    kind: str
    precision: str
    mb: float
    prepared_ms: float
    answered_ms: float
    finished_ms: float

    @property
    def whole_ms(self) -> float:
        """All three steps."""
        return self.prepared_ms + self.answered_ms + self.finished_ms

    @property
    def around_ms(self) -> float:
        """What is left to the cores where a GPU answers."""
        return self.prepared_ms + self.finished_ms


class ReadyAnswers:
    """An executor that has every row already, so that what is left is the driver's own work."""

    def __init__(self, made: Finished) -> None:
        """Answer each picture with *made* under its name."""
        self._made = made

    def run(self, units: Iterable[Unit], work: Work) -> Iterator[UnitDone]:
        """Yield each unit at once."""
        for unit in units:
            yield UnitDone(unit.number, tuple(replace(self._made, name=item.name) for item in unit.items), 0)


@dataclass(frozen=True)
class Names:
    """A source that is nothing but names."""

    number: int
    text: str = "names"

    def items(self) -> Iterator[Item]:
        """List them."""
        return (Item(f"{number // 1000:04}/{number:07}.jpg", FilePlace("/nowhere")) for number in range(self.number))

    def count(self) -> int | None:
        """Return how many there are."""
        return self.number


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Tell what a million pictures cost.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--precisions", default="fp32")
    parser.add_argument("--cores", type=int, default=16, help="of a node")
    parser.add_argument("--efficiency", type=float, default=0.9, help="what all cores reach of so many times one")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of which the quickest counts")
    parser.add_argument("--driver-pictures", type=int, default=4000)
    arguments = parser.parse_args()
    say(
        f"{datetime.date.today()}, {platform.machine()} {platform.system()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.0f}\n"
    )
    works = [
        work_for(arguments.bundle, engine="onnxruntime", precision=precision)
        for precision in arguments.precisions.split(",")
    ]
    costs = [cost for work in works for cost in costs_of(work, arguments.data, arguments.rounds)]
    print_costs(costs)
    drivers = [
        driver_ms(replace(works[0], masks=masks), arguments.data, arguments.driver_pictures) for masks in ("png", "rle")
    ]
    print_drivers(drivers)
    print_million(costs, drivers[1][0], arguments.cores, arguments.efficiency)


def pictures_in(data: Path) -> dict[str, list[bytes]]:
    """Read the pictures, by kind."""
    small = islice(sorted((data / "isic2018" / "images").glob("*.jpg")), SMALL)
    large = sorted((data / "full_size").glob("*.jpg"))
    return {
        "512 x 512": [path.read_bytes() for path in small],
        "0.8 to 12 MP": [path.read_bytes() for path in large],
    }


def costs_of(work: Work, data: Path, rounds: int) -> Iterator[Cost]:
    """Measure each kind of picture with the network of *work*."""
    with open_segmenter(work) as segmenter:
        for kind, pictures in pictures_in(data).items():
            measured = []
            for _ in range(rounds):
                begun = time.process_time()
                ready = [
                    as_prepared(prepared(one, str(at), None, work, segmenter.contract))
                    for at, one in enumerate(pictures)
                ]
                decoded = time.process_time()
                answers: list[Answer] = answered(segmenter, ready, work)
                asked = time.process_time()
                for one, answer in zip(ready, answers, strict=True):
                    finished(one, answer, work, segmenter.contract)
                measured.append((decoded - begun, asked - decoded, time.process_time() - asked))
            steps = [1000 * seconds / len(pictures) for seconds in min(measured, key=sum)]
            megabytes = sum(map(len, pictures)) / len(pictures) / 1e6
            yield Cost(kind, work.precision or "", megabytes, *steps)


def as_prepared(step: object) -> Prepared:
    """Return a picture that could be prepared; all of these can."""
    assert isinstance(step, Prepared), step
    return step


def driver_ms(work: Work, data: Path, number: int) -> tuple[float, float]:
    """Return the driver's ms a picture: of the processor, and by the clock, which waits for the disk."""
    picture = pictures_in(data)["512 x 512"][0]
    with open_segmenter(work) as segmenter:
        (made,) = segment_many(segmenter, [("picture", picture)], work)
    with tempfile.TemporaryDirectory() as folder:
        clock, processor = time.perf_counter(), time.process_time()
        run_batch(Names(number), Path(folder) / "out", work, ReadyAnswers(made))
        clock, processor = time.perf_counter() - clock, time.process_time() - processor
    return 1000 * processor / number, 1000 * clock / number


def print_costs(costs: Sequence[Cost]) -> None:
    """Print what was measured a picture."""
    say("| pictures | MB each | precision | read, decoded | network | mask, measures | whole | pictures/s a core |")
    say("|---|---:|---|---:|---:|---:|---:|---:|")
    for cost in costs:
        steps = f"{cost.prepared_ms:.1f} | {cost.answered_ms:.1f} | {cost.finished_ms:.1f} | {cost.whole_ms:.1f}"
        say(f"| {cost.kind} | {cost.mb:.2f} | {cost.precision} | {steps} | {1000 / cost.whole_ms:.1f} |")


def print_drivers(drivers: Sequence[tuple[float, float]]) -> None:
    """Print what was measured of the driver."""
    say("\n| masks | driver, ms a picture | by the clock, with the disk | pictures/s a core | hours for a million |")
    say("|---|---:|---:|---:|---:|")
    for masks, (processor, clock) in zip(("a PNG each", "run lengths in the table"), drivers, strict=True):
        hours = processor * MILLION / 1000 / 3600
        say(f"| {masks} | {processor:.2f} | {clock:.2f} | {1000 / processor:,.0f} | {hours:.2f} |")


def print_million(costs: Sequence[Cost], driver: float, cores: int, efficiency: float) -> None:
    """Print the hours of a million pictures, where a star marks what the driver limits; *driver*: ms a picture."""
    say(f"\nHours for 1,000,000 pictures, masks as run lengths; a node has {cores} cores, efficiency {efficiency}:\n")
    heads = " | ".join("1 node" if nodes == 1 else f"{nodes} nodes" for nodes in NODES)
    say(f"| pictures | network on | core-hours | TB to read | {heads} |")
    say("|---|---|---:|---:|" + "---:|" * len(NODES))
    for cost in costs:
        say(million_row(cost.kind, f"cores, {cost.precision}", cost.whole_ms, cost.mb, driver, cores, efficiency))
    for kind in dict.fromkeys(cost.kind for cost in costs):
        # The network's precision changes nothing around it.
        cost = min((cost for cost in costs if cost.kind == kind), key=lambda cost: cost.around_ms)
        say(million_row(kind, "a GPU that keeps up", cost.around_ms, cost.mb, driver, cores, efficiency))


def million_row(kind: str, network: str, ms: float, mb: float, driver: float, cores: int, efficiency: float) -> str:
    """Return a row: the slower of the cores and the driver counts."""
    hours = MILLION / 1000 / 3600
    core_hours = ms * hours / efficiency
    told = [max(core_hours / (nodes * cores), driver * hours) for nodes in NODES]
    stars = ["*" if driver * hours > core_hours / (nodes * cores) else "" for nodes in NODES]
    cells = " | ".join(f"{value:.2f}{star}" for value, star in zip(told, stars, strict=True))
    return f"| {kind} | {network} | {core_hours:.1f} | {mb * MILLION / 1e6:.2f} | {cells} |"


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
