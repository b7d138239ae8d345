"""A consent that is withdrawn while the sender is at work: what has not left yet stays, and what has left is told."""

from collections.abc import Callable

import pytest

from skinseg_demo.sending import Sender
from skinseg_demo.sending.packages import Package
from skinseg_demo.store import Store
from tests.demo_app.boxes import add_case


class Receiver:
    """Takes what comes; *meanwhile* happens while it does."""

    def __init__(self) -> None:
        self.taken: list[Package] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def send(self, package: Package) -> None:
        self.meanwhile()
        self.taken.append(package)


@pytest.fixture
def receiver() -> Receiver:
    """A receiver that takes everything."""
    return Receiver()


def _queued(store: Store) -> str:
    case = add_case(store)
    store.outbox.queue(case.id)
    return case.id


def test_a_case_whose_consent_is_withdrawn_while_another_is_on_its_way_is_not_sent(
    store: Store, receiver: Receiver
) -> None:
    first, second = _queued(store), _queued(store)
    receiver.meanwhile = lambda: store.consents.record(second, "care", False)

    assert Sender(store, receiver).send_due() == 1

    assert [package.case_id for package in receiver.taken] == [first]
    entry = store.outbox.get(second)
    assert (entry.state, entry.sent_at, entry.last_error) == ("draft", None, None)
    assert not (store.folder / "outgoing.zip").exists()


def test_a_case_whose_consent_is_withdrawn_while_it_is_packed_is_not_sent(
    store: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id, names = _queued(store), store.pictures.names

    def withdrawn_meanwhile(picture_id: str) -> list[str]:
        if store.consents.holds(case_id, "care"):
            store.consents.record(case_id, "care", False)
        return names(picture_id)

    monkeypatch.setattr(store.pictures, "names", withdrawn_meanwhile)

    assert Sender(store, receiver).send_due() == 0
    assert receiver.taken == []


def test_a_case_that_arrived_while_its_consent_was_withdrawn_is_told_as_sent_and_goes_no_second_time(
    store: Store, receiver: Receiver
) -> None:
    case_id = _queued(store)
    receiver.meanwhile = lambda: store.consents.record(case_id, "care", False)
    sender = Sender(store, receiver)

    assert (sender.send_due(), sender.send_due()) == (0, 0)

    (package,), entry = receiver.taken, store.outbox.get(case_id)
    assert (entry.state, entry.package_sha256) == ("draft", package.sha256)
    assert entry.sent_at is not None
