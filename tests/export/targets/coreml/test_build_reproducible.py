"""The same network gives the same bytes, in whatever process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.export.targets.coreml.packages import bytes_of, specification

pytest.importorskip("coremltools", reason="needs the coreml extra")
pytestmark = pytest.mark.slow  # two processes, four conversions each

_BUILD = """
import sys
from pathlib import Path
import numpy as np
from skinseg_export.targets.coreml.build import mlpackage_from_torch
from skinseg_export.targets.coreml.options import CoremlOptions
from tests.export.targets.coreml.convolutions import CONTRACT, Convolutions

picture = np.arange(64 * 96 * 3, dtype=np.uint8).reshape(64, 96, 3)
for precision, ios in (("fp16", 17), ("int4", 18), ("palettized", 17), ("w8a8", 17)):
    folder = Path(sys.argv[1]) / f"{precision}.mlpackage"
    options = CoremlOptions(precision=precision, ios=ios)
    mlpackage_from_torch(Convolutions(), CONTRACT, folder, options, metadata={"network": "x"}, calibration=[picture])
"""


def _built(folder: Path, seed: str) -> Path:
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-W", "ignore", "-c", _BUILD, str(folder)], check=True, env=environment)
    return folder


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    first, second = (_built(tmp_path_factory.mktemp("packages"), seed) for seed in ("1", "2"))
    return first, second


def test_two_processes_write_the_same_packages_byte_for_byte(twice: tuple[Path, Path]) -> None:
    first, second = (bytes_of(folder) for folder in twice)

    assert len(first) == 4 * 3  # manifest, specification and weights of each
    assert {path for path in first if first[path] != second.get(path)} == set()
    assert first.keys() == second.keys()


def test_the_day_of_the_conversion_is_not_told(twice: tuple[Path, Path]) -> None:
    metadata = dict(specification(twice[0] / "fp16.mlpackage").description.metadata.userDefined)

    assert not [key for key in metadata if "date" in key]
    assert metadata["com.github.apple.coremltools.version"]


def test_identifiers_follow_the_content_and_the_root_is_the_specification(twice: tuple[Path, Path]) -> None:
    manifests = {
        name: json.loads((twice[0] / f"{name}.mlpackage" / "Manifest.json").read_bytes())
        for name in ("fp16", "palettized")
    }

    for manifest in manifests.values():
        root = manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]
        assert root["path"] == "com.apple.CoreML/model.mlmodel"
    assert manifests["fp16"]["itemInfoEntries"].keys().isdisjoint(manifests["palettized"]["itemInfoEntries"])
