"""Which targets there are and what else they may be called; a typing error is never corrected into another format."""

from skinseg_edge.errors import InputError
from skinseg_edge.known_names import unknown_name

__all__ = ["ALIASES", "TARGETS", "resolve_target"]

TARGETS = ("onnx", "trt", "coreml")
ALIASES = {"tensorrt": "trt", "engine": "trt", "mlpackage": "coreml"}


def resolve_target(name: str) -> tuple[str, ...]:
    """Return the targets that *name* stands for, out of TARGETS.

    >>> resolve_target("engine"), resolve_target("all")
    (('trt',), ('onnx', 'trt', 'coreml'))

    Raises UnknownName if nothing is called so, InputError for `triton`, which this version does not make.
    """
    if name == "all":
        return TARGETS
    if name == "triton":
        raise InputError(
            "cannot export for triton: this version has no model repository for it; "
            "export with --target trt and serve model.onnx or model.fp16.onnx"
        )
    target = ALIASES.get(name, name)
    if target not in TARGETS:
        raise unknown_name("target", name, (*TARGETS, *ALIASES, "all"))
    return (target,)
