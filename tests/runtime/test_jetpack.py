"""Which Jetson this is: read from files such as NVIDIA's Linux has them."""

from pathlib import Path

import pytest

from skinseg_runtime.jetpack import JETPACKS, MODULES, read_jetpack


def _write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _release(major: int, revision: str) -> str:
    return (
        f"# R{major} (release), REVISION: {revision}, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: Wed Jan 8\n"
    )


def test_a_workstation_is_no_jetson(tmp_path: Path) -> None:
    _write(tmp_path, "var/lib/dpkg/status", "Package: bash\nStatus: install ok installed\nVersion: 5.2\n")
    assert read_jetpack(tmp_path) is None


@pytest.mark.parametrize(
    ("major", "revision", "l4t", "jetpack"),
    [  # the pairs of https://developer.nvidia.com/embedded/jetpack-archive
        (36, "4.0", "36.4.0", "6.1"),
        (36, "4.3", "36.4.3", "6.2"),
        (36, "4.7", "36.4.7", "6.2.1"),
        (36, "5.0", "36.5.0", "6.2.2"),
        (38, "2.0", "38.2.0", "7.0"),
        (38, "4", "38.4.0", "7.1"),
        (39, "2.0", "39.2.0", "7.2"),
        (35, "6.1", "35.6.1", "5.1.5"),
    ],
)
def test_the_release_file_tells_the_jetpack(tmp_path: Path, major: int, revision: str, l4t: str, jetpack: str) -> None:
    _write(tmp_path, "etc/nv_tegra_release", _release(major, revision))

    found = read_jetpack(tmp_path)

    assert found is not None
    assert (found.l4t, found.jetpack) == (l4t, jetpack)


def test_a_release_newer_than_the_table_has_no_jetpack_and_says_so(tmp_path: Path) -> None:
    _write(tmp_path, "etc/nv_tegra_release", _release(41, "1.0"))

    found = read_jetpack(tmp_path)

    assert found is not None
    assert found.jetpack is None
    assert found.title == "a Jetson, L4T 41.1.0 (a release that this version does not know)"


def test_the_package_tells_the_release_where_the_file_is_missing(tmp_path: Path) -> None:
    packages = (
        "Package: nvidia-l4t-camera\nVersion: 1.2.3\n\n"
        "Package: nvidia-l4t-core\nStatus: install ok installed\nVersion: 36.4.4-20250616085344\n"
    )
    _write(tmp_path, "var/lib/dpkg/status", packages)

    found = read_jetpack(tmp_path)

    assert found is not None
    assert (found.l4t, found.jetpack) == ("36.4.4", "6.2.1")


def test_the_device_tree_tells_board_chip_and_module(tmp_path: Path) -> None:
    _write(tmp_path, "etc/nv_tegra_release", _release(36, "4.3"))
    _write(tmp_path, "proc/device-tree/model", "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super\0")
    _write(
        tmp_path,
        "proc/device-tree/compatible",
        "nvidia,p3768-0000+p3767-0005-super\0nvidia,p3767-0005\0nvidia,tegra234\0",
    )

    found = read_jetpack(tmp_path)

    assert found is not None
    assert (found.soc, found.part) == ("tegra234", "p3767-0005")
    assert found.module == MODULES["p3767-0005"]
    assert found.title == "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super, JetPack 6.2 (L4T 36.4.3)"


def test_a_container_that_sees_only_the_device_tree_is_a_jetson_of_unknown_release(tmp_path: Path) -> None:
    _write(tmp_path, "proc/device-tree/compatible", "nvidia,p4071-0000\0nvidia,tegra264\0")

    found = read_jetpack(tmp_path)

    assert found is not None
    assert (found.l4t, found.jetpack, found.soc) == (None, None, "tegra264")
    assert found.title == "a Jetson, L4T unknown"


def test_every_release_of_the_table_reads_back_from_its_own_file(tmp_path: Path) -> None:
    for l4t, jetpack in JETPACKS.items():
        major, _, revision = l4t.partition(".")
        _write(tmp_path, "etc/nv_tegra_release", _release(int(major), revision))
        found = read_jetpack(tmp_path)
        assert found is not None
        assert (found.l4t, found.jetpack) == (l4t, jetpack)


def test_a_container_that_sees_only_the_gpu_of_a_jetson_is_one(tmp_path: Path) -> None:
    _write(tmp_path, "dev/nvhost-ctrl-gpu", "")

    found = read_jetpack(tmp_path)

    assert found is not None
    assert (found.l4t, found.jetpack, found.soc, found.board, found.module) == (None, None, None, None, None)
