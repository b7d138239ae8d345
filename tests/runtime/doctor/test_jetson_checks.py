"""JetPack, module, power mode and clocks, read from files that stand in for a board's."""

from collections.abc import Callable
from pathlib import Path

import pytest

from skinseg_runtime.doctor import Finding, Host, jetson_checks
from tests.runtime.doctor.boards import host, orin, told, write, write_orin


@pytest.mark.parametrize(
    "check", [jetson_checks.jetpack, jetson_checks.module, jetson_checks.power_mode, jetson_checks.clocks]
)
def test_elsewhere_nothing_of_a_jetson_is_missed(tmp_path: Path, check: Callable[[Host], Finding]) -> None:
    assert told(check(host(tmp_path))) == ("ok", "no Jetson")


def test_a_supported_jetpack_is_well(tmp_path: Path) -> None:
    write_orin(tmp_path)
    assert told(jetson_checks.jetpack(orin(tmp_path))) == ("ok", "JetPack 6.2 (L4T 36.4.3)")


@pytest.mark.parametrize(
    ("release", "words"),
    [
        ("# R36 (release), REVISION: 3.0,", "JetPack 6.0 (L4T 36.3.0) brings TensorRT 8, which is not supported"),
        ("# R35 (release), REVISION: 6.1,", "JetPack 5.1.5 (L4T 35.6.1) brings TensorRT 8"),
        ("# R32 (release), REVISION: 7.1,", "L4T 32.7.1, supported is JetPack 6.1 or newer"),
    ],
)
def test_a_jetpack_with_tensorrt_8_is_told_to_be_replaced(tmp_path: Path, release: str, words: str) -> None:
    write(tmp_path, "etc/nv_tegra_release", release)

    finding = jetson_checks.jetpack(orin(tmp_path))

    assert (finding.status, finding.remedy) == ("missing", jetson_checks.FLASH)
    assert words in finding.found


def test_a_jetpack_newer_than_this_version_is_a_warning(tmp_path: Path) -> None:
    write(tmp_path, "etc/nv_tegra_release", "# R41 (release), REVISION: 1.0,")

    finding = jetson_checks.jetpack(orin(tmp_path))

    assert finding.status == "warn"
    assert "L4T 41.1.0 (a release that this version does not know)" in finding.found


def test_a_container_without_the_release_file_is_told_how_to_get_it(tmp_path: Path) -> None:
    write(tmp_path, "proc/device-tree/compatible", "nvidia,tegra234\0")

    finding = jetson_checks.jetpack(orin(tmp_path))

    assert (finding.status, finding.remedy) == ("warn", jetson_checks.SHOW_RELEASE)


def test_the_module_is_named_with_its_chip_and_accelerators(tmp_path: Path) -> None:
    write_orin(tmp_path)
    assert told(jetson_checks.module(orin(tmp_path))) == ("ok", "Jetson Orin Nano 8GB, tegra234, 0 DLA cores")


def test_a_module_that_is_not_in_the_table_is_called_what_the_board_calls_itself(tmp_path: Path) -> None:
    write_orin(tmp_path)
    write(tmp_path, "proc/device-tree/compatible", "nvidia,p9999-0000\0nvidia,tegra234\0")
    assert told(jetson_checks.module(orin(tmp_path)))[1].startswith("NVIDIA Jetson Orin Nano Developer Kit, tegra234")


def test_the_power_mode_is_read_and_never_set(tmp_path: Path) -> None:
    write_orin(tmp_path)
    asked: list[list[str]] = []

    def fake_output(command: list[str]) -> str:
        asked.append(command)
        return "NV Power Mode: MAXN_SUPER\n2\n"

    finding = jetson_checks.power_mode(orin(tmp_path, output=fake_output))

    assert (finding.status, asked) == ("ok", [["/usr/sbin/nvpmodel", "-q"]])
    assert finding.found.startswith("MAXN_SUPER")


def test_a_power_mode_that_is_not_told_is_a_warning(tmp_path: Path) -> None:
    write_orin(tmp_path)
    finding = jetson_checks.power_mode(orin(tmp_path, output=lambda _: None))
    assert (finding.status, finding.remedy) == ("warn", "sudo nvpmodel -q")


def test_the_clock_of_the_gpu_is_told(tmp_path: Path) -> None:
    write_orin(tmp_path)
    assert "GPU at 306 of 1020 MHz now" in jetson_checks.clocks(orin(tmp_path)).found


def test_a_clock_that_cannot_be_read_is_no_fault(tmp_path: Path) -> None:
    write_orin(tmp_path)
    (tmp_path / "sys/class/devfreq/17000000.gpu/max_freq").unlink()
    assert told(jetson_checks.clocks(orin(tmp_path))) == ("ok", "the GPU's clock is not to be read here")
