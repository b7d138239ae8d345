"""The one place that holds the version: the wheel, the manifests and `--version` all read it here."""

__all__ = ["__version__"]

__version__ = "0.1.0"
