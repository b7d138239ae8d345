"""Processes that answer, die, hang, or are left alone."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from skinseg_runtime.engine_build import apart
from skinseg_runtime.engine_build.apart import Died, Overdue, answer_of

_HANGS_S = 600
Child = Callable[[str], str]

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals of this kind")


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Child:
    """Write a module whose `work(job, tell)` has the given lines; returns its name."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(body: str) -> str:
        head = "import os, signal, sys, time\nfrom skinseg_edge.errors import ParityFailed\n"
        head += "from skinseg_runtime.engine_build.answering import answer\n\ndef work(job, tell):\n"
        (tmp_path / "child_of_test.py").write_text(
            head + textwrap.indent(textwrap.dedent(body), "    ") + "\n\nif __name__ == '__main__':\n    answer(work)\n"
        )
        return "child_of_test"

    return write


def _ignore(_: Mapping[str, object]) -> None:
    pass


def _has_ended(pid: int) -> bool:
    """Wait until no process has this number; a zombie whose parent is not us counts as ended."""
    for _ in range(600):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
            os.kill(pid, 0)
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.1)
    return False


def test_news_come_before_the_answer_and_a_job_arrives_whole(child: Child) -> None:
    news: list[Mapping[str, object]] = []
    module = child("tell({'phase': 'a'})\ntell({'phase': 'b'})\nreturn {'job': job}")

    answer = answer_of(module, {"path": "Läsion 🩹.skinseg"}, news.append, timeout_s=60)

    assert [piece for piece in news if piece] == [{"phase": "a"}, {"phase": "b"}]
    assert answer == {"done": {"job": {"path": "Läsion 🩹.skinseg"}}}


def test_an_error_of_this_project_is_an_answer(child: Child) -> None:
    answer = answer_of(child("raise ParityFailed('cannot accept it')"), {}, _ignore, timeout_s=60)

    assert answer == {"error": {"kind": "ParityFailed", "message": "cannot accept it"}}


def test_what_libraries_print_is_no_answer_and_cuts_none_in_two(child: Child) -> None:
    module = child("print('{\"done\": {\"forged\": 1}}')\nos.write(1, b'half a li')\nreturn {'real': 1}")

    assert answer_of(module, {}, _ignore, timeout_s=60) == {"done": {"real": 1}}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 always puts the current folder first")
def test_a_package_that_is_named_like_a_part_of_python_takes_no_place_of_it(
    child: Child, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "statistics.py").write_text("raise SystemExit(9)\n")
    monkeypatch.setattr(apart, "_PACKAGES", tmp_path / "packages")

    answer = answer_of(child("import statistics\nreturn {'mean': statistics.mean([1, 3])}"), {}, _ignore, timeout_s=60)

    assert answer == {"done": {"mean": 2}}


def test_a_mistake_in_the_child_is_told_with_its_last_words(child: Child) -> None:
    with pytest.raises(Died) as caught:
        answer_of(child("raise RuntimeError('driver and library differ')"), {}, _ignore, timeout_s=60)

    assert (caught.value.code, caught.value.how, caught.value.was_killed) == (1, "ended with 1", False)
    assert caught.value.last == "RuntimeError: driver and library differ"


@posix_only
@pytest.mark.parametrize(("number", "was_killed"), [(signal.SIGSEGV, False), (signal.SIGKILL, True)])
def test_a_signal_is_named_and_a_kill_is_told_apart(child: Child, number: signal.Signals, was_killed: bool) -> None:
    with pytest.raises(Died) as caught:
        answer_of(child(f"os.kill(os.getpid(), {int(number)})"), {}, _ignore, timeout_s=60)

    assert (caught.value.how, caught.value.was_killed) == (f"was killed by {number.name}", was_killed)


def test_much_on_stderr_blocks_nobody(child: Child) -> None:
    answer = answer_of(
        child("sys.stderr.write('x' * 80 + '\\n')\n" * 3 + "sys.stderr.write('y' * (1 << 20))\nreturn {}"),
        {},
        _ignore,
        timeout_s=60,
    )

    assert answer == {"done": {}}


