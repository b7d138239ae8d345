"""What happens before the first request: the ports, the certificates, an empty practice store, the first code."""

import errno
import shutil
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from skinseg_demo.config import DemoConfig
from skinseg_demo.security.pairing import AT_START, Pairing
from skinseg_demo.serving.address_watch import certified_names
from skinseg_demo.serving.local_ca import ensure_certificates, fingerprint
from skinseg_demo.serving.pairing_code import box_address, pairing_address, trust_address
from skinseg_demo.store import Store
from skinseg_demo.store.phones import Role
from skinseg_edge.errors import DeviceBusy, FileMissing, InputError

__all__ = ["Invitation", "certificates_for", "check_ports", "empty_practice_store", "invitation"]


@dataclass(frozen=True)
class Invitation:
    """What a person needs to reach the box.

    *address*: of the demo. *pairing*: the same with a fresh token. *trust*, *ca_sha256*: the page that tells how to
    trust the box, and what its certificate's fingerprint must be; None where there is no CA of the box.
    """

    address: str
    pairing: str
    expires_at: datetime
    trust: str | None
    ca_sha256: str | None


def invitation(config: DemoConfig, role: Role = "phone", *, at_start: bool = False) -> Invitation:
    """Make a code that pairs one phone; the store is open only meanwhile, so a fork may follow."""
    store = Store.open(config.store_folder)
    try:
        pairing = Pairing(store.phones)
        offer = pairing.offer(role, AT_START) if at_start else pairing.offer(role)
    finally:
        store.close()
    has_ca = config.tls == "local-ca"
    return Invitation(
        address=box_address(config),
        pairing=pairing_address(config, offer.token),
        expires_at=offer.expires_at,
        trust=trust_address(config) if has_ca else None,
        ca_sha256=fingerprint(config) if has_ca else None,
    )


def certificates_for(config: DemoConfig) -> tuple[Path, Path] | None:
    """Return the chain and the key to serve with, made where the box is its own authority; None in practice mode.

    Raises FileMissing if an own file is not there, and what `ensure_certificates` raises.
    """
    if config.certificate is not None and config.private_key is not None:
        for path in (config.certificate, config.private_key):
            if not path.is_file():
                raise FileMissing(f"cannot serve with {path}: no such file; name the PEM files of the certificate")
        return config.certificate, config.private_key
    if config.is_practice:
        return None
    files = ensure_certificates(config, certified_names(config))
    return files.chain, files.key


def check_ports(config: DemoConfig) -> None:
    """Check that the ports are free and ours to take, so that one sentence says it.

    Raises DeviceBusy if another program has one, InputError if it may not be taken or the address is another's.
    """
    ports = {"--http-port": config.http_port} | ({} if config.is_practice else {"--port": config.port})
    for option, port in ports.items():
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((config.host, port))
            except OSError as error:
                kind = DeviceBusy if error.errno == errno.EADDRINUSE else InputError
                reason = (error.strerror or str(error)).lower()
                raise kind(
                    f"cannot listen on {config.host} port {port}: {reason}; choose another with {option} or --host"
                ) from error


def empty_practice_store(config: DemoConfig) -> None:
    """Remove what practice left behind, in whatever mode the demo starts now; the true store stays."""
    shutil.rmtree(config.practice_folder, ignore_errors=True)
