"""The sender: every queued case arrives once, whatever the network and the power do."""

import shutil
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from skinseg_demo import DemoConfig
from skinseg_demo.sending import Sender
from skinseg_demo.sending.endpoints import NotSent
from skinseg_demo.sending.https_endpoint import HttpsEndpoint
from skinseg_demo.sending.packages import Package
from skinseg_demo.sending.posting import Poster
from skinseg_demo.services import EXTENSION
from skinseg_demo.store import Store
from skinseg_edge.errors import DeviceUnready
from tests.demo_app.boxes import add_case
from tests.demo_app.browsers import HandClock, MakeApp
from tests.demo_app.sending.receivers import receiving


class HandEndpoint:
    """An endpoint that takes what comes, or fails as it is told to."""

    def __init__(self) -> None:
        self.taken: list[Package] = []
        self.tried = 0
        self.fails: NotSent | None = None
        self.before: Callable[[], None] = lambda: None

    def send(self, package: Package) -> None:
        self.tried += 1
        self.before()
        if self.fails is not None:
            raise self.fails
        self.taken.append(package)


@pytest.fixture
def endpoint() -> HandEndpoint:
    """An endpoint that takes everything."""
    return HandEndpoint()


@pytest.fixture
def seconds() -> list[float]:
    """The time that never leaps, in one place."""
    return [1000.0]


@pytest.fixture
def sender(store: Store, endpoint: HandEndpoint, seconds: list[float]) -> Iterator[Sender]:
    """A sender whose thread does not run."""
    made = Sender(store, endpoint, steady=lambda: seconds[0])
    yield made
    made.stop()


def _queued(store: Store) -> str:
    case = add_case(store)
    store.outbox.queue(case.id)
    return case.id


