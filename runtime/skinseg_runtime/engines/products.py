"""The two products that run a TensorRT engine: one code drives both, the module is a parameter."""

from dataclasses import dataclass

from skinseg_edge.known_names import unknown_name

__all__ = ["PRODUCTS", "TENSORRT", "TENSORRT_RTX", "Product", "product_named"]


@dataclass(frozen=True, kw_only=True)
class Product:
    """*engine*: how this project calls it. *module*: what Python imports. *title*: how NVIDIA calls it.

    *magic*: the first four bytes of its engines. *oldest*: the first version that is supported, as numbers. *remedy*:
    how it is had where it is missing.
    """

    engine: str
    module: str
    title: str
    magic: bytes
    oldest: tuple[int, int]
    remedy: str


TENSORRT = Product(
    engine="trt",
    module="tensorrt",
    title="TensorRT",
    magic=b"ftrt",
    oldest=(10, 3),
    remedy="on a Jetson install JetPack's own with 'apt install tensorrt' and use a venv made with "
    "--system-site-packages; see docs/jetson.md",
)
TENSORRT_RTX = Product(
    engine="trt-rtx",
    module="tensorrt_rtx",
    title="TensorRT-RTX",
    magic=b"vtrt",
    oldest=(1, 7),
    remedy="run pip install 'skinseg-edge[trt-rtx]' (x86-64 Linux and Windows)",
)
PRODUCTS = (TENSORRT, TENSORRT_RTX)


def product_named(engine: str) -> Product:
    """Return the product of the engine "trt" or "trt-rtx".

    Raises UnknownName if it is none of them.

    >>> product_named("trt").title
    'TensorRT'
    """
    for product in PRODUCTS:
        if product.engine == engine:
            return product
    raise unknown_name("engine", engine, [product.engine for product in PRODUCTS])
