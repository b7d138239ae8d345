"""A small network's model repository, made once."""

import pytest

from skinseg_export.onnx_from_torch import OnnxExport, onnx_from_torch
from skinseg_export.targets.triton import ModelRepository, model_repository
from tests.export.darkness import CONTRACT, Darkness

IDENTITY = {"network": "darkness", "checkpoint_sha256": "none"}


@pytest.fixture(scope="session")
def free_batch() -> OnnxExport:
    return onnx_from_torch(Darkness(), CONTRACT, dynamic_batch=True, metadata=IDENTITY)


@pytest.fixture(scope="session")
def repository(free_batch: OnnxExport) -> ModelRepository:
    return model_repository("lesion", free_batch.model.SerializeToString(), CONTRACT, identity=IDENTITY)
