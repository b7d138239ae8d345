"""What every skinseg command shares: its options, its exit codes, its one shape of result and of error.

A command is a function that takes a `Ui` first; `command` turns it into a click command:

    @command("skinseg-verify", "skinseg.verify/1", examples=("skinseg-verify a.skinseg", "skinseg-verify b.skinseg"))
    @click.argument("bundle", type=click.Path(path_type=Path))
    def main(ui: Ui, bundle: Path) -> int:
        '''Check a bundle.'''
        return ui.result({"bundle": str(bundle)}, f"{bundle} holds")

Results go to stdout, everything else to stderr. Exit codes: 0 done and verified, 1 made or found but not what it should
be, 2 wrong use or bad input, 3 a needed tool or device is missing, 130 interrupted.
"""

import json
import logging
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from skinseg_edge._version import __version__
from skinseg_edge.errors import SkinsegError
from skinseg_edge.interrupts import noting_interrupts
from skinseg_edge.known_names import unknown_name
from skinseg_edge.terminal import as_text, is_lively, open_closed_streams, print_line, printable

__all__ = ["Command", "Ui", "command", "name_option"]

_Function = TypeVar("_Function", bound=Callable[..., object])

_INTERRUPTED = 130
# The packages that a device does without, and the extras that bring them.
_EXTRAS = {
    "torch": "train,export",
    "safetensors": "train,export",
    "matplotlib": "train",
    "onnx": "export",
    "onnxscript": "export",
    "onnxsim": "export",
    "pyarrow": "scale",
    "fsspec": "scale",
    "ray": "scale",
    "pydicom": "dicom",
    "highdicom": "dicom",
}


class Ui:
    """The two streams of a running command.

    *json*: whether stdout carries exactly one JSON object. *verbosity*: -1 quiet, 0 usual, 1 `-v`, 2 `-vv`.
    """

    def __init__(self, name: str, schema: str, *, json: bool = False, verbosity: int = 0) -> None:
        """Speak for the command *name*, whose JSON documents follow *schema*."""
        self.name = name
        self.schema = schema
        self.json = json
        self.verbosity = verbosity
        self.is_interrupted = False

    def result(
        self, document: Mapping[str, object], human: object = None, *, failure: SkinsegError | None = None
    ) -> int:
        """Print the result, once, and return the exit code.

        *document*: what `--json` prints beside `schema` and `ok`. *human*: a string or a rich renderable for everyone
        else; None prints nothing. *failure*: the result is not what was wanted; it is printed with its error.
        """
        if self.json:
            error = {} if failure is None else {"error": _error_document(failure)}
            self._print_json({"ok": failure is None, **error, **document})
        elif human is not None:
            print_line(as_text(human), sys.stdout)
        if failure is None:
            return 0
        if not self.json:
            self._say(str(failure))
        return failure.exit_code

    def info(self, message: str) -> None:
        """Tell what is going on, on stderr; `-q` silences it."""
        if self.verbosity >= 0:
            self._say(message)

    def warn(self, message: str) -> None:
        """Tell that the result is worse than asked, on stderr, even with `-q`."""
        self._say(f"warning: {message}")

    @contextmanager
    def progress(
        self, total: int | None, description: str, *, tail: Callable[[], str] | None = None
    ) -> Iterator[Callable[[], None]]:
        """Show a bar on stderr while the block runs; the block calls what it is given once a step.

        *total*: number of steps, None when nobody knows. *tail*: asked at each step for what stands behind the bar, in
        place of the time that is left. Nothing is shown with `-q`, with NO_COLOR, or when stderr is no terminal.

        A step raises KeyboardInterrupt if Ctrl-C was pressed and a library has swallowed it.
        """
        if self.verbosity < 0 or not is_lively(sys.stderr):
            yield self._check_interrupted
            return
        from rich.console import Console
        from rich.progress import Progress, TextColumn

        columns = Progress.get_default_columns()
        if tail is not None:
            columns = (*columns[:-1], TextColumn("{task.fields[tail]}", markup=False))
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(description, total=total, tail="")

            def advance() -> None:
                self._check_interrupted()
                bar.update(task, advance=1, tail="" if tail is None else tail())

            yield advance

    def fail(self, error: BaseException) -> int:
        """Print *error* in the one shape and return its exit code; the traceback comes with `-vv` only."""
        kind, message, exit_code = _described(error)
        if self.verbosity >= 2:
            traceback.print_exception(type(error), error, error.__traceback__)
        if self.json:
            self._print_json({"ok": False, "error": {"kind": kind, "message": message, "exit_code": exit_code}})
        else:
            self._say(message)
        return exit_code

    def note_interrupt(self) -> None:
        """Remember that Ctrl-C was pressed, for the next step of a progress bar."""
        self.is_interrupted = True

    def _check_interrupted(self) -> None:
        if self.is_interrupted:
            raise KeyboardInterrupt

    def _say(self, message: str) -> None:
        print_line(f"{self.name}: {printable(message)}", sys.stderr)

    def _print_json(self, document: Mapping[str, object]) -> None:
        print_line(json.dumps({"schema": self.schema, **document}, allow_nan=False), sys.stdout)


