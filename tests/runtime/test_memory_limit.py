"""What a container or a service allows of the machine's memory."""

from pathlib import Path

import pytest

from skinseg_runtime.memory_limit import memory_limit
from tests.runtime.doctor.boards import write

_MIB = 1 << 20


def _group(root: Path, folder: str, limit: object, used: int, droppable: int = 0) -> None:
    write(root, f"sys/fs/cgroup/{folder}memory.max", f"{limit}\n")
    write(root, f"sys/fs/cgroup/{folder}memory.current", f"{used}\n")
    write(root, f"sys/fs/cgroup/{folder}memory.stat", f"anon 1\ninactive_file {droppable}\n")


def test_a_machine_without_limits_has_none(tmp_path: Path) -> None:
    assert memory_limit(tmp_path) is None
    _group(tmp_path, "", "max", 5 * _MIB)
    assert memory_limit(tmp_path) is None


def test_files_that_can_be_dropped_count_as_free(tmp_path: Path) -> None:
    _group(tmp_path, "", 1000 * _MIB, 400 * _MIB, 100 * _MIB)
    assert memory_limit(tmp_path) == (700 * _MIB, 1000 * _MIB)


def test_the_narrowest_of_the_groups_around_a_process_counts(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "0::/system.slice/skinseg-demo.service\n")
    _group(tmp_path, "system.slice/", 500 * _MIB, 450 * _MIB)
    _group(tmp_path, "system.slice/skinseg-demo.service/", 800 * _MIB, 100 * _MIB)

    assert memory_limit(tmp_path) == (50 * _MIB, 500 * _MIB)


@pytest.mark.parametrize(("limit", "found"), [(9223372036854771712, None), (300 * _MIB, (200 * _MIB, 300 * _MIB))])
def test_the_first_version_of_cgroups_is_read_too(tmp_path: Path, limit: int, found: tuple[int, int] | None) -> None:
    write(tmp_path, "sys/fs/cgroup/memory/memory.limit_in_bytes", f"{limit}\n")
    write(tmp_path, "sys/fs/cgroup/memory/memory.usage_in_bytes", f"{100 * _MIB}\n")

    assert memory_limit(tmp_path) == found
