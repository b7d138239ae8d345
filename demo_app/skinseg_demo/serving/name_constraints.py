"""For which addresses and names the authority of a box may vouch."""

import logging
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from cryptography import x509

__all__ = ["allowed_names", "permitted_subtrees"]

_log = logging.getLogger(__name__)

# RFC 1918, 6598, 3927, 4193, 4291: where a clinic's network is, whatever its router.
_PRIVATE = tuple(
    ip_network(block)
    for block in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "127.0.0.0/8",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)
_NAMES = ("local", "localhost")

_Network = IPv4Network | IPv6Network


def permitted_subtrees(names: Iterable[str]) -> list[x509.GeneralName]:
    """Return what the CA may vouch for: private addresses, .local, and the box's own names and public addresses."""
    general = [_general(name) for name in names]
    own = [name for name in general if isinstance(name, x509.DNSName)]
    public = [x509.IPAddress(ip_network(str(n.value))) for n in general if isinstance(n, x509.IPAddress)]
    blocks: list[x509.GeneralName] = [x509.IPAddress(block) for block in _PRIVATE]
    blocks += [address for address in public if not _is_within(address.value, _PRIVATE)]
    return [*blocks, *(x509.DNSName(name) for name in _NAMES), *own]


def allowed_names(ca: x509.Certificate, names: Iterable[str]) -> tuple[x509.GeneralName, ...]:
    """Return those of *names* that *ca* may vouch for; the others are told in a warning."""
    permitted = ca.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    networks = [name.value for name in permitted if isinstance(name, x509.IPAddress)]
    domains = [name.value for name in permitted if isinstance(name, x509.DNSName)]
    allowed: list[x509.GeneralName] = []
    for name in map(_general, names):
        if isinstance(name, x509.IPAddress):
            fits = _is_within(ip_network(str(name.value)), networks)
        else:
            fits = any(name.value == domain or str(name.value).endswith(f".{domain}") for domain in domains)
        if fits:
            allowed.append(name)
        else:
            _log.warning("this box's certificate leaves out %s: its authority may not vouch for it", name.value)
    return tuple(allowed)


def _general(name: str) -> x509.DNSName | x509.IPAddress:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _is_within(inner: object, blocks: Iterable[object]) -> bool:
    if not isinstance(inner, _Network):
        return False
    return any(
        isinstance(block, _Network)
        and block.version == inner.version
        and int(block.network_address) <= int(inner.network_address)
        and int(inner.broadcast_address) <= int(block.broadcast_address)
        for block in blocks
    )
