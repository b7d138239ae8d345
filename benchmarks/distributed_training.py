"""How fast several processes train: one process with one thread, one with two, and two by torchrun with one each.

    python benchmarks/distributed_training.py

Drawn lesions, no reading beside it (`workers` 0), epochs of 2 batches of 16 at 128 px; of each way the best epoch after
the first counts, and the ways take turns, so that what else the machine does falls on all. Processor time is that of
all processes and threads together: what sharing costs, also where the machine is busy.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

_EPOCHS, _BATCHES, _BATCH, _SIDE, _ROUNDS = 3, 2, 16, 128, 3
_NETWORKS = ("scsonet", "hhbsnet")
_WAYS = {"1 process, 1 thread": (1, 1), "1 process, 2 threads": (1, 2), "2 processes, 1 thread each": (2, 1)}
_ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Print the table; with arguments, be one of the processes that are measured."""
    if len(sys.argv) > 1:
        _work(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
        return
    print(
        "| network | way | ms a picture | times one thread | processor ms a picture |\n| :-- | :-- | --: | --: | --: |"
    )
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        _draw(data)
        for network in _NETWORKS:
            measured = _measured(network, data, Path(folder))
            alone = measured["1 process, 1 thread"][0]
            for way, (clock, processor) in measured.items():
                each = [1000 * seconds / (_BATCHES * _BATCH) for seconds in (clock, processor)]
                print(f"| {network} | {way} | {each[0]:.0f} | {alone / clock:.2f} | {each[1]:.0f} |", flush=True)


def _draw(data: Path) -> None:
    from skinseg_edge.datasets.synthetic_lesions import draw
    from skinseg_edge.image_io import write_png

    names = [f"lesion{i:03}" for i in range(_BATCHES * _BATCH + 2)]
    for i, name in enumerate(names):
        lesion = draw(i, (_SIDE, _SIDE))
        write_png(data / "images" / f"{name}.png", lesion.photo)
        write_png(data / "masks" / f"{name}.png", lesion.mask)
    (data / "train.txt").write_text("\n".join(names[:-2]))
    (data / "validation.txt").write_text("\n".join(names[-2:]))


def _measured(network: str, data: Path, folder: Path) -> dict[str, tuple[float, float]]:
    """Return the best epoch of each way: seconds by the clock, and of processors."""
    best = dict.fromkeys(_WAYS, (float("inf"), float("inf")))
    for number in range(_ROUNDS):
        for way, (processes, threads) in _WAYS.items():
            run = folder / f"{network}-{number}-{processes}-{threads}"
            _start(processes, threads, network, data, run)
            clocks, processors = json.loads((run / "seconds.json").read_text())
            best[way] = min(best[way][0], *clocks[1:]), min(best[way][1], *processors)
    return best


def _start(processes: int, threads: int, network: str, data: Path, run: Path) -> None:
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    subprocess.run(
        [sys.executable, *(torchrun if processes > 1 else []), __file__, network, data, run],
        env={**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(_ROOT)},
        check=True,
        stderr=subprocess.DEVNULL,
    )


def _work(network: str, data: Path, run: Path) -> None:
    import torch

    from skinseg_edge.training.augmentation import PHONE
    from skinseg_edge.training.lists import chosen_pairs
    from skinseg_edge.training.processes import joined
    from skinseg_edge.training.recipes import Stage, recipe
    from skinseg_edge.training.run_folder import RunFolder
    from skinseg_edge.training.trainer import Trainer, TrainingJob

    train, validation = chosen_pairs(data)
    short = replace(recipe(network, "best"), stages=(Stage(_SIDE, _EPOCHS, PHONE),), batch=_BATCH)
    times: list[float] = []
    with joined() as processes:
        job = TrainingJob(
            network=network, recipe=short, train=train, validation=validation, workers=0, lanes=processes.count
        )
        trainer = Trainer(job, RunFolder(run), report=lambda _: times.append(time.process_time()), processes=processes)
        trainer.fit()
        used = processes.sum(torch.tensor(times, dtype=torch.float64).diff())
        if processes.is_first:
            clocks = [record.seconds for record in trainer.records]
            (run / "seconds.json").write_text(json.dumps([clocks, used.tolist()]))


if __name__ == "__main__":
    main()
