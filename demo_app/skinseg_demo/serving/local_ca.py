"""A certificate authority of this box alone, and the certificate that it gives the box.

Apple's rules for what an iPhone trusts (support.apple.com/103769): names stand as SubjectAltName, the extended key
usage is serverAuth, the hash is SHA-2, the key 256-bit ECC or 2048-bit RSA, the life at most 825 days. Name constraints
hold the authority to private addresses and the names of this box: who steals its key cannot pose as a bank.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from skinseg_demo.config import DemoConfig, make_private_folder
from skinseg_demo.serving.name_constraints import allowed_names, permitted_subtrees
from skinseg_edge.atomic_files import write_bytes_atomically
from skinseg_edge.errors import IntegrityFailed

__all__ = ["Certificates", "ca_file", "ensure_certificates", "fingerprint"]

_CA_DAYS = 3650
_LEAF_DAYS = 800  # below Apple's 825, a day of which lies in the past
_RENEW_DAYS = 60
_BACKDATED = timedelta(days=1)  # a phone's clock may be slow

_ALWAYS = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Certificates:
    """The files that a server needs, PEM: *chain* is the box's certificate and its CA's."""

    chain: Path
    key: Path
    ca: Path


def ca_file(config: DemoConfig) -> Path:
    """Return the path of the CA's certificate in DER, which phones install; it need not be there."""
    return config.tls_folder / "skinseg-ca.crt"


def ensure_certificates(config: DemoConfig, names: Iterable[str], *, now: datetime | None = None) -> Certificates:
    """Return certificates for *names* (host names and addresses), made or renewed where they are needed.

    The CA is made once; the box's certificate anew when the names have changed or it ends within 60 days. A name that
    the CA may not vouch for is left out, with a warning. *now*: aware.

    Raises OutputRefused if they cannot be written, IntegrityFailed if the CA's files cannot be read.
    """
    now = now or datetime.now(timezone.utc)
    folder = make_private_folder(config.tls_folder)
    files = Certificates(folder / "server.pem", folder / "server.key", folder / "ca.pem")
    ca_key = folder / "ca.key"
    wanted = tuple(dict.fromkeys((*_ALWAYS, *names)))
    if not (ca_key.is_file() and files.ca.is_file()):
        _make_ca(files.ca, ca_key, ca_file(config), wanted, now)
    ca, key = _read_ca(files.ca, ca_key)
    allowed = allowed_names(ca, wanted)
    if not _still_serves(files, ca, allowed, now):
        _make_leaf(files, ca, key, allowed, now)
    return files


def fingerprint(config: DemoConfig) -> str:
    """Return the SHA-256 of the CA's certificate as phones show it, AB:CD:...; the terminal's is the true one."""
    certificate = x509.load_der_x509_certificate(ca_file(config).read_bytes())
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _make_ca(path: Path, key_path: Path, der_path: Path, names: Iterable[str], now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    title = f"Skin outline box, made {now:%Y-%m-%d}, {os.urandom(2).hex()}"  # two boxes in one list can be told apart
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])
    certificate = (
        _builder(name, name, key, now, _CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(permitted_subtrees(names), None), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write_key(key_path, key)
    write_bytes_atomically(der_path, certificate.public_bytes(serialization.Encoding.DER))
    write_bytes_atomically(path, certificate.public_bytes(serialization.Encoding.PEM))


def _make_leaf(
    files: Certificates,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    names: tuple[x509.GeneralName, ...],
    now: datetime,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Skin outline box")])
    days = min(_LEAF_DAYS, (ca.not_valid_after_utc - now).days)
    certificate = (
        _builder(subject, ca.subject, key, now, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    _write_key(files.key, key)
    write_bytes_atomically(files.chain, certificate.public_bytes(pem) + ca.public_bytes(pem))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    data = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_bytes_atomically(path, data, mode=0o600)


def _read_ca(path: Path, key_path: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise _damaged(path.parent) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise _damaged(path.parent)
    key_path.chmod(0o600)  # a copy from elsewhere may be open to others
    return certificate, key


def _damaged(folder: Path) -> IntegrityFailed:
    return IntegrityFailed(
        f"cannot use the certificate authority in {folder}: its files are damaged or do not belong together; "
        "put back a copy, or remove the folder and let every phone trust the new one"
    )


def _still_serves(
    files: Certificates, ca: x509.Certificate, names: tuple[x509.GeneralName, ...], now: datetime
) -> bool:
    if not (files.chain.is_file() and files.key.is_file()):
        return False
    try:
        leaf = x509.load_pem_x509_certificate(files.chain.read_bytes())
        key = serialization.load_pem_private_key(files.key.read_bytes(), None)
        leaf.verify_directly_issued_by(ca)
    except Exception:  # noqa: BLE001  # whatever is wrong with it, a new one mends it
        return False
    held = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return (
        key.public_key() == leaf.public_key()
        and set(held) == set(names)
        and leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc - timedelta(days=_RENEW_DAYS)
    )
