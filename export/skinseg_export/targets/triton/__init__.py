"""A model repository for NVIDIA's Triton Inference Server: one network, served over HTTP and gRPC."""

from skinseg_export.targets.triton.build import ModelRepository, TritonSettings, config_for_plan, model_repository
from skinseg_export.targets.triton.names import check_model_name, model_name_from
from skinseg_export.targets.triton.verify import verify_repository

__all__ = [
    "ModelRepository",
    "TritonSettings",
    "check_model_name",
    "config_for_plan",
    "model_name_from",
    "model_repository",
    "verify_repository",
]
