"""TensorRT is imported on first use; what is missing, damaged or too old is told with what to do about it."""

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from skinseg_edge.errors import ToolMissing
from skinseg_runtime.engines.products import TENSORRT, TENSORRT_RTX
from skinseg_runtime.engines.tensorrt_api import TensorRt
from skinseg_runtime.engines.tensorrt_library import TensorRtLog, load, tensorrt_logger, version_numbers


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Put a module `tensorrt` of this text before all others."""

    def install(text: str) -> None:
        (tmp_path / "tensorrt.py").write_text(text, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)

    monkeypatch.delitem(sys.modules, "tensorrt", raising=False)
    yield install
    sys.modules.pop("tensorrt", None)


def test_a_missing_library_is_named_with_how_it_is_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    with pytest.raises(ToolMissing, match="cannot use TensorRT: Python finds no tensorrt; on a Jetson install JetPack"):
        load(TENSORRT)
    with pytest.raises(ToolMissing, match="cannot use TensorRT-RTX: Python finds no tensorrt_rtx; run pip install"):
        load(TENSORRT_RTX)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("raise OSError('libnvinfer.so.10: cannot open shared object file')", "libnvinfer.so.10: cannot open"),
        ("import a_part_that_is_missing", "No module named 'a_part_that_is_missing'"),
        ("raise RuntimeError", "RuntimeError()"),
        ("", "no attribute '__version__'"),
    ],
)
def test_a_damaged_library_is_told_from_a_missing_one(installed: Callable[[str], None], text: str, words: str) -> None:
    installed(text)
    with pytest.raises(ToolMissing) as met:
        load(TENSORRT)
    assert "Python finds tensorrt and cannot import it ('" in str(met.value)
    assert words in str(met.value)
    assert str(met.value).endswith("see docs/jetson.md")


@pytest.mark.parametrize("version", ["8.5.2.2", "8.6.1"])
def test_the_tensorrt_of_jetpack_5_is_not_supported(installed: Callable[[str], None], version: str) -> None:
    installed(f"__version__ = {version!r}")
    with pytest.raises(
        ToolMissing, match=f"its version is {version}, of JetPack 5 or 6.0, .* or use engine onnxruntime"
    ):
        load(TENSORRT)


def test_an_old_tensorrt_10_is_named_with_what_is_expected(installed: Callable[[str], None]) -> None:
    installed("__version__ = '10.0.1'")
    with pytest.raises(ToolMissing, match=r"its version is 10\.0\.1, expected 10\.3 or newer; on a Jetson"):
        load(TENSORRT)


@pytest.mark.parametrize("version", ["10.3.0", "10.16.2.10", "11.4.1"])
def test_versions_are_compared_as_numbers(installed: Callable[[str], None], version: str) -> None:
    installed(f"__version__ = {version!r}")
    assert load(TENSORRT).__version__ == version


def test_a_version_with_letters_has_numbers_all_the_same() -> None:
    assert version_numbers("10.7.0.post1") == (10, 7, 0, 1)


def log_of_a_stand_in() -> Any:
    class ILogger:
        pass

    return tensorrt_logger(cast("TensorRt", SimpleNamespace(ILogger=ILogger)))


def say(log: Any, severity: str, text: str) -> None:
    log.log(SimpleNamespace(name=severity), text)


def test_the_log_keeps_what_matters_since_it_was_cleared() -> None:
    log = log_of_a_stand_in()
    say(log, "ERROR", "an older one")
    log.clear()
    for severity in ("VERBOSE", "INFO", "WARNING", "ERROR", "INTERNAL_ERROR"):
        say(log, severity, f"{severity.lower()} in\n   two lines")
    assert log.complaint() == "error in two lines; internal_error in two lines"
    assert [severity for severity, _ in log.lines()] == ["INFO", "WARNING", "ERROR", "INTERNAL_ERROR"]


def test_the_log_keeps_to_its_bounds() -> None:
    log = log_of_a_stand_in()
    for number in range(2000):
        say(log, "ERROR", f"{number} " + "x" * 5000)
    assert sum(len(text) for _, text in log.lines()) <= 500 * 2000
    assert len(log.complaint()) <= 600
    assert log.lines()[-1][1].startswith("1999 ")


def test_the_log_takes_lines_of_several_threads() -> None:
    log = log_of_a_stand_in()

    def speak() -> None:
        for _ in range(100):
            say(log, "INFO", "line")

    speakers = [threading.Thread(target=speak) for _ in range(4)]
    for speaker in speakers:
        speaker.start()
    for speaker in speakers:
        speaker.join()
    assert len(log.lines()) == 400


def test_an_engine_that_is_freed_while_a_line_is_kept_may_speak_too() -> None:
    log = log_of_a_stand_in()

    class Severity:
        reads = 0

        @property
        def name(self) -> str:
            self.reads += 1
            if self.reads == 2:  # while the line is kept, which is where the collector may run
                say(log, "INFO", "an engine is gone")
            return "INFO"

    speaker = threading.Thread(target=lambda: log.log(Severity(), "a line"), daemon=True)
    speaker.start()
    speaker.join(60)
    assert not speaker.is_alive()
    assert [text for _, text in log.lines()] == ["an engine is gone", "a line"]


def test_the_real_library_takes_the_one_log_and_speaks_into_it() -> None:
    pytest.importorskip("tensorrt_rtx", reason="TensorRT-RTX is not installed")
    trt = load(TENSORRT_RTX)
    log: TensorRtLog = tensorrt_logger(trt)
    assert tensorrt_logger(trt) is log
    log.clear()
    assert trt.Runtime(log).deserialize_cuda_engine(b"no engine at all" * 8) is None
    assert "magicTag" in log.complaint()  # what RTX 1.7 says of a file of another kind
