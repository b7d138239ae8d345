"""Driver, CUDA, TensorRT and TensorRT-RTX, and the ways in which they are known to break."""

from dataclasses import replace
from pathlib import Path

import pytest

from skinseg_edge.errors import ToolMissing
from skinseg_runtime.cuda_memory.device import CudaFault, GpuFacts
from skinseg_runtime.doctor import Host, Library, gpu_checks
from tests.runtime.doctor.boards import FAKE_ORIN, host, orin, told, write, write_orin

_PIP = Library("10.3.0", "/opt/skinseg/lib/python3.10/site-packages/tensorrt/__init__.py")


def _orin_with_pips(root: Path, version: str) -> Host:
    installed = {"tensorrt-cu12": version}
    return orin(root, {"tensorrt": replace(_PIP, version=version)}, package_version=installed.get)


def _workstation(root: Path, libraries: dict[str, Library] | None = None, *, processor: str = "x86_64") -> Host:
    write(root, "dev/nvidiactl", "")
    write(root, "proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul\n")
    card = replace(FAKE_ORIN, name="fake RTX", compute_capability="8.9", is_integrated=False)
    return host(root, libraries, gpu_facts=lambda: card, processor=processor)


def test_a_machine_without_an_nvidia_gpu_misses_nothing_of_one(tmp_path: Path) -> None:
    plain = host(tmp_path)

    assert told(gpu_checks.driver(plain)) == ("ok", "no NVIDIA GPU")
    assert told(gpu_checks.cuda(plain)) == ("ok", "no NVIDIA GPU")
    assert gpu_checks.tensorrt(plain).status == "ok"
    assert told(gpu_checks.tensorrt_rtx(plain)) == ("ok", "not installed, and not for this machine")


def test_the_driver_of_a_workstation_is_told_with_its_version(tmp_path: Path) -> None:
    assert told(gpu_checks.driver(_workstation(tmp_path))) == ("ok", "NVIDIA 580.65.06")


def test_a_card_without_a_driver_is_told_to_get_one(tmp_path: Path) -> None:
    write(tmp_path, "sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n")
    write(tmp_path, "sys/bus/pci/devices/0000:01:00.0/class", "0x030000\n")

    finding = gpu_checks.driver(host(tmp_path))

    assert (finding.status, finding.remedy) == ("missing", "sudo ubuntu-drivers install")


def test_the_sound_of_a_card_is_no_card(tmp_path: Path) -> None:
    write(tmp_path, "sys/bus/pci/devices/0000:01:00.1/vendor", "0x10de\n")
    write(tmp_path, "sys/bus/pci/devices/0000:01:00.1/class", "0x040300\n")
    assert host(tmp_path).kind == "cpu"


def test_a_gpu_that_this_user_may_not_open_is_told_with_the_groups(tmp_path: Path) -> None:
    write_orin(tmp_path)

    finding = gpu_checks.driver(orin(tmp_path, may_use=lambda path: path.name != "nvmap"))

    assert told(finding) == ("missing", "this user may not open /dev/nvmap")
    assert finding.remedy == gpu_checks.ADD_TO_GROUPS


def test_a_container_without_the_gpu_is_told_how_to_get_it(tmp_path: Path) -> None:
    write_orin(tmp_path)
    for node in (tmp_path / "dev").iterdir():
        node.unlink()
    assert gpu_checks.driver(orin(tmp_path)).remedy == gpu_checks.WITH_GPU


def test_cuda_tells_the_gpu_and_that_it_shares_the_memory(tmp_path: Path) -> None:
    write_orin(tmp_path)

    finding = gpu_checks.cuda(orin(tmp_path))

    assert finding.status == "ok"
    assert finding.found.startswith("fake Orin, compute capability 8.7, 8.0 GiB shared with the processor, CUDA 12.6")


@pytest.mark.parametrize(
    "fault", [ToolMissing("cannot use CUDA: no pycuda"), CudaFault("cuInit", "CUDA_ERROR_UNKNOWN")]
)
def test_a_jetson_without_cuda_misses_it_and_a_workstation_only_could_have_it(tmp_path: Path, fault: Exception) -> None:
    write_orin(tmp_path / "board")

    def no_facts() -> GpuFacts:
        raise fault

    board = gpu_checks.cuda(orin(tmp_path / "board", gpu_facts=no_facts))
    desk = gpu_checks.cuda(replace(_workstation(tmp_path / "desk"), gpu_facts=no_facts))

    assert (board.status, board.found, board.remedy) == ("missing", str(fault), gpu_checks.CUDA_ON_JETSON)
    assert (desk.status, desk.found, desk.remedy) == ("warn", str(fault), "pip install cuda-bindings")


def test_jetpacks_own_tensorrt_is_well(tmp_path: Path) -> None:
    write_orin(tmp_path)
    assert told(gpu_checks.tensorrt(orin(tmp_path))) == ("ok", "TensorRT 10.3.0")


@pytest.mark.parametrize("version", ["10.3.0", "10.13.3.9", "10.16.1.11"])
def test_pips_tensorrt_on_orin_with_jetpack_6_is_told_by_what_it_would_say(tmp_path: Path, version: str) -> None:
    write_orin(tmp_path)

    finding = gpu_checks.tensorrt(_orin_with_pips(tmp_path, version))

    assert (finding.status, finding.remedy) == ("missing", gpu_checks.NO_PIP_TENSORRT)
    assert "'Target GPU SM 87 is not supported by this TensorRT release'" in finding.found


