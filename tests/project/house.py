"""The packages of this project as they lie on disk, and what each floor must do without."""

from pathlib import Path

__all__ = ["DEMO_TOOLS", "DEVICE_TOOLS", "HEAVY", "ROOT", "is_torch_free", "modules", "source_of"]

ROOT = Path(__file__).resolve().parent.parent.parent

# What the runtime and the torch-free wing never import.
HEAVY = ("torch", "onnx", "onnxscript", "onnxsim", "coremltools", "safetensors", "matplotlib")
# What comes with a device, or in an extra of its own: no module needs it to be imported.
DEVICE_TOOLS = ("tensorrt", "tensorrt_rtx", "coremltools", "pycuda", "pynvml", "flask", "cryptography")
# What the extra `demo` brings: the demo's modules need it, their command says so where it is missing.
DEMO_TOOLS = ("flask", "werkzeug", "gunicorn", "cryptography", "segno", "reportlab")

_TORCH_WING = ("skinseg_edge.networks", "skinseg_edge.training", "skinseg_export")
_FOLDERS = {
    "skinseg_edge": ROOT / "skinseg_edge",
    "skinseg_export": ROOT / "export" / "skinseg_export",
    "skinseg_runtime": ROOT / "runtime" / "skinseg_runtime",
    "skinseg_demo": ROOT / "demo_app" / "skinseg_demo",
}


def modules() -> dict[str, Path]:
    """List every module of the four packages but `__main__`, which runs when it is imported: dotted name -> file."""
    found: dict[str, Path] = {}
    for package, folder in _FOLDERS.items():
        for path in sorted(folder.rglob("*.py")):
            parts = (package, *path.relative_to(folder).with_suffix("").parts)
            if parts[-1] != "__main__":
                found[".".join(part for part in parts if part != "__init__")] = path
    return found


def is_torch_free(module: str) -> bool:
    """Tell whether a module belongs to a floor or wing that does without everything in HEAVY."""
    return not any(module == wing or module.startswith(f"{wing}.") for wing in _TORCH_WING)


def source_of(module: str) -> str:
    """Return the source text of a module."""
    return modules()[module].read_text(encoding="utf-8")
