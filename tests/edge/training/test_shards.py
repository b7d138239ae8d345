"""Lanes: any number of processes sees the same batches, and each reads only its own pictures."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from skinseg_edge.errors import InputError
from skinseg_edge.training.augmentation import PHONE
from skinseg_edge.training.feed import LoadedPair, TrainingBatches
from skinseg_edge.training.recipes import recipe
from skinseg_edge.training.shards import MicroBatches, Share, epoch_order


def parts(count: int, batch: int, share: Share, *, accumulate: int = 1, epoch: int = 0) -> list[list[int]]:
    order = MicroBatches(count, batch=batch, accumulate=accumulate, share=share, seed=3)
    order.epoch = epoch
    return [[i for _, i in part] for part in order]


def test_one_lane_is_the_plain_shuffle_of_seed_and_epoch() -> None:
    generator = torch.Generator().manual_seed(3 * 1_000_003 + 5)
    assert epoch_order(20, 1, 3, 5) == torch.randperm(20, generator=generator).tolist()


@pytest.mark.parametrize("lanes", [1, 2, 3, 5])
def test_every_stretch_of_as_many_places_as_lanes_holds_one_picture_of_each(lanes: int) -> None:
    order = epoch_order(23, lanes, 0, 0)
    assert sorted(order) == list(range(23))
    for first in range(23 - lanes):
        assert {i % lanes for i in order[first : first + lanes]} == set(range(lanes))


def test_lanes_are_shuffled_apart_from_each_other_and_anew_in_each_epoch() -> None:
    orders = [epoch_order(40, 2, seed, epoch) for seed, epoch in ((0, 0), (0, 1), (1, 0))]
    for order in orders:
        assert [i // 2 for i in order[::2]] != [i // 2 for i in order[1::2]]
    assert orders[0] != orders[1] != orders[2] != orders[0]


@pytest.mark.parametrize(("count", "batch", "lanes", "accumulate"), [(23, 5, 3, 1), (16, 5, 2, 2), (30, 12, 4, 3)])
@pytest.mark.parametrize("processes", [1, 2, 3])
def test_processes_share_every_part_of_every_batch_without_rest(
    count: int, batch: int, lanes: int, accumulate: int, processes: int
) -> None:
    processes = min(processes, lanes)
    whole = parts(count, batch, Share(lanes), accumulate=accumulate)
    assert len(whole) == count // batch * accumulate
    shares = [Share(lanes, rank, processes) for rank in range(processes)]
    mine = [parts(count, batch, share, accumulate=accumulate) for share in shares]
    for number, part in enumerate(whole):
        rows = [
            MicroBatches(count, batch=batch, accumulate=accumulate, share=share, seed=3).rows(number)
            for share in shares
        ]
        assert sorted(row for each in rows for row in each) == list(range(len(part)))
        assert all(rows)  # nobody waits for the others
        for share, row in zip(mine, rows, strict=True):
            assert share[number] == [part[i] for i in row]


def test_a_process_reads_only_its_own_pictures() -> None:
    share = Share(4, 1, 2)
    assert share.of(10) == [1, 3, 5, 7, 9]  # lanes 1 and 3
    asked = {i for part in parts(40, 8, share) for i in part}
    assert asked == set(share.of(40))


def test_a_shared_batch_shows_each_picture_as_the_whole_one_does() -> None:
    rng = np.random.default_rng(0)
    pictures = [
        LoadedPair(rng.integers(0, 256, (24, 24, 3), np.uint8), np.full((24, 24), i, np.uint8)) for i in range(9)
    ]

    def batches(share: Share) -> TrainingBatches:
        mine = {i: pictures[i] for i in share.of(9)}
        return TrainingBatches(mine, side=32, batch=4, policy=PHONE, seed=1, workers=0, share=share, count=9)

    whole = batches(Share(2))
    for rank in (0, 1):
        share = batches(Share(2, rank, 2))
        for number, (ours, theirs) in enumerate(zip(share.epoch(3), whole.epoch(3), strict=True)):
            assert torch.equal(ours[0], theirs[0][share.order.rows(number)])
            assert torch.equal(ours[1], theirs[1][share.order.rows(number)])


def test_more_processes_than_lanes_are_refused_with_what_to_start() -> None:
    with pytest.raises(InputError, match=r"in 4 processes: .* dealt to 2 lanes.* start 2 at most, .* --shards 4"):
        Share(2, 0, 4)


def test_the_cluster_line_of_the_page_starts_no_more_processes_than_a_batch_has_pictures() -> None:
    page = (Path(__file__).parents[3] / "docs" / "training_on_many.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"torchrun --nnodes \d (?:[^\n]*\\\n)*[^\n]*", page)
    told = dict(re.findall(r"--(\S+) (\S+)", line))
    assert int(told["nnodes"]) * int(told["nproc-per-node"]) <= int(told["shards"])
    assert int(told["shards"]) <= recipe(told["network"], "best").batch
