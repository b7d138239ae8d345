"""Let a forked process compute answers while this one does what keeps a single core busy.

Torch's exporter goes through a network in Python, on one core, and patches torch meanwhile, so that a thread beside it
would be recorded with it. A fork has the network as it stood, and shares its memory.
"""

import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

import torch

from skinseg_runtime.usable_cores import usable_cores

__all__ = ["forked_answers"]

_PATIENCE_S = 300.0  # for what is still missing when the block is through; nobody shall wait for ever
_YIELDS = 5  # niceness: whoever waits for the block goes first

_Question = TypeVar("_Question")
_Answer = TypeVar("_Answer")


@contextmanager
def forked_answers(
    answer: Callable[[_Question], _Answer], questions: Sequence[_Question]
) -> Iterator[Callable[[], Sequence[_Answer]]]:
    """Let a fork give *answer* for each of *questions* while the block runs; the fork ends with the block.

    What the block gets waits for the answers and returns them in order: all of them, or none where there is no fork
    (another system than Linux, a single core, no memory for it), where it ended by an error or does not come back.
    Whoever asks then computes them itself, and meets the error.
    """
    if not questions or not _can_fork():
        yield lambda: ()
        return
    ours, theirs = multiprocessing.Pipe(duplex=False)
    fork = multiprocessing.get_context("fork").Process(target=_serve, args=(answer, questions, theirs), daemon=True)
    is_there = _started(fork)
    theirs.close()
    try:
        yield (lambda: _received(ours)) if is_there else lambda: ()
    finally:
        if is_there:
            fork.kill()
            fork.join()
        fork.close()
        ours.close()


def _can_fork() -> bool:
    # A worker of a pool may have no children; Python stops it with an AssertionError.
    is_worker = multiprocessing.current_process().daemon
    return sys.platform.startswith("linux") and usable_cores() > 1 and not is_worker


def _started(fork: BaseProcess) -> bool:
    with warnings.catch_warnings():
        # Python warns of forks beside threads, whose locks nobody opens in the fork; it touches none of theirs.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            fork.start()
        except OSError:  # no memory, or no process more
            return False
    return True


def _serve(answer: Callable[[_Question], object], questions: Sequence[_Question], connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # without a traceback: this process is nobody's to read about
    os.nice(_YIELDS)
    # Torch's threads do not come along into a fork; its own data loader does the same.
    torch.set_num_threads(1)
    try:
        answers = [answer(question) for question in questions]
    except Exception:  # noqa: BLE001  # whatever a network may raise: the other process will, too, and tells it
        return
    connection.send(answers)


def _received(connection: Connection) -> Sequence[Any]:
    try:
        if connection.poll(_PATIENCE_S):
            answers: Sequence[Any] = connection.recv()
            return answers
    except (EOFError, OSError):  # it ended without an answer
        pass
    return ()
