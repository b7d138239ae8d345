"""The packages that decode photos, run networks on a processor, check signatures, and export."""

from skinseg_runtime.doctor.finding import Finding, missing, ok, warn
from skinseg_runtime.doctor.host import Host

__all__ = ["coreml", "cryptography", "export", "onnxruntime", "opencv"]

_SIGNING = "pip install 'skinseg-edge[signing]'"
_REINSTALL = "pip install --force-reinstall --no-deps {package}"


def onnxruntime(host: Host) -> Finding:
    """Find what runs a network where no TensorRT does."""
    return _needed(host, "onnxruntime", "onnxruntime", "ONNX Runtime")


def opencv(host: Host) -> Finding:
    """Find what decodes and resizes photos."""
    return _needed(host, "opencv", "cv2", "OpenCV", package="opencv-python-headless")


def cryptography(host: Host) -> Finding:
    """Find what checks signatures: needed as soon as a trusted key is set."""
    found = host.find("cryptography")
    if found.version is not None:
        return ok("cryptography", f"cryptography {found.version}")
    if host.environment.get("SKINSEG_TRUSTED_KEY"):
        return missing("cryptography", "a trusted key is set, and nothing can check it", _SIGNING)
    return ok("cryptography", "not installed; a trusted key would need it")


def export(host: Host) -> Finding:
    """Tell whether networks can be exported here; a device does without."""
    versions = {name: host.package_version(name) for name in ("torch", "onnx", "onnxscript")}
    absent = [name for name, version in versions.items() if version is None]
    if not absent:
        return ok("export", ", ".join(f"{name} {version}" for name, version in versions.items()))
    if host.kind == "jetson":
        return ok("export", "not installed, as it should be: export on another computer")
    return ok("export", f"{', '.join(absent)} not installed; pip install 'skinseg-edge[export]' would bring them")


def coreml(host: Host) -> Finding:
    """Tell whether Core ML models can be made here."""
    version = host.package_version("coremltools")
    if version is not None:
        return ok("coreml", f"coremltools {version}")
    if host.kind == "apple":
        return warn("coreml", "not installed, so no Core ML model can be made", "pip install 'skinseg-edge[coreml]'")
    return ok("coreml", "not installed; for Apple's devices only")


def _needed(host: Host, name: str, module: str, title: str, *, package: str | None = None) -> Finding:
    found = host.find(module)
    if found.version is not None:
        return ok(name, f"{title} {found.version}")
    why = "not installed" if found.fault is None else f"it cannot be imported: {found.fault}"
    return missing(name, why, _REINSTALL.format(package=package or module))
