"""What a process is told by its environment, and what it is refused; two true ones are in `distributed`."""

import os
import pickle
import signal
import socket
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import distributed as dist
from torch import nn

from skinseg_edge.errors import InputError, ProcessLost, ToolMissing
from skinseg_edge.training.processes import ALONE, Processes, is_shared, joined, rank_told, telling_the_lost
from skinseg_edge.training.synchronized_norm import SynchronizedBatchNorm
from skinseg_edge.training.whole_batch import BatchRows, see_whole_batches

CPU = torch.device("cpu")


def test_without_torchrun_a_process_is_alone_and_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "3")  # of something else: the other three are missing
    assert rank_told() == 0
    with joined() as processes:
        assert processes == ALONE
        assert processes.first(lambda: 4) == processes.together(lambda: 4) == 4
        assert processes.bytes_of_first(lambda: b"state") == b"state"
        assert processes.sum(torch.ones(2)).tolist() == processes.largest(torch.ones(2)).tolist() == [1, 1]


_TORCHRUN = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("MASTER_ADDR", None, "no MASTER_ADDR"),
        ("RANK", None, "no RANK"),
        ("RANK", "", "no RANK"),
        ("RANK", "first", "RANK='first'"),
        ("RANK", "2", "RANK='2'"),
        ("WORLD_SIZE", "two", "WORLD_SIZE='two'"),
        ("MASTER_PORT", "http", "MASTER_PORT='http'"),
        ("MASTER_PORT", "99999", "MASTER_PORT='99999'"),
    ],
)
def test_one_of_several_that_is_half_told_so_does_not_train_alone(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str | None, words: str
) -> None:
    for each, told in {**_TORCHRUN, name: value}.items():
        if told is None:
            monkeypatch.delenv(each, raising=False)
        else:
            monkeypatch.setenv(each, told)
    for ask in (rank_told, joined().__enter__):
        with pytest.raises(InputError, match=f"the environment has .*{words}.*; start them by torchrun, or unset"):
            ask()


def test_ctrl_c_ends_the_wait_for_processes_that_do_not_come() -> None:
    code = (
        "from skinseg_edge.training import processes\n"
        "processes._SOON_S = 0.1\n"
        "with processes.joined(when_waiting=lambda told: print(told, flush=True)): pass\n"
    )
    with socket.create_server(("localhost", 0)) as free:
        told = {**os.environ, **_TORCHRUN, "MASTER_PORT": str(free.getsockname()[1])}
    waiting = subprocess.Popen(
        [sys.executable, "-c", code], env=told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert waiting.stdout is not None
    try:
        assert "waiting for the other processes: WORLD_SIZE says 2" in waiting.stdout.readline()
        waiting.send_signal(signal.SIGINT)
        assert waiting.communicate(timeout=30)[1].endswith("KeyboardInterrupt\n")
    finally:
        waiting.kill()


class _StaysAtHome(Exception):  # as somebody else might name it
    def __init__(self, *, why: str) -> None:
        super().__init__(why)


def test_an_error_that_cannot_travel_goes_to_the_others_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def spread(told: list[Any], own: Any = None, **_: object) -> None:
        told[:] = pickle.loads(pickle.dumps(told if own is None else [own, None]))  # noqa: S301  # as torch does

    def fail() -> None:
        raise _StaysAtHome(why="no room")

    monkeypatch.setattr(dist, "broadcast_object_list", spread)
    monkeypatch.setattr(dist, "all_gather_object", spread)
    for how in (Processes(0, 2).first, Processes(0, 2).together):
        with pytest.raises(_StaysAtHome, match="no room") as raised:
            how(fail)
        assert is_shared(raised.value)


def test_torchrun_with_one_process_is_as_without(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("RANK", "0"), ("WORLD_SIZE", "1"), ("MASTER_ADDR", "localhost"), ("MASTER_PORT", "1")):
        monkeypatch.setenv(name, value)
    with joined() as processes:
        assert processes == ALONE


@pytest.mark.parametrize("name", ["cuda:1", "mps", "gpu"])
def test_a_device_that_processes_cannot_share_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"'{name}' in 2 processes: each takes a GPU of its own; use --device auto"):
        Processes(1, 2, 1).device(name)


def test_more_processes_than_gpus_are_refused_by_both_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda _: None)
    assert Processes(1, 4, 1).device("auto") == "cuda:1"
    with pytest.raises(ToolMissing, match="process 3 of this machine: it has 2 GPUs; start as many"):
        Processes(2, 4, 2).device("auto")


def test_only_errors_of_the_connection_are_told_as_a_lost_process() -> None:
    with pytest.raises(RuntimeError, match="shapes differ"), telling_the_lost():
        raise RuntimeError("shapes differ")
    with (
        pytest.raises(ProcessLost, match=r"did not answer \(Connection closed by peer\); see its message"),
        telling_the_lost(),
    ):
        raise RuntimeError("[/src/gloo/tcp/pair.cc:5] Connection closed by peer. This is typically caused by a crash.")


def test_layers_that_look_at_a_batch_are_replaced_under_all_their_names_and_keep_their_weights() -> None:
    norm = nn.BatchNorm2d(4)
    network = nn.ModuleDict({"first": nn.Sequential(norm, nn.Dropout2d(0.5)), "again": norm})
    before = dict(network.state_dict())
    see_whole_batches(network, Processes(0, 2), CPU, BatchRows())
    replaced = network["again"]
    assert isinstance(replaced, SynchronizedBatchNorm)
    assert network.get_submodule("first.0") is replaced
    assert list(network.state_dict()) == list(before)
    assert all(
        tensor is network.state_dict()[name] or torch.equal(tensor, network.state_dict()[name])
        for name, tensor in before.items()
    )


def test_a_normalisation_of_an_unknown_kind_is_refused_by_name() -> None:
    class Own(nn.BatchNorm2d):
        pass

    with pytest.raises(InputError, match=r"in 2 processes: the layer 0 is a Own, whose batch statistics"):
        see_whole_batches(nn.Sequential(Own(4)), Processes(0, 2), CPU, BatchRows())


@pytest.mark.parametrize(("layer", "whole"), [(nn.Dropout(0.4), 0), (nn.Dropout2d(0.4), 2)])
def test_what_is_dropped_of_a_picture_hangs_on_its_row_alone(layer: nn.Module, whole: int) -> None:
    drawn = []
    for rows in ([0, 1, 2, 3], [1, 3]):
        seen = BatchRows()
        network = nn.Sequential(layer)
        see_whole_batches(network, ALONE, CPU, seen)
        seen.reseed(8)
        seen.see(rows, 4)
        drawn.append(network.train()(torch.ones(len(rows), 200, 3, 3)))
    assert torch.equal(drawn[0][[1, 3]], drawn[1])
    assert not torch.equal(drawn[0][0], drawn[0][1])
    assert 0.5 < float((drawn[0] > 0).float().mean()) < 0.7
    assert float(drawn[0].max()) == pytest.approx(1 / 0.6)
    if whole:
        assert torch.equal(drawn[0].amin((2, 3)), drawn[0].amax((2, 3)))  # whole channels
