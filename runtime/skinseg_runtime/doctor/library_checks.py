"""The packages that decode photos and videos, run networks, check signatures, export, and serve the demo."""

import re

from skinseg_runtime.doctor.finding import Finding, missing, ok, warn
from skinseg_runtime.doctor.host import Host
from skinseg_runtime.engines.onnxruntime_providers import PROVIDERS

__all__ = ["coreml", "coreml_run", "cryptography", "demo", "export", "onnxruntime", "opencv", "providers", "video"]

_SIGNING = "pip install 'skinseg-edge[signing]'"
_COREML_RUN = "pip install 'skinseg-edge[coreml-runtime]'"
_REINSTALL = "pip install --force-reinstall --no-deps {package}"


def onnxruntime(host: Host) -> Finding:
    """Find what runs a network where no TensorRT does."""
    return _needed(host, "onnxruntime", "onnxruntime", "ONNX Runtime")


def providers(host: Host) -> Finding:
    """Tell what else than the processor ONNX Runtime was built to compute with, by the names of the engines."""
    built = host.find("onnxruntime").providers
    engines = [provider.engine for provider in PROVIDERS if provider.onnx_name in built]
    if not engines:
        return ok("providers", "the processor alone")
    return ok(
        "providers", f"the processor; built in as well, and tried when --engine asks for it: {', '.join(engines)}"
    )


def opencv(host: Host) -> Finding:
    """Find what decodes and resizes photos."""
    return _needed(host, "opencv", "cv2", "OpenCV", package="opencv-python-headless")


def video(host: Host) -> Finding:
    """Tell which videos and cameras OpenCV opens, and whether it can show a window."""
    build = host.find("cv2").build
    if not build:
        return ok("video", "OpenCV does not tell")
    can = {part: re.search(rf"^\s*{part}:\s*YES", build, re.MULTILINE) is not None for part in ("FFMPEG", "GStreamer")}
    windows = re.search(r"^\s*GUI:\s*(?!NONE)\S", build, re.MULTILINE) is not None
    told = (
        "files and rtsp" if can["FFMPEG"] else "no files nor rtsp (built without FFmpeg)",
        "GStreamer and csi cameras" if can["GStreamer"] else "no csi camera (built without GStreamer)",
        "windows" if windows else "no window, so --record instead of --display",
    )
    return ok("video", "; ".join(told))


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


def coreml_run(host: Host) -> Finding:
    """Tell whether Core ML models can be run here."""
    if host.kind != "apple":
        return ok("coreml run", "on macOS only")
    absent = [module for module in ("CoreML", "Quartz") if host.find(module).version is None]
    if absent:
        found = f"{absent[0]} of pyobjc is not installed, so the processor runs what Core ML could"
        return warn("coreml run", found, _COREML_RUN)
    return ok("coreml run", "Core ML can be called")


def demo(host: Host) -> Finding:
    """Tell whether the phone demo can be served here."""
    absent = [name for name in ("flask", "gunicorn", "cryptography") if host.package_version(name) is None]
    if not absent:
        return ok("demo", "skinseg-demo can serve")
    return ok("demo", f"{', '.join(absent)} not installed; pip install 'skinseg-edge[demo]' would bring what it lacks")


def _needed(host: Host, name: str, module: str, title: str, *, package: str | None = None) -> Finding:
    found = host.find(module)
    if found.version is not None:
        return ok(name, f"{title} {found.version}")
    why = "not installed" if found.fault is None else f"it cannot be imported: {found.fault}"
    return missing(name, why, _REINSTALL.format(package=package or module))
