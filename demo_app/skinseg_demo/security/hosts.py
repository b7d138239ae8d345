"""Under which names the box answers: its own addresses and names, so that no foreign name can be pointed at it."""

import socket

from skinseg_demo.config import DemoConfig
from skinseg_demo.serving.addresses import addresses_of_this_box

__all__ = ["host_names", "trusted_hosts"]


def host_names(config: DemoConfig) -> tuple[str, ...]:
    """Return the names of this box, without those of loopback: given ones, then its own name and NAME.local."""
    own = socket.gethostname().lower()
    short = own.partition(".")[0]
    own_names = () if short in {"", "localhost"} else (own, f"{short}.local")
    return tuple(dict.fromkeys((*(name.lower() for name in config.names), *own_names)))


def trusted_hosts(config: DemoConfig) -> list[str]:
    """Return what the Host header may say, without the port."""
    addresses = [f"[{address}]" if ":" in address else address for address in addresses_of_this_box()]
    return ["localhost", "127.0.0.1", "[::1]", *addresses, *host_names(config)]
