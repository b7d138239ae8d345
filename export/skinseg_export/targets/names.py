"""Which targets there are and what else they may be called; a typing error is never corrected into another format."""

from skinseg_edge.known_names import unknown_name

__all__ = ["ALIASES", "TARGETS", "resolve_target"]

TARGETS = ("onnx", "trt", "coreml", "triton")
ALIASES = {"tensorrt": "trt", "engine": "trt", "mlpackage": "coreml"}


def resolve_target(name: str) -> tuple[str, ...]:
    """Return the targets that *name* stands for, out of TARGETS.

    >>> resolve_target("engine"), resolve_target("all")
    (('trt',), ('onnx', 'trt', 'coreml', 'triton'))

    Raises UnknownName if nothing is called so.
    """
    if name == "all":
        return TARGETS
    target = ALIASES.get(name, name)
    if target not in TARGETS:
        raise unknown_name("target", name, (*TARGETS, *ALIASES, "all"))
    return (target,)