@posix_only
def test_a_child_that_takes_too_long_is_ended_with_all_it_started(
    child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids: list[int] = []
    module = child(
        f"""
        import subprocess
        other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep({_HANGS_S})"])
        tell({{"child": os.getpid(), "its own": other.pid}})
        time.sleep({_HANGS_S})
        """
    )
    real = time.monotonic

    def let_time_pass(news: Mapping[str, object]) -> None:
        if not news:
            return
        pids.extend(int(str(pid)) for pid in news.values())
        monkeypatch.setattr(time, "monotonic", lambda: real() + 2 * _HANGS_S)

    with pytest.raises(Overdue):
        answer_of(module, {}, let_time_pass, timeout_s=_HANGS_S)

    assert len(pids) == 2
    assert all(_has_ended(pid) for pid in pids)


@posix_only
def test_the_wall_clock_has_no_say_in_the_timeout(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: -1e9)

    assert answer_of(child("return {}"), {}, _ignore, timeout_s=60) == {"done": {}}


def test_a_child_that_never_stops_talking_is_ended_in_time(child: Child) -> None:
    module = child(f"""
        begun = time.monotonic()
        while time.monotonic() - begun < {_HANGS_S}:
            tell({{'phase': 'a'}})
        return {{}}
    """)

    with pytest.raises(Overdue):
        answer_of(module, {}, _ignore, timeout_s=2)


def test_whoever_waits_hears_something_while_the_child_is_silent(child: Child, tmp_path: Path) -> None:
    # The child goes on only after the parent has heard that nothing came.
    sign = tmp_path / "heard"
    module = child(f"while not os.path.exists({str(sign)!r}):\n    time.sleep(0.01)\nreturn {{}}")

    answer = answer_of(module, {}, lambda news: sign.touch() if not news else None, timeout_s=60)

    assert answer == {"done": {}}


@posix_only
def test_a_child_that_ended_is_not_waited_for_because_of_what_it_started(child: Child) -> None:
    module = child(
        f"""
        import subprocess
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep({_HANGS_S})"], stdout=tell._stream)
        os._exit(3)
        """
    )
    with pytest.raises(Died) as caught:
        answer_of(module, {}, _ignore, timeout_s=_HANGS_S)
    assert caught.value.code == 3


@posix_only
def test_ctrl_c_ends_the_child(child: Child) -> None:
    pids: list[int] = []

    def interrupt(news: Mapping[str, object]) -> None:
        if news:
            pids.append(int(str(news["pid"])))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        answer_of(child(f"tell({{'pid': os.getpid()}})\ntime.sleep({_HANGS_S})"), {}, interrupt, timeout_s=60)

    assert _has_ended(pids[0])


@posix_only
def test_ctrl_c_at_the_terminal_leaves_the_end_of_the_child_to_its_parent(child: Child) -> None:
    groups: list[object] = []
    module = child("tell({'group': os.getpgid(0)})\nreturn {}")

    answer_of(module, {}, lambda news: groups.extend(news.values()), timeout_s=60)

    assert groups != [os.getpgid(0)]


@posix_only
def test_a_child_ends_with_its_parent(child: Child, tmp_path: Path) -> None:
    module = child(f"tell({{'pid': os.getpid()}})\ntime.sleep({_HANGS_S})")
    code = (
        "import os, sys\nfrom skinseg_runtime.engine_build.apart import answer_of\n"
        "def die(news):\n    if news:\n        print(news['pid'], flush=True)\n        os.kill(os.getpid(), 9)\n"
        f"answer_of({module!r}, {{}}, die, timeout_s=60)\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), *(entry for entry in sys.path if entry)]),
    }

    parent = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment, check=False
    )

    assert parent.returncode == -signal.SIGKILL
    assert _has_ended(int(parent.stdout))


@pytest.mark.skipif(not Path("/proc/self/oom_score_adj").exists(), reason="only Linux chooses whom to end so")
def test_the_system_ends_the_child_first_when_memory_runs_out(child: Child) -> None:
    module = child("return {'score': open('/proc/self/oom_score_adj').read().strip()}")

    assert answer_of(module, {}, _ignore, timeout_s=60) == {"done": {"score": "1000"}}


def test_several_threads_may_wait_for_children_at_once(child: Child) -> None:
    module, answers = child("return {'n': job['n']}"), {}

    def ask(n: int) -> None:
        answers[n] = answer_of(module, {"n": n}, _ignore, timeout_s=60)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {n: {"done": {"n": n}} for n in range(3)}
