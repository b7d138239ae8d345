"""The phone demo: a box shows a QR code, a phone's browser takes a picture, and the outline comes back.

    from skinseg_demo import DemoConfig, create_app

    app = create_app(DemoConfig(state=Path("state"), tls="none"))

It stands on `skinseg_runtime` and never imports torch, onnx or coremltools. What is named here is imported when first
touched: `skinseg-demo --help` needs no Flask.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skinseg_demo.app import create_app
    from skinseg_demo.config import DemoConfig

__all__ = ["DemoConfig", "create_app"]

_HOME = {"DemoConfig": "config", "create_app": "app"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"skinseg_demo.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
