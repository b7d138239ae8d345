"""The local CA."""

from pathlib import Path

from skinseg_demo.config import DemoConfig

__all__ = ["ca_file"]


def ca_file(config: DemoConfig) -> Path:
    """Return the path of the CA's certificate (DER)."""
    return config.tls_folder / "skinseg-ca.crt"
