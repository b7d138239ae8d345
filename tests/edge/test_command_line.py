"""The command frame: one result, one error shape, the exit codes, and silence where silence is due."""

import io
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from skinseg_edge._version import __version__
from skinseg_edge.command_line import Ui, command, name_option
from skinseg_edge.errors import IntegrityFailed, PictureUnreadable, ToolMissing

EXAMPLES = ("skinseg-try lesion.skinseg", "skinseg-try lesion.skinseg --deed fail --json")


@command("skinseg-try", "skinseg.try/1", examples=EXAMPLES)
@click.argument("word")
@click.option("--deed", default="", help="What to do.")
@name_option("--engine", "engine", ["auto", "onnxruntime", "trt"], default="auto", help="The engine.")
def try_out(ui: Ui, word: str, deed: str, engine: str) -> int:
    """Do one thing."""
    errors: dict[str, BaseException] = {
        "fail": PictureUnreadable(f"cannot read {word}: 3 bytes, expected a picture; send another"),
        "integrity": IntegrityFailed("cannot trust it"),
        "tool": ToolMissing("cannot run: no tool"),
        "interrupt": KeyboardInterrupt(),
        "memory": MemoryError(),
        "torchless": ModuleNotFoundError("No module named 'torch'", name="torch"),
        "bereft": ModuleNotFoundError("No module named 'skinseg_edge.moles'", name="skinseg_edge.moles"),
        "mistake": ZeroDivisionError("a slip"),
        "os": PermissionError(13, "Permission denied", "secret.txt"),
    }
    if deed in errors:
        raise errors[deed]
    logging.getLogger("skinseg_runtime.engines").info("loaded in 0.1 s")
    ui.info(f"working on {word}")
    ui.warn("the light is poor")
    with ui.progress(2, "steps") as advance:
        advance()
        advance()
    failure = IntegrityFailed("one part differs") if deed == "partly" else None
    return ui.result({"word": word, "engine": engine}, f"made {word}", failure=failure)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(try_out, list(arguments))


def only_object(text: str) -> dict[str, object]:
    document = json.loads(text)  # fails when anything stands before or after the object
    assert isinstance(document, dict)
    return document


def test_a_result_goes_to_stdout_and_all_else_to_stderr() -> None:
    result = run("mole")
    assert result.exit_code == 0
    assert result.stdout == "made mole\n"
    assert result.stderr == "skinseg-try: working on mole\nskinseg-try: warning: the light is poor\n"


def test_quiet_keeps_results_and_warnings() -> None:
    result = run("mole", "-q")
    assert (result.stdout, result.stderr) == ("made mole\n", "skinseg-try: warning: the light is poor\n")


def test_verbose_shows_the_log_and_the_log_is_quiet_again_afterwards() -> None:
    assert "skinseg_runtime.engines: loaded in 0.1 s" in run("mole", "-v").stderr
    assert not logging.getLogger("skinseg_runtime").handlers
    assert "loaded in" not in run("mole").stderr


def test_json_prints_exactly_one_object() -> None:
    result = run("mole", "--json")
    assert only_object(result.stdout) == {
        "schema": "skinseg.try/1",
        "ok": True,
        "word": "mole",
        "engine": "auto",
    }


def test_an_error_is_one_sentence_on_stderr_with_its_exit_code() -> None:
    result = run("a.jpg", "--deed", "fail")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "skinseg-try: cannot read a.jpg: 3 bytes, expected a picture; send another\n"


def test_an_error_as_json_has_the_fixed_shape() -> None:
    result = run("a.jpg", "--deed", "integrity", "--json")
    assert result.exit_code == 1
    error = {"kind": "IntegrityFailed", "message": "cannot trust it", "exit_code": 1}
    assert only_object(result.stdout) == {"schema": "skinseg.try/1", "ok": False, "error": error}


@pytest.mark.parametrize(
    ("deed", "exit_code", "words"),
    [
        ("tool", 3, "no tool"),
        ("interrupt", 130, "interrupted"),
        ("memory", 2, "the memory is full"),
        ("torchless", 3, "the package torch is not installed; run pip install 'skinseg-edge[train,export]'"),
        ("bereft", 1, "a mistake of this program"),
        ("os", 2, "cannot go on: Permission denied (secret.txt)"),
        ("mistake", 1, "a mistake of this program (ZeroDivisionError('a slip')); run again with -vv"),
    ],
)
def test_every_way_to_fail_has_its_exit_code(deed: str, exit_code: int, words: str) -> None:
    plain, as_json = run("x", "--deed", deed), run("x", "--deed", deed, "--json")
    assert (plain.exit_code, as_json.exit_code) == (exit_code, exit_code)
    assert words in plain.stderr
    assert "Traceback" not in plain.stderr
    assert only_object(as_json.stdout)["ok"] is False


def test_a_traceback_comes_with_vv_only() -> None:
    assert "Traceback" in run("x", "--deed", "fail", "-vv").stderr
    assert "Traceback" not in run("x", "--deed", "fail", "-v").stderr


def test_a_result_that_is_not_what_was_wanted_is_printed_with_its_error() -> None:
    plain, as_json = run("mole", "--deed", "partly", "-q"), run("mole", "--deed", "partly", "--json")
    assert (plain.exit_code, plain.stdout) == (1, "made mole\n")
    assert "skinseg-try: one part differs" in plain.stderr
    document = only_object(as_json.stdout)
    assert document["ok"] is False
    assert document["word"] == "mole"
    assert document["error"] == {"kind": "IntegrityFailed", "message": "one part differs", "exit_code": 1}


