"""The Triton part of a bundle, from a checkpoint to the files of a server."""

from pathlib import Path

import onnx

from skinseg_edge.bundle import BundleDraft
from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_export import ExportOptions
from skinseg_export.artefacts import Artefacts
from skinseg_export.golden import Golden
from skinseg_export.onnx_from_torch import OnnxExport, onnx_from_torch
from skinseg_export.torch_engine import TorchEngine
from skinseg_export.triton_artefacts import add_triton

_IDENTITY = {"network": "darkness", "checkpoint_sha256": "none"}


def _add(
    folder: Path,
    checkpoint: Checkpoint,
    options: ExportOptions,
    single: OnnxExport,
    reference: TorchEngine,
    golden: tuple[Golden, ...],
    name: str = "lesion",
) -> Artefacts:
    artefacts = Artefacts(BundleDraft(folder))
    add_triton(artefacts, checkpoint, options, single, reference, golden, name=name, identity=_IDENTITY)
    return artefacts


def _batch_axis(path: Path) -> str:
    shape = onnx.load(path).graph.input[0].type.tensor_type.shape
    return str(shape.dim[0].dim_param)


def test_a_checkpoint_becomes_a_verified_repository_with_a_free_batch_axis(
    tmp_path: Path,
    checkpoint: Checkpoint,
    exported: OnnxExport,
    reference: TorchEngine,
    golden: tuple[Golden, ...],
) -> None:
    made = _add(tmp_path, checkpoint, ExportOptions(targets=("triton",)), exported, reference, golden)

    (artefact,) = made.made
    assert (artefact.name, artefact.path, artefact.precision, artefact.status) == (
        "triton",
        "triton",
        "fp32",
        "verified",
    )
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["triton/lesion/1/model.onnx", "triton/lesion/config.pbtxt", "triton/lesion/labels.txt"]
    assert _batch_axis(tmp_path / "triton" / "lesion" / "1" / "model.onnx") == "N"
    assert any("no server was run" in remark for remark in made.remarks)


def test_a_bundle_with_a_free_batch_axis_serves_its_own_file(
    tmp_path: Path,
    checkpoint: Checkpoint,
    reference: TorchEngine,
    golden: tuple[Golden, ...],
) -> None:
    free_batch = onnx_from_torch(checkpoint.network, checkpoint.contract, dynamic_batch=True)
    options = ExportOptions(targets=("triton",), dynamic_batch=True)

    _add(tmp_path, checkpoint, options, free_batch, reference, golden)

    served = (tmp_path / "triton" / "lesion" / "1" / "model.onnx").read_bytes()
    assert served == free_batch.model.SerializeToString()


def test_a_repository_that_fails_stays_in_the_bundle_marked_failed(
    tmp_path: Path,
    checkpoint: Checkpoint,
    golden: tuple[Golden, ...],
    reference: TorchEngine,
    exported: OnnxExport,
) -> None:
    options = ExportOptions(targets=("triton",), dynamic_batch=True)  # takes the export as it is: of one picture

    made = _add(tmp_path, checkpoint, options, exported, reference, golden)

    (artefact,) = made.made
    assert artefact.status == "failed"
    assert "a fixed batch" in str(artefact.checks["failure"])
    assert (tmp_path / "triton" / "lesion" / "config.pbtxt").is_file()


def test_a_bundle_whose_name_no_model_can_have_is_served_by_its_networks(
    tmp_path: Path,
    checkpoint: Checkpoint,
    exported: OnnxExport,
    reference: TorchEngine,
    golden: tuple[Golden, ...],
) -> None:
    _add(tmp_path, checkpoint, ExportOptions(targets=("triton",)), exported, reference, golden, name="病変")

    assert [path.name for path in (tmp_path / "triton").iterdir()] == ["darkness"]
