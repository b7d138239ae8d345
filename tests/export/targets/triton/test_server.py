"""The repository in NVIDIA's own server, where there is one; see `real_server` for what of it is real."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skinseg_export.golden import Golden
from skinseg_export.targets.triton import ModelRepository
from skinseg_runtime import Segmenter
from tests.export.darkness import CONTRACT
from tests.export.targets.triton.page import client_blocks
from tests.export.targets.triton.real_server import RealServer, real_server


@pytest.fixture(scope="module")
def server(repository: ModelRepository, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    with real_server(repository, tmp_path_factory.mktemp("triton")) as running:
        yield running


@pytest.fixture(scope="module")
def segmenter(server: RealServer) -> Segmenter:
    names: dict[str, Any] = {}
    exec(client_blocks()[0].partition("contract = Bundle")[0], names)
    return Segmenter(CONTRACT, names["ServedEngine"](server.address, "lesion", CONTRACT))


def test_the_server_warms_up_every_size_before_it_is_ready(server: RealServer) -> None:
    assert server.sizes()[:3] == [1, 4, 8]


def test_the_server_tells_the_contract(server: RealServer) -> None:
    with urllib.request.urlopen(f"{server.address}/v2/models/lesion/config", timeout=30) as answer:
        config = json.load(answer)

    assert json.loads(config["parameters"]["skinseg.contract"]["string_value"]) == CONTRACT.to_json()
    assert config["output"][0]["label_filename"] == "labels.txt"


def test_the_server_gives_the_golden_masks(segmenter: Segmenter, golden: tuple[Golden, ...]) -> None:
    for case in golden:
        result = segmenter.segment(case.image)

        assert np.abs(result.network_probability - case.probability).max() <= 1e-5
        assert (result.mask != case.mask).mean() < 1e-3


def test_the_server_puts_requests_together_and_gives_each_its_own_answer(
    segmenter: Segmenter, server: RealServer, golden: tuple[Golden, ...]
) -> None:
    before = len(server.sizes())
    cases = list(golden) * 12
    with ThreadPoolExecutor(16) as several:
        results = list(several.map(lambda case: segmenter.segment(case.image), cases))

    errors = [
        np.abs(found.network_probability - case.probability).max() for found, case in zip(results, cases, strict=True)
    ]
    assert max(errors) <= 1e-5
    sizes = server.sizes()[before:]
    assert sum(sizes) == len(cases)
    assert 1 < max(sizes) <= 8


# What our own check refuses, Triton refuses, too.
@pytest.mark.parametrize(
    ("path", "change", "words"),
    [
        (
            "config.pbtxt",
            lambda data: data.replace(b'name: "lesion"', b'name: "wound"', 1),
            "unexpected directory name",
        ),
        ("config.pbtxt", lambda data: data.replace(b"max_batch_size: 8", b"max_batch_size: 4", 1), "preferred size"),
        ("config.pbtxt", lambda data: data.replace(b"max_batch_size", b"max_batchsize", 1), "no field named"),
        ("config.pbtxt", lambda data: data.replace(b"[ 64, 96, 3 ]", b"[ 64, 96 ]", 1), "NHWC/NCHW require 3 dims"),
        ("labels.txt", None, "labels.txt"),
    ],
)
def test_the_server_refuses_what_is_not_right(
    path: str, change: Callable[[bytes], bytes] | None, words: str, repository: ModelRepository, tmp_path: Path
) -> None:
    files = dict(repository.files)
    given = files.pop(f"lesion/{path}")
    files.update({} if change is None else {f"lesion/{path}": change(given)})

    with (
        pytest.raises(RuntimeError, match=r"failed to load all models|failed to poll") as caught,
        real_server(ModelRepository("lesion", files), tmp_path),
    ):
        pass

    assert words in str(caught.value)
