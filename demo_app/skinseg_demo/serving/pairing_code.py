"""The address in the QR code: the box by its number, and the token where no server ever sees it."""

from skinseg_demo.config import DemoConfig
from skinseg_demo.serving.addresses import main_address

__all__ = ["box_address", "pairing_address", "trust_address"]


def box_address(config: DemoConfig) -> str:
    """Return where the demo is reached, such as https://192.168.1.20:8443.

    An own certificate holds a name, not a number: there the first of *names* stands.
    """
    return f"{config.scheme}://{_authority(config, config.app_port)}"


def pairing_address(config: DemoConfig, token: str) -> str:
    """Return what the QR code holds; the part behind # is not sent to any server, nor in a Referer."""
    return f"{box_address(config)}/p#k={token}"


def trust_address(config: DemoConfig) -> str:
    """Return the plain page that tells how to trust the box."""
    return f"http://{_authority(config, config.http_port)}/trust"


def _authority(config: DemoConfig, port: int) -> str:
    host = config.names[0] if config.tls == "own" and config.names else main_address(config.host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
