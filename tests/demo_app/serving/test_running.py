"""A second terminal finds the demo that runs, with the store that its phones are in."""

from dataclasses import replace
from pathlib import Path

import pytest

from skinseg_demo import DemoConfig
from skinseg_demo.config import Tls
from skinseg_demo.serving.running import RunningDemo, running_config
from skinseg_edge.errors import DeviceBusy, FileMissing


@pytest.mark.parametrize("is_demo", [False, True])
@pytest.mark.parametrize("tls", ["local-ca", "none"])
def test_a_code_is_made_for_the_store_of_the_demo_that_runs(tmp_path: Path, tls: Tls, is_demo: bool) -> None:
    config = DemoConfig(state=tmp_path / "state", tls=tls, names=("box.example",), port=18443, is_demo=is_demo)
    running = RunningDemo(config)

    found = running_config(config.state)
    running.close()

    assert found.store_folder == config.store_folder
    assert replace(found, bundle=config.bundle) == config


def test_one_demo_runs_on_a_state(tmp_path: Path) -> None:
    config = DemoConfig(state=tmp_path / "state")
    running = RunningDemo(config)

    with pytest.raises(DeviceBusy, match="another demo runs with the state in"):
        RunningDemo(config)
    running.close()

    RunningDemo(config).close()
    with pytest.raises(FileMissing, match="no demo runs with the state in"):
        running_config(config.state)
