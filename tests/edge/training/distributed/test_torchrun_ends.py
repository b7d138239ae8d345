"""The command by torchrun, cut off: one process killed, then all asked to end, then on alone to the end."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from skinseg_edge.training.cli import main
from tests.edge.training.distributed.drawn_data import draw_data
from tests.edge.training.distributed.jobs import NETWORKS
from tests.edge.training.distributed.torchrun import started


def _arguments(folder: Path, run: str) -> list[str]:
    named = ["--network", "tiny-stuck", "--import", str(NETWORKS), "--data", str(folder), "-o", str(folder / run)]
    return [*named, "--epochs", "3", "--workers", "0", "--device", "cpu", "--json"]


def _stuck(torchrun: "subprocess.Popen[str]", at: Path, before: int = 0) -> int:
    """Return the id of the process that waits in an epoch, as soon as one does; *before*: of the one that did."""
    deadline = time.monotonic() + 120
    while not (at.is_file() and at.read_text() not in ("", str(before))):
        assert torchrun.poll() is None, torchrun.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return int(at.read_text())


def _losses(run: Path) -> list[float]:
    return [float(line.split(",")[3]) for line in (run / "log.csv").read_text().splitlines()[1:]]


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_a_run_killed_restarted_and_ended_keeps_its_epochs_and_goes_on_alone_to_the_same_curve(tmp_path: Path) -> None:
    draw_data(tmp_path)
    arguments, cut, at = _arguments(tmp_path, "cut"), tmp_path / "cut", tmp_path / "stuck"
    torchrun = started("--max-restarts", "1", "-m", "skinseg_edge.training", *arguments, STUCK_AT=str(at))
    killed = _stuck(torchrun, at)
    assert len(_losses(cut)) == 1
    os.kill(killed, signal.SIGKILL)
    waiting = _stuck(torchrun, at, before=killed)  # torchrun has started both anew, and they have gone on
    assert len(_losses(cut)) == 2
    torchrun.send_signal(signal.SIGTERM)
    out, told = torchrun.communicate(timeout=120)
    assert torchrun.returncode != 0
    assert not _is_alive(waiting)
    assert len(_losses(cut)) == 2
    # The first process alone speaks, once before it was started anew and once after. Beside the dead one it ends by
    # itself or because torchrun, which has seen it too, asks for it.
    lost, ended = (json.loads(line)["error"]["kind"] for line in out.splitlines())
    assert lost in ("ProcessLost", "Interrupted"), told
    assert ended == "Interrupted", told

    whole = [*_arguments(tmp_path, "whole"), "--shards", "2"]
    for command in (arguments, whole):
        outcome = CliRunner().invoke(main, command)
        assert outcome.exit_code == 0, outcome.output
    assert len(_losses(cut)) == 3
    assert _losses(cut) == pytest.approx(_losses(tmp_path / "whole"), rel=1e-5)
