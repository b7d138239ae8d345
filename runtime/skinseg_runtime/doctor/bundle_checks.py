"""A bundle on this machine: whether it is whole, and whether an engine stands ready for it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from skinseg_edge.errors import SkinsegError
from skinseg_runtime.doctor.finding import Finding, missing, ok, warn
from skinseg_runtime.doctor.host import Host
from skinseg_runtime.engines.products import PRODUCTS, Product

if TYPE_CHECKING:
    from skinseg_edge.bundle import Bundle

__all__ = ["bundle_findings"]


def bundle_findings(host: Host, path: Path) -> Iterator[Finding]:
    """Check the bundle, then the engine of each TensorRT that is here; nothing of a broken bundle is looked at."""
    from skinseg_edge.bundle import Bundle

    try:
        bundle = Bundle.open(path)
        bundle.verify()
    except SkinsegError as error:
        yield missing("bundle", str(error), f"skinseg-verify {path}")
        return
    except OSError as error:
        yield missing("bundle", f"the system says '{error.strerror or error}' of {path}", f"skinseg-verify {path}")
        return
    yield ok("bundle", f"{bundle.manifest.name}, {len(bundle.manifest.files)} files match their hashes")
    for product in PRODUCTS:
        if host.find(product.module).version is not None and not isinstance(host.gpu, str):
            yield _engine(host, bundle, product)


def _engine(host: Host, bundle: "Bundle", product: Product) -> Finding:
    from skinseg_runtime.engines.precisions import usual_precision
    from skinseg_runtime.preflight import build_command, preflight
    from skinseg_runtime.this_device import identify

    name, precision = f"engine {product.engine}", usual_precision(bundle)
    try:
        found = preflight(bundle, product, precision, identify(product, host.root))
    except SkinsegError as error:
        return warn(name, str(error), build_command(bundle, product, precision))
    if found.state == "ready":
        return ok(name, f"{precision}, proved on this device")
    return warn(name, found.finding, found.remedy)
