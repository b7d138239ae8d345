"""What a kernel may use while it is tried, on the boards and cards this project knows."""

import pytest

from skinseg_runtime.engine_build.workspace import workspace_mib

MIB = 1 << 20
GIB = 1 << 30


@pytest.mark.parametrize(
    ("board", "free_mib", "total_mib", "expected"),
    [
        ("Orin Nano 4 GB with a desktop: 3.35 GiB are shown", 1200, 3430, 288),
        ("Orin Nano 4 GB without one", 2600, 3430, 416),
        ("Orin Nano 8 GB with a desktop", 4200, 7620, 928),
        ("Orin Nano 8 GB, busy", 2000, 7620, 480),
        ("Orin NX 16 GB", 13000, 15650, 1952),
        ("AGX Orin 64 GB", 58000, 62800, 4096),
    ],
)
def test_a_board_gives_a_kernel_a_quarter_of_what_is_free_and_an_eighth_of_all_at_most(
    board: str, free_mib: int, total_mib: int, expected: int
) -> None:
    assert workspace_mib(free_mib * MIB, total_mib * MIB, True) == expected, board


@pytest.mark.parametrize(("free_mib", "total_mib", "expected"), [(7500, 8192, 3744), (23000, 24576, 11488)])
def test_a_graphics_card_gives_a_kernel_half_of_what_is_free(free_mib: int, total_mib: int, expected: int) -> None:
    assert workspace_mib(free_mib * MIB, total_mib * MIB, False) == expected


@pytest.mark.parametrize("is_integrated", [True, False])
@pytest.mark.parametrize("free_bytes", [0, 10 * MIB])
def test_a_full_device_still_gets_what_the_smallest_kernels_need(free_bytes: int, is_integrated: bool) -> None:
    assert workspace_mib(free_bytes, 8 * GIB, is_integrated) == 64


@pytest.mark.parametrize("is_integrated", [True, False])
def test_more_free_memory_never_gives_less_workspace(is_integrated: bool) -> None:
    given = [workspace_mib(free * 50 * MIB, 16 * GIB, is_integrated) for free in range(300)]

    assert given == sorted(given)


def test_a_free_figure_beyond_the_card_counts_as_all_of_it() -> None:
    assert workspace_mib(64 * GIB, 8 * GIB, False) == 4096
