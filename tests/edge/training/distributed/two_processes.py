"""What is started twice, with the environment of torchrun: python two_processes.py DATA RUNS."""

import contextlib
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

from skinseg_edge.errors import SkinsegError
from skinseg_edge.training import cli
from skinseg_edge.training import processes as of_several
from skinseg_edge.training.processes import Processes, joined
from tests.edge.training.distributed.jobs import trained


def main() -> None:
    data, runs = Path(sys.argv[1]), Path(sys.argv[2])
    with joined() as processes:
        for name in ("normed", "taught", "quantized", "in parts"):
            trained(name, data, runs / "two", processes=processes)
        trained("normed", data, runs / "one, then two", processes=processes)
        trained("normed", data, runs / "two, then one", epochs=2, processes=processes)
        told = {
            "drifting": refused(lambda: trained("drifting", data, runs / "two", processes=processes)),
            "damaged": refused(lambda: trained("normed", runs / "damaged", runs / "never", processes=processes)),
            "different": refused(lambda: elsewhere(data, runs, processes)),
            "full": refused(lambda: processes.first(lambda: no_room(processes))),
        }
        said = {
            "nowhere": said_of(processes, data if processes.is_first else runs / "nowhere", runs / "lacking"),
            "full": said_of(processes, data, Path("/dev/full/run")),
        }
        (runs / f"said-{processes.rank}.json").write_text(json.dumps(said))
        (runs / f"told-{processes.rank}.json").write_text(json.dumps(told))


def elsewhere(data: Path, runs: Path, processes: Processes) -> None:
    trained("normed", data if processes.is_first else runs / "fewer", runs / "different", processes=processes)


def said_of(processes: Processes, data: Path, run: Path) -> str:
    """Return what skinseg-train says to its user, in the processes that are there."""
    of_several.joined = lambda **_: contextlib.nullcontext(processes)  # type: ignore[assignment]  # once, for good
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.suppress(SystemExit):
        cli.main.main(["--network", "scsonet", "--data", str(data), "-o", str(run)], standalone_mode=False)
    return said.getvalue()


def no_room(processes: Processes) -> None:
    raise OSError(28, f"no space left for process {processes.rank}")


def refused(function: Callable[[], object]) -> str:
    try:
        function()
    except (SkinsegError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


if __name__ == "__main__":
    main()
