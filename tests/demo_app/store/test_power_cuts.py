"""What was acknowledged is there after a kill at any moment, and nothing is acknowledged that a full disk refused."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from skinseg_demo.sending import Sender
from skinseg_demo.sending.file_endpoints import FolderEndpoint
from skinseg_demo.store import Store
from tests.demo_app.boxes import add_case

KILLS = 50
MOST_BYTES = 400_000


def _child(kind: str, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.demo_app.store.working_child", kind, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow
def test_fifty_kills_at_random_moments_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    ended = _child("kill", tmp_path / "store", tmp_path / "said", KILLS, 20261121)

    assert ended.returncode == 0, ended.stderr
    said = [json.loads(line)[0] for line in (tmp_path / "said").read_text().splitlines()]
    # Else the test would have proved nothing: the children did come to every step.
    assert min(said.count(kind) for kind in ("case", "picture", "queued", "deleted")) >= 5


@pytest.mark.slow
def test_a_sender_that_is_killed_again_and_again_delivers_every_case_once_and_whole(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    ids = [add_case(store).id for _ in range(4)]
    for case_id in ids:
        store.outbox.queue(case_id)
    store.close()
    (tmp_path / "stick").mkdir()

    ended = _child("send", tmp_path / "store", tmp_path / "stick", KILLS, 20261121)
    assert ended.returncode == 0, ended.stderr
    store = Store.open(tmp_path / "store")
    Sender(store, FolderEndpoint(tmp_path / "stick")).send_due()

    told = {store.outbox.get(case_id).package_sha256 or "" for case_id in ids}
    arrived = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (tmp_path / "stick").glob("*.zip")}
    assert arrived == told
    assert len(told) == len(ids)
    assert {store.outbox.get(case_id).state for case_id in ids} == {"sent"}
    assert store.audit.verify() is None
    store.close()


def test_a_full_disk_is_told_and_what_was_acknowledged_before_is_there(tmp_path: Path) -> None:
    ended = _child("fill", tmp_path / "store", tmp_path / "said", MOST_BYTES)

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("DeviceUnready: cannot ")
    said = [json.loads(line) for line in (tmp_path / "said").read_text().splitlines()]
    deleted = {words[1] for words in said if words[0] == "deleting"}
    store = Store.open(tmp_path / "store")
    kept = {words[2] for words in said if words[0] == "picture" and words[1] not in deleted}
    assert len(kept) >= 2
    for picture_id in kept:
        assert store.pictures.file(picture_id, "original").stat().st_size == 12_000
    assert store.audit.verify() is None
    store.close()


@pytest.mark.parametrize("space_kib", [300, 1000])
def test_a_small_disk_that_fills_up_keeps_what_was_acknowledged_and_opens_again(tmp_path: Path, space_kib: int) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={space_kib}k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("only root may make a small disk, and not in every container")
    try:
        ended = _child("fill", disk / "store", tmp_path / "said", 10**9)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.startswith("DeviceUnready: cannot ")
        said = [json.loads(line) for line in (tmp_path / "said").read_text().splitlines()]
        deleted = {words[1] for words in said if words[0] == "deleting"}
        store = Store.open(disk / "store")
        for words in said:
            if words[0] == "picture" and words[1] not in deleted:
                assert store.pictures.file(words[2], "original").stat().st_size == 12_000
        assert store.audit.verify() is None
        store.close()
    finally:
        subprocess.run(["umount", str(disk)], check=True)
