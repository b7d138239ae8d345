"""What TensorRT's progress calls become."""

import threading

from skinseg_runtime.engine_build.build_monitor import StepTeller
from skinseg_runtime.engine_build.request import BuildStep


def told_by(steps: list[BuildStep]) -> list[tuple[str, str | None, int, int]]:
    return [(step.phase, step.parent, step.step, step.of) for step in steps]


def test_a_phase_within_another_is_told_with_its_own_steps() -> None:
    steps: list[BuildStep] = []
    teller = StepTeller(steps.append)

    teller.begin("Building", None, 2)
    teller.begin("Timing", "Building", 30)
    teller.advance("Timing", 1)
    teller.end("Timing")
    teller.advance("Building", 1)

    assert told_by(steps) == [
        ("Building", None, 0, 2),
        ("Timing", "Building", 0, 30),
        ("Timing", "Building", 1, 30),
        ("Building", None, 1, 2),
    ]


def test_a_name_that_comes_again_is_a_new_phase() -> None:
    steps: list[BuildStep] = []
    teller = StepTeller(steps.append)

    teller.begin("Timing", "first", 3)
    teller.end("Timing")
    teller.begin("Timing", "second", 5)
    teller.advance("Timing", 1)

    assert told_by(steps)[-1] == ("Timing", "second", 1, 5)


def test_a_step_of_a_phase_that_never_began_is_told_all_the_same() -> None:
    steps: list[BuildStep] = []

    assert StepTeller(steps.append).advance("Surprise", 4) is True

    assert told_by(steps) == [("Surprise", None, 4, 4)]


def test_after_a_fault_the_build_is_to_stop_and_nothing_more_is_told() -> None:
    asked: list[str] = []

    def listen(step: BuildStep) -> None:
        asked.append(step.phase)
        raise RuntimeError("nobody listens")

    teller = StepTeller(listen)
    teller.begin("Building", None, 2)

    assert teller.advance("Building", 1) is False
    assert str(teller.fault) == "nobody listens"
    assert asked == ["Building"]


def test_threads_of_the_builder_tell_one_after_the_other() -> None:
    inside = 0
    most_inside = 0

    def listen(_step: BuildStep) -> None:
        nonlocal inside, most_inside
        inside += 1
        most_inside = max(most_inside, inside)
        threading.Event().wait(0.001)  # long enough for the others to come in, were they let
        inside -= 1

    teller = StepTeller(listen)
    threads = [threading.Thread(target=lambda: [teller.advance("Timing", step) for step in range(5)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most_inside == 1
