"""NVML behind a module that is made up for the test: its names are those of nvidia-ml-py, its figures nobody's."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from skinseg_runtime.device_sensors.nvml import INSTALL_NVML, nvml
from tests.runtime.device_sensors.made_up_trees import write


class _MadeUpError(Exception):
    pass


def _made_up_nvml(**changes: Any) -> ModuleType:
    def refuses(*_: object) -> int:
        raise _MadeUpError("Not Supported")

    names: dict[str, Any] = {
        "NVMLError": _MadeUpError,
        "NVML_CLOCK_SM": 1,
        "nvmlInit": lambda: None,
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda number: f"card {number}",
        "nvmlDeviceGetHandleByUUID": lambda uuid: f"card {uuid}",
        "nvmlDeviceGetTotalEnergyConsumption": lambda _: 4_000,
        "nvmlDeviceGetPowerUsage": lambda _: 30_000,
        "nvmlDeviceGetTemperature": lambda *_: 61,
        "nvmlDeviceGetClockInfo": lambda *_: 900,
        "nvmlDeviceGetMaxClockInfo": lambda *_: 2100,
        "nvmlDeviceGetMemoryInfo": lambda _: SimpleNamespace(used=512 << 20),
        "nvmlDeviceGetCurrentClocksEventReasons": lambda _: 0x44 | 0x1,  # power limit, the card's heat; idle counts not
    }
    module = ModuleType("pynvml")
    for name, value in {**names, **changes}.items():
        setattr(module, name, refuses if value is None else value)
    return module


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root that shows an NVIDIA card, with a made-up NVML."""
    write(tmp_path, "dev/nvidiactl", "")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setitem(sys.modules, "pynvml", _made_up_nvml())
    return tmp_path


def test_a_card_tells_energy_power_heat_clock_and_why_it_is_slow(card: Path) -> None:
    found = nvml(card)
    values = {(sensor.name, sensor.kind): sensor.read() for sensor in found.found}
    assert values == {
        ("GPU", "energy_j"): 4.0,
        ("GPU", "power_w"): 30.0,
        ("GPU", "temperature_c"): 61.0,
        ("GPU", "clock_mhz"): 900.0,
        ("GPU", "memory_mib"): 512.0,
        ("GPU: power limit", "throttle_flag"): 1.0,
        ("GPU: hardware slowdown", "throttle_flag"): 0.0,
        ("GPU: heat, told by the driver", "throttle_flag"): 0.0,
        ("GPU: heat, told by the card", "throttle_flag"): 1.0,
        ("GPU: power brake", "throttle_flag"): 0.0,
    }
    assert [sensor.highest for sensor in found.found if sensor.kind == "clock_mhz"] == [2100.0]


def test_what_a_card_does_not_tell_is_left_out(card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = _made_up_nvml(
        nvmlDeviceGetTotalEnergyConsumption=None,
        nvmlDeviceGetCurrentClocksEventReasons=None,
        nvmlDeviceGetMemoryInfo=None,
    )
    monkeypatch.setitem(sys.modules, "pynvml", silent)
    assert [sensor.kind for sensor in nvml(card).found] == ["power_w", "temperature_c", "clock_mhz"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nvmlInit": None}, "NVML says 'Not Supported'"),
        ({"nvmlDeviceGetCount": lambda: 2}, "there are several"),
    ],
)
def test_a_card_that_cannot_be_asked_is_told(
    card: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], words: str
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", _made_up_nvml(**changes))
    (unread,) = nvml(card).unread
    assert words in unread.why
    assert unread.remedy is not None


def test_of_several_cards_the_one_with_the_number_that_cuda_was_given_is_read(
    card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def power_mw(handle: object) -> int:
        asked.append(handle)
        return 30_000

    several = _made_up_nvml(nvmlDeviceGetCount=lambda: 2, nvmlDeviceGetPowerUsage=power_mw)
    monkeypatch.setitem(sys.modules, "pynvml", several)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-made-up")
    nvml(card)
    assert asked == ["card GPU-made-up"]


def test_without_the_package_its_installation_is_named_and_without_a_card_nothing(
    card: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert [unread.remedy for unread in nvml(card).unread] == [INSTALL_NVML]
    (tmp_path / "dev/nvidiactl").unlink()
    assert nvml(tmp_path).unread == ()


def test_every_name_that_is_asked_for_is_one_of_the_real_package() -> None:
    real = pytest.importorskip("pynvml", reason="nvidia-ml-py is optional; where it is installed its names are checked")
    made_up = [name for name in vars(_made_up_nvml()) if name.startswith(("nvml", "NVML"))]
    assert [name for name in made_up if not hasattr(real, name)] == []