@pytest.mark.parametrize("arguments", [[], ["mole", "--depe", "x"], ["mole", "two"]])
def test_a_usage_error_ends_with_2_and_keeps_the_shape_under_json(arguments: list[str]) -> None:
    plain, as_json = run(*arguments), run(*arguments, "--json")
    assert (plain.exit_code, as_json.exit_code, plain.stdout) == (2, 2, "")
    assert plain.stderr.startswith("skinseg-try: cannot read the command line: ")
    error = only_object(as_json.stdout)["error"]
    assert isinstance(error, dict)
    assert error["kind"] == "UsageError"


def test_an_unknown_name_is_answered_with_the_nearest_and_not_corrected() -> None:
    result = run("mole", "--engine", "onnxrutime")
    assert result.exit_code == 2
    assert "cannot find the engine 'onnxrutime': known are auto, onnxruntime, trt" in result.stderr
    assert "did you mean 'onnxruntime'?" in result.stderr


def test_help_ends_with_the_two_examples() -> None:
    result = run("-h")
    assert result.exit_code == 0
    assert result.stdout.endswith(f"Examples:\n  {EXAMPLES[0]}\n  {EXAMPLES[1]}\n")
    for option in ("--json", "-v, --verbose", "-q, --quiet", "--version", "-h, --help", "[auto|onnxruntime|trt]"):
        assert option in result.stdout


def test_version_is_told_plainly_and_as_json() -> None:
    assert run("--version").stdout == f"skinseg-try {__version__}\n"
    assert only_object(run("--json", "--version").stdout)["version"] == __version__


def test_a_command_without_two_examples_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="two examples"):
        command("skinseg-x", "skinseg.x/1", examples=("skinseg-x", "python -m other"))(lambda ui: None)


def test_a_file_name_that_the_stream_cannot_show_does_not_stop_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    Ui("skinseg-try", "skinseg.try/1").result({}, "h\u00e4nd-\udcff.jpg")
    stream.seek(0)
    assert stream.read() == "h\\xe4nd-\\udcff.jpg\n"


def test_a_message_stays_on_one_line_whatever_a_file_is_called() -> None:
    assert run("new\nline\x1b[31m.jpg", "--deed", "fail").stderr.startswith(
        "skinseg-try: cannot read new\\nline\\x1b[31m.jpg: 3 bytes"
    )


@pytest.mark.parametrize("deed", ["lost", "disguised"])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_with_130_even_where_a_library_swallows_it(deed: str, sent: signal.Signals) -> None:
    @command("skinseg-try", "skinseg.try/1", examples=EXAMPLES)
    def swallow(ui: Ui) -> int:
        """Do what torch.export and callbacks from C++ do."""
        try:
            signal.raise_signal(sent)
        except KeyboardInterrupt as error:
            if deed == "disguised":
                raise RuntimeError("cannot export") from error
        with ui.progress(2, "steps") as advance:
            advance()
        return ui.result({})

    result = CliRunner().invoke(swallow, ["--json"])

    assert result.exit_code == 130
    assert only_object(result.stdout)["error"] == {"kind": "Interrupted", "message": "interrupted", "exit_code": 130}
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_closed_streams_do_not_stop_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert try_out.main(["mole"], standalone_mode=False) == 0
    sys.stdout.close()
    sys.stderr.close()


def test_a_table_in_a_file_has_no_colour_and_whole_paths(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.table import Table

    table = Table("picture")
    table.add_row("[bold]" + "p" * 100)
    Ui("skinseg-try", "skinseg.try/1").result({}, table)
    printed = capsys.readouterr().out
    assert "p" * 100 in printed
    assert "\x1b" not in printed


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@contextmanager
def terminal_as_stderr(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    terminal = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)
        patch.setenv("TERM", "xterm-256color")
        yield terminal


@pytest.mark.parametrize(("no_color", "verbosity", "shown"), [("", 0, True), ("1", 0, False), ("", -1, False)])
def test_a_bar_is_shown_on_a_terminal_only_where_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch, no_color: str, verbosity: int, shown: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    with terminal_as_stderr(monkeypatch) as terminal:
        with Ui("skinseg-try", "s/1", verbosity=verbosity).progress(1, "pictures") as advance:
            advance()
        assert ("pictures" in terminal.getvalue()) is shown


def test_a_bar_shows_what_its_work_tells_at_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    told = iter(["3 [s] left", "2 [s] left"])
    with terminal_as_stderr(monkeypatch) as terminal:
        with Ui("skinseg-try", "s/1").progress(2, "pictures", tail=lambda: next(told)) as advance:
            advance()
            advance()
        assert "2 [s] left" in terminal.getvalue()


_PRINTS_MUCH = """
import sys
from skinseg_edge.command_line import command

@command("skinseg-try", "s/1", examples=("skinseg-try", "skinseg-try -q"))
def main(ui):
    "Wait, then print."
    sys.stdin.read()
    return ui.result({"much": "x" * 100000}, "x" * 100000)

main()
"""


def child(*arguments: str, stdout: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", _PRINTS_MUCH, *arguments],
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )


def test_a_reader_that_leaves_early_does_not_turn_success_into_failure() -> None:
    reader, writer = os.pipe()
    with child(stdout=writer) as process:
        os.close(writer)
        os.close(reader)
        _, complaint = process.communicate(timeout=30)
    assert (process.returncode, complaint) == (0, b"")


@pytest.mark.parametrize("arguments", [(), ("--json",)])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device that is always full")
def test_a_result_that_cannot_be_printed_is_a_failure(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full, child(*arguments, stdout=full.fileno()) as process:
        _, complaint = process.communicate(timeout=30)
    assert process.returncode == 2
    if not arguments:
        assert complaint == b"skinseg-try: cannot go on: No space left on device\n"
