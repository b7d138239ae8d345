"""`skinseg-demo --backup` and `--restore`, as an admin types them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from skinseg_demo import DemoConfig
from skinseg_demo.cli import main
from skinseg_demo.serving.running import RunningDemo
from skinseg_demo.store import Store


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state of a box with two cases."""
    config = DemoConfig(state=tmp_path / "state")
    config.state.mkdir()
    store = Store.open(config.store_folder)
    for _ in range(2):
        store.cases.create(who="box")
    store.close()
    return config.state


def test_a_box_goes_into_one_file_and_comes_back_on_another(state: Path, tmp_path: Path) -> None:
    kept = _run("--backup", tmp_path / "b.zip", "--state", state, "--json")
    back = _run("--restore", tmp_path / "b.zip", "--state", tmp_path / "other", "--json")

    assert (kept.exit_code, back.exit_code) == (0, 0), kept.stderr + back.stderr
    assert json.loads(back.stdout)["waited"] == 0
    assert json.loads(kept.stdout)["cases"] == json.loads(back.stdout)["cases"] == 2
    assert ((tmp_path / "b.zip").stat().st_mode & 0o777, (tmp_path / "other").stat().st_mode & 0o777) == (0o600, 0o700)
    assert _numbers(tmp_path / "other" / "store") == _numbers(state / "store")


def _numbers(folder: Path) -> list[str]:
    store = Store.open(folder)
    found = sorted(case.number for case in store.cases.list())
    store.close()
    return found


def test_a_backup_is_taken_while_the_demo_runs(state: Path, tmp_path: Path) -> None:
    running = RunningDemo(DemoConfig(state=state))
    store = Store.open(state / "store")

    kept = _run("--backup", tmp_path / "b.zip", "--state", state)
    store.close()
    running.close()

    assert kept.exit_code == 0, kept.stderr
    assert "b.zip: 2 cases, as they were just now. It is not encrypted." in kept.stdout


def test_nothing_is_restored_under_a_running_demo(state: Path, tmp_path: Path) -> None:
    _run("--backup", tmp_path / "b.zip", "--state", state)
    (tmp_path / "other").mkdir()
    running = RunningDemo(DemoConfig(state=tmp_path / "other"))

    back = _run("--restore", tmp_path / "b.zip", "--state", tmp_path / "other")
    running.close()

    assert back.exit_code == 3
    assert "another demo runs with the state in" in back.stderr
    assert not (tmp_path / "other" / "store").exists()


def test_nothing_is_restored_over_a_store(state: Path, tmp_path: Path) -> None:
    _run("--backup", tmp_path / "b.zip", "--state", state)

    back = _run("--restore", tmp_path / "b.zip", "--state", state)

    assert back.exit_code != 0
    assert "move the folder away first" in back.stderr


def test_a_backup_needs_a_store_and_makes_none(tmp_path: Path) -> None:
    kept = _run("--backup", tmp_path / "b.zip", "--state", tmp_path / "nothing")

    assert kept.exit_code == 2
    assert "there is no store in it; name the --state that the demo runs with" in kept.stderr
    assert list(tmp_path.iterdir()) == []


def test_both_at_once_are_refused(state: Path, tmp_path: Path) -> None:
    both = _run("--backup", tmp_path / "b.zip", "--restore", tmp_path / "b.zip", "--state", state)

    assert both.exit_code == 2
    assert "cannot do both" in both.stderr
