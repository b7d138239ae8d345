"""A process that fills a store as fast as it can, and says what was acknowledged; its parent kills it.

python -m tests.demo_app.store.working_child kill STORE ACKNOWLEDGED KILLS SEED
python -m tests.demo_app.store.working_child fill STORE ACKNOWLEDGED BYTES
python -m tests.demo_app.store.working_child send STORE RECEIVER KILLS SEED
"""

import json
import os
import random
import resource
import signal
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from skinseg_demo.sending import Sender
from skinseg_demo.sending.file_endpoints import FolderEndpoint
from skinseg_demo.store import Store
from skinseg_edge.errors import SkinsegError
from tests.demo_app.boxes import add_picture

__all__ = ["fill", "kill_often", "send_often"]

_MOST_BYTES_SAID = 700  # some fifteen steps
_A_BIT_S = 0.01
_LONGEST_LIFE_S = 20.0


def kill_often(folder: Path, acknowledged: Path, kills: int, seed: int) -> None:
    """Start a working child *kills* times and kill each at a random moment; open the store in between."""
    random_moment = random.Random(seed)
    for _ in range(kills):
        child = os.fork()
        if child == 0:
            _work(folder, acknowledged)
        # So many steps and a bit: the moments are as random on a slow machine, where a child takes longer to come far.
        _wait_until_longer(acknowledged, _size(acknowledged) + random_moment.randrange(_MOST_BYTES_SAID))
        time.sleep(random_moment.uniform(0, _A_BIT_S))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        _check_store(folder, acknowledged)


def fill(folder: Path, acknowledged: Path, most_bytes: int) -> None:
    """Keep cases and pictures until no file may grow any more, and print the error."""
    store = Store.open(folder)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))
    output = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for _ in range(100_000):
            _keep_one(store, output)
    except SkinsegError as error:
        print(f"{type(error).__name__}: {error}")  # noqa: T201  # is what this program says


def send_often(folder: Path, receiver: Path, kills: int, seed: int) -> None:
    """Let a child send the store's cases to the folder *receiver*, kill it at a random moment, and begin again."""
    random_moment = random.Random(seed)
    for _ in range(kills):
        child = os.fork()
        if child == 0:
            store = Store.open(folder)
            while True:  # as if nobody had ever got them
                with store.database.writing() as connection:
                    connection.execute("UPDATE outbox SET state = 'queued', next_try_at = queued_at")
                Sender(store, FolderEndpoint(receiver)).send_due()
        time.sleep(random_moment.uniform(0.005, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for path in receiver.glob("*.zip"):
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None


def _wait_until_longer(path: Path, size: int) -> None:
    ends = time.monotonic() + _LONGEST_LIFE_S
    while _size(path) < size and time.monotonic() < ends:
        time.sleep(0.0005)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _work(folder: Path, acknowledged: Path) -> None:
    store = Store.open(folder)
    output = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    while True:
        _keep_one(store, output)


def _keep_one(store: Store, output: int) -> None:
    """Keep a case and a picture, send the case, delete some; say so after each."""
    case = store.cases.create()
    _say(output, "case", case.id, case.number)
    picture = add_picture(store, store.visits.add(case.id).id, original=case.id.encode() * 1000)
    _say(output, "picture", case.id, picture.id)
    store.consents.record(case.id, "care", True)
    store.outbox.queue(case.id)
    _say(output, "queued", case.id, "")
    if int(case.number[-1]) % 3 == 0:
        _say(output, "deleting", case.id, "")
        store.cases.delete(case.id)
        _say(output, "deleted", case.id, "")


def _say(output: int, *words: str) -> None:
    os.write(output, (json.dumps(words) + "\n").encode())


def _check_store(folder: Path, acknowledged: Path) -> None:
    """Open the store and hold it against what was said: all that was acknowledged is there and whole."""
    lines = acknowledged.read_text().splitlines() if acknowledged.exists() else []
    said = [json.loads(line) for line in lines]
    of_kind = {kind: {words[1]: words[2] for words in said if words[0] == kind} for kind in _KINDS}
    store = Store.open(folder)
    living = {case.id: case.number for case in store.cases.list()}
    pictures = {row["id"] for row in store.database.rows("SELECT id FROM pictures")}
    for case_id in of_kind["case"].keys() - of_kind["deleting"].keys():
        assert living[case_id] == of_kind["case"][case_id]
    for case_id in of_kind["queued"].keys() - of_kind["deleting"].keys():
        assert store.outbox.get(case_id).state == "queued"
    for case_id, picture_id in of_kind["picture"].items():
        assert case_id in of_kind["deleting"] or picture_id in pictures
    assert not living.keys() & of_kind["deleted"].keys()
    folders = {path.name for path in (folder / "pictures").iterdir()}
    assert folders == pictures, "a row points at nothing, or files without a row were not swept away"
    for picture_id in pictures:
        assert len(store.pictures.names(picture_id)) == 3
    assert store.audit.verify() is None
    store.close()


_KINDS = ("case", "picture", "queued", "deleting", "deleted")

if __name__ == "__main__":
    kind, store_folder, said_file, *numbers = sys.argv[1:]
    todo: dict[str, Callable[..., None]] = {"kill": kill_often, "fill": fill, "send": send_often}
    todo[kind](Path(store_folder), Path(said_file), *map(int, numbers))