def test_the_wheel_of_nvidias_archive_for_jetson_is_well(tmp_path: Path) -> None:
    write_orin(tmp_path)
    assert gpu_checks.tensorrt(orin(tmp_path, {"tensorrt": replace(_PIP, version="10.7.0")})).status == "ok"


@pytest.mark.parametrize(("version", "status"), [("10.13.3.9", "missing"), ("10.16.2.10", "ok"), ("11.4.1.1", "ok")])
def test_on_jetpack_7_a_build_for_servers_works_on_orin_from_10_16_on(
    tmp_path: Path, version: str, status: str
) -> None:
    write_orin(tmp_path)
    write(tmp_path, "etc/nv_tegra_release", "# R39 (release), REVISION: 2.0,")

    finding = gpu_checks.tensorrt(_orin_with_pips(tmp_path, version))

    assert finding.status == status


def test_pips_tensorrt_is_right_on_a_thor_whose_chip_a_container_hides(tmp_path: Path) -> None:
    write(tmp_path, "etc/nv_tegra_release", "# R38 (release), REVISION: 4.0,")
    assert gpu_checks.tensorrt(_orin_with_pips(tmp_path, "10.13.3.9")).status == "ok"


def test_a_virtual_environment_that_does_not_see_jetpacks_tensorrt_is_opened_by_one_command(tmp_path: Path) -> None:
    write_orin(tmp_path)

    finding = gpu_checks.tensorrt(orin(tmp_path, {"tensorrt": Library(None)}))

    assert finding.status == "missing"
    assert finding.found == "JetPack's is installed, but this virtual environment does not see the system's packages"
    assert finding.remedy is not None
    assert finding.remedy.startswith("sed -i 's/^include-system-site-packages = false/")
    assert finding.remedy.endswith(str(Path("/opt/skinseg/pyvenv.cfg")))


def test_the_command_that_opens_a_virtual_environment_really_opens_it(tmp_path: Path) -> None:
    import re

    config = "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.10.12\n"
    pattern, text = re.findall(r"s/(.*?)/(.*?)/'", gpu_checks.SEE_SYSTEM_PACKAGES)[0]
    assert "include-system-site-packages = true\n" in re.sub(pattern, text, config, flags=re.MULTILINE)


def test_a_jetson_where_tensorrt_was_never_installed_is_told_the_package(tmp_path: Path) -> None:
    write_orin(tmp_path)
    (tmp_path / "usr/lib/python3.10/dist-packages/tensorrt/__init__.py").unlink()
    (tmp_path / "usr/lib/python3.10/dist-packages/tensorrt").rmdir()

    finding = gpu_checks.tensorrt(orin(tmp_path, {"tensorrt": Library(None)}))

    assert (finding.status, finding.found, finding.remedy) == ("missing", "not installed", gpu_checks.INSTALL_TENSORRT)


def test_a_tensorrt_that_cannot_be_imported_is_told_with_its_words(tmp_path: Path) -> None:
    write_orin(tmp_path)
    broken = Library(None, fault="libnvinfer.so.10: cannot open shared object file")

    board = gpu_checks.tensorrt(orin(tmp_path, {"tensorrt": broken}))
    desk = gpu_checks.tensorrt(host(tmp_path / "desk", {"tensorrt": broken}))

    assert (board.status, desk.status) == ("missing", "ok")
    assert "libnvinfer.so.10: cannot open shared object file" in board.found
    assert "libnvinfer.so.10: cannot open shared object file" in desk.found


def test_a_tensorrt_that_is_too_old_is_told_with_the_oldest_that_works(tmp_path: Path) -> None:
    write_orin(tmp_path)
    old = Library("8.6.2", "/usr/lib/python3.10/dist-packages/tensorrt/__init__.py")

    finding = gpu_checks.tensorrt(orin(tmp_path, {"tensorrt": old}))

    assert told(finding) == ("missing", "TensorRT 8.6.2, expected 10.3 or newer")
    assert finding.remedy == gpu_checks.UPDATE_JETPACK


@pytest.mark.parametrize(
    ("library", "status", "words"),
    [
        (Library("1.7.1.116"), "ok", "TensorRT-RTX 1.7.1.116"),
        (Library("1.4.0"), "warn", "TensorRT-RTX 1.4.0, expected 1.7 or newer"),
        (Library(None, fault="no libcuda"), "warn", "it cannot be imported: no libcuda"),
        (Library(None), "warn", "not installed, so the card may lie idle"),
    ],
)
def test_a_workstation_is_told_of_tensorrt_rtx(tmp_path: Path, library: Library, status: str, words: str) -> None:
    assert told(gpu_checks.tensorrt_rtx(_workstation(tmp_path, {"tensorrt_rtx": library}))) == (status, words)


def test_a_gpu_that_is_in_no_support_matrix_of_tensorrt_rtx_is_a_warning(tmp_path: Path) -> None:
    server = replace(FAKE_ORIN, compute_capability="9.0", is_integrated=False)
    desk = replace(_workstation(tmp_path, {"tensorrt_rtx": Library("1.7.1.116")}), gpu_facts=lambda: server)

    finding = gpu_checks.tensorrt_rtx(desk)

    assert told(finding) == ("warn", "TensorRT-RTX 1.7.1.116 is not said to support compute capability 9.0")


def test_a_jetson_does_without_tensorrt_rtx(tmp_path: Path) -> None:
    write_orin(tmp_path)
    assert gpu_checks.tensorrt_rtx(orin(tmp_path)).status == "ok"
