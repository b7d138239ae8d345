"""The command of docs/training_on_many.md, cut off: a process killed, then all asked to end, then alone to the end."""

import json
import os
import re
import shlex
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

_PAGE = Path(__file__).parents[4] / "docs" / "training_on_many.md"
_STUCK = ["--network", "tiny-stuck", "--import", str(NETWORKS), "--epochs", "3", "--workers", "0", "--json"]


def _command_of_the_page(data: Path, run: Path) -> list[str]:
    """Return the tested line of the page after `torchrun`, for another network, folder and run."""
    (block,) = re.findall(r"^<!-- tested -->\n```console\n\$ (.*?)^```$", _PAGE.read_text("utf-8"), re.M | re.S)
    words = shlex.split(block.replace("\\\n", " "))
    assert words[0] == "torchrun"
    for option, other in (("--data", data), ("-o", run)):
        words[words.index(option) + 1] = str(other)
    return [*words[1:], *_STUCK]  # the last --network counts


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
    cut, at = tmp_path / "cut", tmp_path / "stuck"
    torchrun = started(*_command_of_the_page(tmp_path, cut), STUCK_AT=str(at))
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

    alone = [*_STUCK, "--data", str(tmp_path), "--device", "cpu"]
    for more in (["-o", str(cut)], ["-o", str(tmp_path / "whole"), "--shards", "2"]):
        outcome = CliRunner().invoke(main, [*alone, *more])
        assert outcome.exit_code == 0, outcome.output
    assert len(_losses(cut)) == 3
    assert _losses(cut) == pytest.approx(_losses(tmp_path / "whole"), rel=1e-5)