def _wait_for(what: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not what():
        assert time.monotonic() < ends, "it did not happen in 20 s"
        time.sleep(0.005)


def test_what_is_queued_is_sent_and_told_in_the_log(store: Store, sender: Sender, endpoint: HandEndpoint) -> None:
    ids = [_queued(store), _queued(store)]
    add_case(store)  # a draft

    assert sender.send_due() == 2

    assert [package.case_id for package in endpoint.taken] == ids
    assert [store.outbox.get(case_id).state for case_id in ids] == ["sent", "sent"]
    assert store.outbox.get(ids[0]).package_sha256 == endpoint.taken[0].sha256
    assert [one.what for one in store.audit.list(case_id=ids[0], most=1)] == ["case sent"]
    assert not (store.folder / "outgoing.zip").exists()
    assert sender.send_due() == 0


def test_a_receiver_that_is_down_is_asked_once_a_round_and_with_growing_waits(
    store: Store, sender: Sender, endpoint: HandEndpoint, seconds: list[float], clock: HandClock
) -> None:
    ids = [_queued(store) for _ in range(3)]
    endpoint.fails = NotSent("the receiver cannot be reached")
    tries = []
    for _ in range(40):
        sender.send_due()
        tries.append(endpoint.tried)
        clock.wind(seconds=60)
        seconds[0] += 60

    assert tries[0] == 1
    assert tries[-1] < 25  # in 40 minutes, for three cases
    assert sender.trouble == "the receiver cannot be reached"
    assert store.outbox.get(ids[0]).last_error == "the receiver cannot be reached"

    endpoint.fails = None
    clock.wind(hours=1)
    seconds[0] += 3600
    assert sender.send_due() == 3
    assert sender.trouble is None


def test_a_case_that_the_receiver_refuses_does_not_hold_up_the_others(
    store: Store, sender: Sender, endpoint: HandEndpoint
) -> None:
    refused, taken = _queued(store), _queued(store)

    def refuse_first() -> None:
        endpoint.fails = NotSent("answered 413", is_for_all=False) if endpoint.tried == 1 else None

    endpoint.before = refuse_first

    assert sender.send_due() == 1
    assert (store.outbox.get(refused).state, store.outbox.get(taken).state) == ("queued", "sent")


def test_a_new_case_is_tried_at_once_though_the_receiver_was_down(
    store: Store, sender: Sender, endpoint: HandEndpoint
) -> None:
    _queued(store)
    endpoint.fails = NotSent("down")
    sender.send_due()
    endpoint.fails = None
    _queued(store)
    assert sender.send_due() == 0  # nobody woke it

    sender.wake()

    assert sender.send_due() == 1


def test_an_acknowledgement_that_could_not_be_written_down_comes_again_under_the_same_key(
    store: Store, endpoint: HandEndpoint, monkeypatch: pytest.MonkeyPatch, clock: HandClock
) -> None:
    case_id = _queued(store)

    def cut(*_: object, **__: object) -> bool:
        raise DeviceUnready("the power went")

    with monkeypatch.context() as patched:
        patched.setattr(store.outbox, "mark_sent", cut)
        with pytest.raises(DeviceUnready):
            Sender(store, endpoint).send_due()
    assert store.outbox.get(case_id).state == "queued"
    clock.wind(days=1)
    again = Store.open(store.folder, now=clock)
    assert Sender(again, endpoint).send_due() == 1
    again.close()

    first, second = endpoint.taken
    assert first.sha256 == second.sha256


def test_a_change_while_the_case_is_on_its_way_sends_it_again_as_it_is_then(
    store: Store, sender: Sender, endpoint: HandEndpoint
) -> None:
    case_id = _queued(store)

    def change() -> None:
        if endpoint.tried == 1:
            store.cases.update(case_id, {"note": "it bled"})

    endpoint.before = change

    assert sender.send_due() == 0
    assert sender.send_due() == 1
    first, second = endpoint.taken
    assert first.sha256 != second.sha256
    assert store.outbox.get(case_id).package_sha256 == second.sha256


def test_a_case_deleted_before_or_while_it_is_sent_is_no_error(
    store: Store, sender: Sender, endpoint: HandEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, meanwhile, stays = _queued(store), _queued(store), _queued(store)
    due = store.outbox.due()
    monkeypatch.setattr(store.outbox, "due", lambda: due)
    store.cases.delete(before)

    def delete() -> None:
        if endpoint.tried == 1:
            store.cases.delete(meanwhile)
            endpoint.fails = NotSent("hung up", is_for_all=False)
        else:
            endpoint.fails = None

    endpoint.before = delete

    assert sender.send_due() == 1
    assert [one.case_id for one in store.outbox.list()] == [stays]


def test_a_case_that_cannot_be_packed_says_why_and_the_others_go(
    store: Store, sender: Sender, endpoint: HandEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = _queued(store)

    def full(*_: object) -> Package:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("skinseg_demo.sending.sender.write_package", full)

    assert sender.send_due() == 0
    assert "No space left on device" in str(store.outbox.get(case_id).last_error)
    assert endpoint.tried == 0


def test_a_case_whose_picture_the_disk_lost_is_told_and_does_not_hold_up_the_others(
    store: Store, sender: Sender, endpoint: HandEndpoint
) -> None:
    lost, taken = _queued(store), _queued(store)
    shutil.rmtree(store.pictures.file(store.pictures.of_case(lost)[0].id, "original").parent)

    assert sender.send_due() == 1
    assert "the case could not be packed" in str(store.outbox.get(lost).last_error)
    assert store.outbox.get(taken).state == "sent"


def test_without_an_endpoint_cases_wait(store: Store) -> None:
    case_id = _queued(store)
    sender = Sender(store, None)
    sender.start()
    sender.stop()

    assert sender.send_due() == 0
    assert store.outbox.get(case_id).state == "queued"


def test_the_thread_sends_what_is_queued_and_what_was_queued_before_it_started(
    store: Store, endpoint: HandEndpoint
) -> None:
    _queued(store)
    (store.folder / "outgoing.zip").write_bytes(b"of a killed process")
    sender = Sender(store, endpoint)
    sender.start()
    _wait_for(lambda: len(endpoint.taken) == 1)
    _queued(store)
    _wait_for(lambda: len(endpoint.taken) == 2)

    sender.stop()

    assert store.outbox.on_queue == []
    assert not (store.folder / "outgoing.zip").exists()


def test_the_thread_survives_what_nobody_foresaw(
    store: Store, endpoint: HandEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        if endpoint.tried == 1:
            raise ZeroDivisionError

    endpoint.before = fail
    sender = Sender(store, endpoint)
    sender.start()
    _queued(store)
    _wait_for(lambda: endpoint.tried >= 1)
    _wait_for(lambda: "looking into the outbox failed" in caplog.text)
    _queued(store)
    _wait_for(lambda: len(endpoint.taken) == 2)
    sender.stop()


def test_stopping_sends_what_is_due_once_more(store: Store, endpoint: HandEndpoint) -> None:
    sender = Sender(store, endpoint)
    sender.start()
    time.sleep(0.05)  # its first look
    store.outbox.on_queue.clear()  # nobody tells it of this one
    _queued(store)
    store.outbox.on_queue.append(sender.wake)
    assert endpoint.taken == []

    sender.stop()

    assert len(endpoint.taken) == 1


def test_cases_arrive_once_each_while_the_receiver_goes_down_and_up(
    store: Store, tmp_path: Path, clock: HandClock
) -> None:
    ca = trustme.CA()
    context = ssl.create_default_context()
    ca.configure_trust(context)
    with receiving(ca) as receiver:
        pass  # the port is known, and nobody listens now
    sender = Sender(store, HttpsEndpoint(receiver.address, poster=Poster(context)))
    sender.start()
    ids = [_queued(store) for _ in range(3)]
    _wait_for(lambda: sender.trouble is not None)

    with receiving(ca, receiver):
        receiver.status = 503
        sender.wake()
        clock.wind(hours=2)
        sender.wake()
        _wait_for(lambda: len(receiver.requests) >= 1)
        receiver.status, receiver.hangs_up = 201, True  # it takes a case, and the acknowledgement is lost
        before = len(receiver.requests)

        def is_tried_again() -> bool:
            clock.wind(hours=2)
            sender.wake()
            return len(receiver.requests) > before

        _wait_for(is_tried_again)
        receiver.hangs_up = False

        def are_sent() -> bool:
            clock.wind(hours=2)
            sender.wake()
            return {one.state for one in store.outbox.list()} == {"sent"}

        _wait_for(are_sent)
        sender.stop()

    packages = {store.outbox.get(case_id).package_sha256 for case_id in ids}
    assert receiver.cases == packages  # some came more than once, and each under one key
    assert len(packages) == 3
    assert store.audit.verify() is None


def test_the_application_sends_to_the_endpoint_of_its_settings(tmp_path: Path, make_app: MakeApp) -> None:
    before = set(threading.enumerate())  # a box that other tests share may be running
    (tmp_path / "stick").mkdir()
    app = make_app(DemoConfig(state=tmp_path / "state", endpoint=f"folder:{tmp_path / 'stick'}"))
    box = app.extensions[EXTENSION]
    box.start()
    case_id = _queued(box.store)
    _wait_for(lambda: box.store.outbox.get(case_id).state == "sent")
    box.stop()

    assert len(list((tmp_path / "stick").iterdir())) == 1
    assert not {"sender", "caretaker"} & {thread.name for thread in set(threading.enumerate()) - before}
