"""The place between two threads: one thing at a time."""

import threading

from skinseg_runtime.video.slot import Slot


def test_the_newest_wins_and_says_what_it_displaced() -> None:
    slot: Slot[int] = Slot()
    assert [slot.put_newest(number) for number in range(3)] == [False, True, True]
    assert (slot.take(), slot.take(0.01)) == (2, None)


def test_a_put_that_waits_loses_nothing_and_keeps_the_order() -> None:
    slot: Slot[int] = Slot()

    def put() -> None:
        for number in range(100):
            slot.put_waiting(number)
        slot.close()

    thread = threading.Thread(target=put)
    thread.start()
    taken = []
    while (number := slot.take()) is not None:
        taken.append(number)
    thread.join(5)
    assert taken == list(range(100))


def test_a_closed_slot_gives_what_it_holds_and_wakes_who_waits() -> None:
    slot: Slot[int] = Slot()
    slot.put_waiting(1)
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(slot.put_waiting(2)))
    thread.start()
    slot.close()
    thread.join(5)
    assert answers == [False]
    assert (slot.take(), slot.take(), slot.put_newest(3), slot.take()) == (1, None, False, None)


def test_a_slot_that_is_closed_for_good_forgets_what_it_holds() -> None:
    slot: Slot[int] = Slot()
    slot.put_newest(1)
    slot.close(discarding=True)
    assert slot.take() is None
