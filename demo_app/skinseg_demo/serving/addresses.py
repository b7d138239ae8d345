"""Which addresses a phone can reach this box at."""

import socket
import struct
import sys
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address

__all__ = ["addresses_of_this_box", "main_address"]

# Nothing is sent there: a UDP socket is only asked which of our addresses it would use. RFC 5737 and RFC 3849.
_OUTSIDE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
_SIOCGIFADDR = 0x8915  # linux/sockios.h: the IPv4 address of the interface named in a `struct ifreq`


def addresses_of_this_box() -> tuple[str, ...]:
    """Return this box's addresses without loopback and link-local ones, the likeliest for a phone first."""
    found = dict.fromkeys((*_of_routes(), *_of_interfaces(), *_of_own_name()))
    return tuple(sorted((a for a in found if _is_reachable(a)), key=lambda a: ":" in a))


def main_address(host: str = "0.0.0.0") -> str:
    """Return the address for the QR code: *host* where it is one address, else the likeliest; 127.0.0.1 without any."""
    if host not in ("0.0.0.0", "::", ""):
        return host
    return next(iter(addresses_of_this_box()), "127.0.0.1")


def _of_routes() -> list[str]:
    found = []
    for family, outside in _OUTSIDE:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((outside, 9))
            found.append(str(probe.getsockname()[0]))
    return found


def _of_interfaces() -> list[str]:
    """Ask Linux for each interface's address: a box on a Wi-Fi without a way out has no route to ask for."""
    if not sys.platform.startswith("linux"):
        return []
    from fcntl import ioctl

    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for _, name in socket.if_nameindex():
            with suppress(OSError):  # an interface without an IPv4 address
                answer = ioctl(asked.fileno(), _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
                found.append(socket.inet_ntoa(answer[20:24]))
    return found


def _of_own_name() -> list[str]:
    with suppress(OSError):
        return [str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None)]
    return []


def _is_reachable(text: str) -> bool:
    try:
        address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return not (address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast)
