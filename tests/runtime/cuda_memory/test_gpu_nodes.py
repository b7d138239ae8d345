"""A GPU is told by the files that its driver makes, without CUDA."""

import os
from pathlib import Path

import pytest

from skinseg_runtime.cuda_memory import has_nvidia_gpu

needs_files = pytest.mark.skipif(os.name == "nt", reason="Windows has no files for its devices")


@needs_files
@pytest.mark.parametrize("node", ["dev/nvidiactl", "dev/nvhost-ctrl-gpu", "dev/nvgpu", "dev/dxg"])
def test_each_file_of_a_driver_shows_a_gpu(tmp_path: Path, node: str) -> None:
    (tmp_path / node).parent.mkdir()
    (tmp_path / node).touch()

    assert has_nvidia_gpu(tmp_path)


@needs_files
def test_a_system_without_these_files_has_no_gpu(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/dri").touch()  # what any other GPU shows

    assert not has_nvidia_gpu(tmp_path)