class Command(click.Command):
    """A click command with the project's options, exit codes and error shape; made by `command`."""

    def __init__(
        self, name: str, *, schema: str, examples: Sequence[str], params: list[click.Parameter], **rest: Any
    ) -> None:
        """Add the shared options behind *params*; *examples* end the help text."""
        if len(examples) != 2 or any(not example.startswith(name) for example in examples):
            raise ValueError(f"{name} needs two examples that begin with its name, got {list(examples)}")
        rest["context_settings"] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
        super().__init__(name, params=[*params, *_shared_options()], **rest)
        self.schema = schema
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the two examples, unwrapped so that they can be copied."""
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, and end the process with the exit code (or return it when not *standalone_mode*)."""
        open_closed_streams()
        arguments = list(sys.argv[1:] if args is None else args)
        code = self._run(arguments, Ui(self.name or "skinseg", self.schema, json=_asks_for_json(arguments)))
        if standalone_mode:
            sys.exit(code)
        return code

    def invoke(self, ctx: click.Context) -> Any:
        """Call the function while the loggers write to stderr."""
        with _logging_to_stderr(ctx.find_object(Ui)):
            return super().invoke(ctx)

    def _run(self, arguments: list[str], ui: Ui) -> int:
        with noting_interrupts(ui.note_interrupt):
            try:
                outcome = super().main(arguments, prog_name=ui.name, standalone_mode=False, obj=ui)
            except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # the last door: a user gets one sentence
                return ui.fail(KeyboardInterrupt() if ui.is_interrupted else error)
        return outcome if isinstance(outcome, int) else 0


def command(name: str, schema: str, *, examples: tuple[str, str]) -> Callable[[Callable[..., int | None]], Command]:
    """Turn a function into a skinseg command.

    *name*: of the program. *schema*: of its `--json` documents. *examples*: two true command lines that end its help.
    The function gets a `Ui`, then its click parameters by name; it returns the exit code (None is 0). Its docstring is
    the help text.
    """

    def decorate(function: Callable[..., int | None]) -> Command:
        return click.command(name, cls=Command, schema=schema, examples=examples)(click.pass_obj(function))

    return decorate


def name_option(option: str, kind: str, known: Sequence[str], **attributes: Any) -> Callable[[_Function], _Function]:
    """Add an *option* ("--engine") that takes one name of a *kind* ("engine") out of *known*.

    Another name is answered with the list and the nearest, and never corrected. *attributes*: as of `click.option`.
    """

    def one_of_them(value: str) -> str:
        if value not in known:
            raise unknown_name(kind, value, known)
        return value

    return click.option(option, type=one_of_them, metavar=f"[{'|'.join(known)}]", **attributes)


def _shared_options() -> list[click.Parameter]:
    def set_json(ctx: click.Context, _: click.Parameter, given: bool) -> None:
        ctx.find_object(Ui).json |= given  # type: ignore[union-attr]  # main always passes one

    def set_verbosity(ctx: click.Context, parameter: click.Parameter, count: int) -> None:
        ui = ctx.find_object(Ui)
        if ui is not None and count:
            ui.verbosity = -1 if parameter.name == "quiet" else count

    def show_version(ctx: click.Context, _: click.Parameter, given: bool) -> None:
        ui = ctx.find_object(Ui)
        if given and ui is not None:
            ui.result({"version": __version__}, f"{ui.name} {__version__}")
            ctx.exit(0)

    def option(*names: str, **attributes: Any) -> click.Option:
        return click.Option(names, expose_value=False, **attributes)

    return [
        option("--json", is_flag=True, callback=set_json, help="Print exactly one JSON object on stdout."),
        option("-v", "--verbose", count=True, callback=set_verbosity, help="Tell more; -vv adds tracebacks."),
        option("-q", "--quiet", count=True, callback=set_verbosity, help="Tell only results, warnings and errors."),
        option("--version", is_flag=True, is_eager=True, callback=show_version, help="Print the version and end."),
    ]


def _asks_for_json(arguments: Sequence[str]) -> bool:
    # A usage error strikes before click has parsed --json, so it is looked for by hand.
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in options


def _described(error: BaseException) -> tuple[str, str, int]:
    """Return kind, message and exit code of whatever ended a command."""
    if isinstance(error, SkinsegError):
        return type(error).__name__, str(error), error.exit_code
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return "Interrupted", "interrupted", _INTERRUPTED
    if isinstance(error, click.ClickException):
        sentence = error.format_message().rstrip(".")
        return "UsageError", f"cannot read the command line: {sentence}; see --help", 2
    if isinstance(error, ModuleNotFoundError) and error.name in _EXTRAS:
        remedy = f"run pip install 'skinseg-edge[{_EXTRAS[error.name]}]'"
        return "ToolMissing", f"cannot go on: the package {error.name} is not installed; {remedy}", 3
    if isinstance(error, MemoryError):
        return "MemoryError", "cannot go on: the memory is full; close other programs or use smaller pictures", 2
    if isinstance(error, OSError):
        place = f" ({error.filename})" if error.filename else ""
        return "OSError", f"cannot go on: {error.strerror or error}{place}", 2
    return (
        type(error).__name__,
        f"stopped by a mistake of this program ({error!r}); run again with -vv and report it",
        1,
    )


def _error_document(error: SkinsegError) -> dict[str, object]:
    kind, message, exit_code = _described(error)
    return {"kind": kind, "message": message, "exit_code": exit_code}


@contextmanager
def _logging_to_stderr(ui: Ui | None) -> Iterator[None]:
    verbosity = 0 if ui is None else ui.verbosity
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    level = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}.get(verbosity, logging.DEBUG)
    loggers = [
        logging.getLogger(name) for name in ("skinseg_edge", "skinseg_runtime", "skinseg_export", "skinseg_demo")
    ]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(level)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
            logger.setLevel(logging.NOTSET)
