"""The Triton part of a bundle: a model repository, checked against Triton's schema and the trained network."""

from collections.abc import Mapping, Sequence

from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_export.artefacts import Artefacts
from skinseg_export.export_options import ExportOptions
from skinseg_export.golden import Golden
from skinseg_export.onnx_from_torch import OnnxExport, onnx_from_torch
from skinseg_export.targets.triton.build import model_repository
from skinseg_export.targets.triton.names import model_name_from
from skinseg_export.targets.triton.verify import verify_repository
from skinseg_runtime.engines import Engine

__all__ = ["REPOSITORY_PATH", "add_triton"]

REPOSITORY_PATH = "triton"


def add_triton(
    artefacts: Artefacts,
    checkpoint: Checkpoint,
    options: ExportOptions,
    single: OnnxExport,
    reference: Engine,
    golden: Sequence[Golden],
    *,
    name: str,
    identity: Mapping[str, str],
) -> None:
    """Add the model repository, artefact `triton`, that serves *checkpoint* in fp32 under the bundle's *name*.

    *single*: the bundle's own fp32 export; another with a free batch axis is made unless it has one. *reference*: the
    trained network. *identity*: what every artefact says of where it comes from.

    Raises InputError if neither *name* nor the network's leaves anything that a server's model could be called.
    """
    contract = checkpoint.contract
    called = model_name_from(name, checkpoint.network_name)
    export = single if options.dynamic_batch else _with_free_batch(checkpoint, options, identity)
    repository = model_repository(called, export.model.SerializeToString(), contract, identity=identity)
    for path, data in repository.files.items():
        artefacts.draft.add_bytes(f"{REPOSITORY_PATH}/{path}", data)
    artefacts.add(
        "triton",
        REPOSITORY_PATH,
        "fp32",
        lambda: verify_repository(repository, export, contract, reference, golden, trained=checkpoint.trained),
    )
    artefacts.remarks.append(
        f"Triton serves {REPOSITORY_PATH}/ as model {called}; verified in ONNX Runtime, no server was run here"
    )


def _with_free_batch(checkpoint: Checkpoint, options: ExportOptions, identity: Mapping[str, str]) -> OnnxExport:
    return onnx_from_torch(
        checkpoint.network, checkpoint.contract, opset=options.opset, dynamic_batch=True, metadata=identity
    )
