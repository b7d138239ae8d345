"""A fork computes while the block runs; where it cannot, nobody waits and nobody is told."""

import errno
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from skinseg_export import forked_answers as module
from skinseg_export.forked_answers import forked_answers

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks are made on Linux alone")


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "usable_cores", lambda: 2)


def _large(question: int) -> NDArray[np.int64]:
    return np.full(100_000, question)  # more than a pipe holds


def test_answers_come_in_order_from_another_process() -> None:
    with forked_answers(lambda question: (question, os.getpid()), [3, 1, 2]) as answers:
        found = answers()

    assert [question for question, _ in found] == [3, 1, 2]
    assert {process for _, process in found}.isdisjoint({os.getpid()})


def test_the_fork_computes_while_the_block_does_something_else(tmp_path: Path) -> None:
    def left_behind(question: int) -> NDArray[np.int64]:
        (tmp_path / str(question)).touch()
        return _large(question)

    with forked_answers(left_behind, [1, 2]) as answers:
        while len(list(tmp_path.iterdir())) < 2:  # the test's own time limit ends it
            time.sleep(0.01)
        found = answers()

    assert [int(answer[-1]) for answer in found] == [1, 2]


def test_torch_computes_in_the_fork_behind_threads_of_its_own_here() -> None:
    weights = torch.randn(600, 600)
    expected = weights @ weights  # its threads are here now, and not in the fork
    threads = torch.get_num_threads()

    with forked_answers(lambda power: ((weights @ weights).numpy(), torch.get_num_threads()), [2]) as answers:
        ((found, threads_of_fork),) = answers()

    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-4)
    assert threads_of_fork == 1
    assert torch.get_num_threads() == threads


def test_an_error_in_the_fork_is_left_to_whoever_computes_then(capfd: pytest.CaptureFixture[str]) -> None:
    with forked_answers(lambda question: 1 // question, [1, 0]) as answers:
        assert answers() == ()

    assert capfd.readouterr() == ("", "")


def test_a_killed_fork_has_no_answers(capfd: pytest.CaptureFixture[str]) -> None:
    with forked_answers(lambda _: os.kill(os.getpid(), signal.SIGKILL), [1]) as answers:
        assert answers() == ()

    assert capfd.readouterr() == ("", "")


def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.05)

    with forked_answers(lambda _: time.sleep(3600), [1]) as answers:
        assert answers() == ()


def test_the_fork_ends_with_the_block_whatever_ends_it(tmp_path: Path) -> None:
    def tell_and_sleep(_: int) -> None:
        (tmp_path / "pid.part").write_text(str(os.getpid()))
        (tmp_path / "pid.part").rename(tmp_path / "pid")
        time.sleep(3600)

    def wait_and_stop() -> None:
        while not (tmp_path / "pid").exists():
            time.sleep(0.01)
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"), forked_answers(tell_and_sleep, [1]):
        wait_and_stop()

    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def _no_memory() -> int:
    raise OSError(errno.ENOMEM, "Cannot allocate memory")


@pytest.mark.parametrize("lacks", ["a second core", "Linux", "a question", "memory", "leave to have children"])
def test_without_use_or_means_there_is_no_fork(lacks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if lacks == "memory":
        monkeypatch.setattr(os, "fork", _no_memory)
    if lacks == "leave to have children":
        monkeypatch.setattr(multiprocessing, "current_process", lambda: SimpleNamespace(daemon=True))
    if lacks == "a second core":
        monkeypatch.setattr(module, "usable_cores", lambda: 1)
    if lacks == "Linux":
        monkeypatch.setattr(sys, "platform", "darwin")

    with forked_answers(_large, [] if lacks == "a question" else [1]) as answers:
        assert answers() == ()
