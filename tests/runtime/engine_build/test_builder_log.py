"""What is read out of the builder's words."""

from skinseg_runtime.engine_build.builder_log import BuilderLog


class Lines:
    """A log that holds what it was given."""

    def __init__(self, *lines: tuple[str, str]) -> None:
        self._lines = lines

    def clear(self) -> None:
        self._lines = ()

    def lines(self) -> tuple[tuple[str, str], ...]:
        return self._lines

    def complaint(self) -> str:
        return "; ".join(text for severity, text in self._lines if severity == "ERROR")


def test_errors_are_the_complaint() -> None:
    log = BuilderLog(Lines(("WARNING", "slow"), ("ERROR", "broken"), ("WARNING", "slower")))

    assert log.complaint() == "broken"


def test_without_an_error_the_last_warning_may_tell_the_reason() -> None:
    log = BuilderLog(Lines(("WARNING", "slow"), ("WARNING", "memory is insufficient"), ("INFO", "done")))

    assert log.complaint() == "memory is insufficient"


def test_a_builder_that_says_nothing_is_quoted_so() -> None:
    assert BuilderLog(Lines()).complaint() == "the builder gave no reason"


def test_of_several_gpus_the_one_that_needs_most_memory_counts() -> None:
    # The lines of TensorRT-RTX 1.7.1 for the shipped network; those of a second GPU are made up.
    log = BuilderLog(
        Lines(
            ("INFO", "Max Scratch Memory: 14622720 bytes"),
            ("INFO", "Total Activation Memory: 14622720 bytes"),
            ("INFO", "Total Weights Memory: 766732 bytes"),
            ("INFO", "Total Activation Memory: 14254592 bytes"),
            ("INFO", "Total Weights Memory: 770000 bytes"),
        )
    )

    assert log.memory() == {"scratch_bytes": 14622720, "activation_bytes": 14622720, "weights_bytes": 770000}


def test_what_is_cleared_is_forgotten() -> None:
    log = BuilderLog(Lines(("ERROR", "broken"), ("INFO", "Total Weights Memory: 7 bytes")))

    log.clear()

    assert (log.complaint(), log.memory()) == ("the builder gave no reason", {})
