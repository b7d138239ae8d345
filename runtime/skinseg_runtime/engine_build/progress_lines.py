"""What a user sees of a build that takes minutes: a bar on a terminal, elsewhere a line now and then."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from skinseg_edge.command_line import Ui
from skinseg_edge.terminal import is_lively, printable
from skinseg_runtime.engine_build.request import BuildStep

__all__ = ["telling_steps"]

_SILENCE_S = 15.0  # between two lines of the same phase


@contextmanager
def telling_steps(ui: Ui) -> Iterator[Callable[[BuildStep], None]]:
    """Show a build on stderr while the block runs; `-q` silences it.

    What the block is given raises KeyboardInterrupt if Ctrl-C was pressed and a library has swallowed it.
    """
    if ui.verbosity >= 0 and is_lively(sys.stderr):
        with _bar() as show:
            yield _interruptible(ui, show)
    else:
        yield _interruptible(ui, _Lines(ui))


def _interruptible(ui: Ui, show: Callable[[BuildStep], None]) -> Callable[[BuildStep], None]:
    def tell(step: BuildStep) -> None:
        if ui.is_interrupted:
            raise KeyboardInterrupt
        show(step)

    return tell


class _Lines:
    """A line for each phase that was not named before, and one after every silence."""

    def __init__(self, ui: Ui) -> None:
        self._ui = ui
        self._named: set[str] = set()
        self._last_s = 0.0

    def __call__(self, step: BuildStep) -> None:
        if step.phase in self._named and step.elapsed_s - self._last_s < _SILENCE_S:
            return
        self._named.add(step.phase)
        self._last_s = step.elapsed_s
        self._ui.info(f"{_clock(step.elapsed_s)} {_words(step)}")


@contextmanager
def _bar() -> Iterator[Callable[[BuildStep], None]]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress, TimeElapsedColumn

    with Progress(
        *Progress.get_default_columns()[:2], TimeElapsedColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task("Starting", total=None)

        def show(step: BuildStep) -> None:
            bar.update(task, description=escape(printable(step.phase)), completed=step.step, total=max(step.of, 1))

        yield show


def _words(step: BuildStep) -> str:
    return f"{step.phase}, step {step.step} of {step.of}" if step.of > 1 else step.phase


def _clock(seconds: float) -> str:
    """Return minutes and seconds.

    >>> _clock(75.2)
    '1:15'
    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
