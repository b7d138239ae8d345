"""Ed25519 signatures of manifests: who made a bundle, next to the hashes that tell whether it is whole.

`manifest.sig` holds the 64 raw bytes of a plain Ed25519 signature of `manifest.json`, so that a hospital can check it
with tools of its own: `openssl pkeyutl -verify -pubin -inkey KEY.pem -rawin -in manifest.json -sigfile manifest.sig`.
The package `cryptography` is imported only when a signature is made or checked.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from skinseg_edge.atomic_files import check_free, write_bytes_atomically
from skinseg_edge.bundle_files import compare_files, read_small
from skinseg_edge.errors import FileMissing, InputError, SignatureInvalid, ToolMissing
from skinseg_edge.manifest import MANIFEST_LIMIT, MANIFEST_NAME, SIGNATURE_NAME, Manifest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["SIGNATURE_BYTES", "check_private_key", "check_signature", "generate_key", "sign_bundle"]

SIGNATURE_BYTES = 64

_LARGEST_KEY = 64 * 1024  # bytes; an Ed25519 key in PEM form has about 120
_NO_PRIVATE_KEY = (
    "no Ed25519 private key in PEM form without a passphrase; make one with openssl genpkey -algorithm ed25519"
)
_NO_PUBLIC_KEY = "no Ed25519 public key in PEM form; use the public half of the pair that the bundle was signed with"


def generate_key(private_path: str | Path, public_path: str | Path) -> None:
    """Make a key pair: the private half (mode 0600) stays where bundles are made, the public half goes to devices.

    Raises OutputRefused if a file is there already, because bundles that an overwritten key signed could never be
    signed again; ToolMissing if `cryptography` is not installed.
    """
    _check_cryptography()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    check_free(public_path)
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    write_bytes_atomically(private_path, private, overwrite=False, mode=0o600)
    write_bytes_atomically(public_path, public, overwrite=False)


def check_private_key(path: str | Path) -> None:
    """Check, before a long run, that `sign_bundle` can sign with this key.

    Raises FileMissing or InputError if the key cannot be used, ToolMissing if `cryptography` is not installed.
    """
    _load_private(path)


def sign_bundle(path: str | Path, private_key: str | Path) -> None:
    """Check every file of a bundle, then sign its manifest; an older signature is replaced.

    Raises IntegrityFailed if a file differs from the manifest, BundleUnusable if the folder is no bundle, FileMissing
    or InputError if the key cannot be used, ToolMissing if `cryptography` is not installed.
    """
    key = _load_private(private_key)
    root = Path(path).resolve()
    data = read_small(root, MANIFEST_NAME, MANIFEST_LIMIT)
    compare_files(root, Manifest.from_bytes(data).files).check(root.name)
    write_bytes_atomically(root / SIGNATURE_NAME, key.sign(data))


def check_signature(manifest: bytes, signature: bytes, trusted_key: str | Path | bytes) -> None:
    """Check that the owner of the trusted key signed these very bytes.

    *manifest*: bytes of `manifest.json`. *signature*: 64 bytes. *trusted_key*: an Ed25519 public key in PEM form, as a
    path or as bytes.

    Raises SignatureInvalid if the signature is another's, of other bytes, or the key is no such key; FileMissing if
    its path names nothing; ToolMissing if `cryptography` is not installed.
    """
    key = _load_public(trusted_key)
    from cryptography.exceptions import InvalidSignature

    if len(signature) != SIGNATURE_BYTES:
        raise SignatureInvalid(
            f"cannot trust the bundle: its {SIGNATURE_NAME} has {len(signature)} bytes, expected {SIGNATURE_BYTES}; "
            "sign the bundle again"
        )
    try:
        key.verify(signature, manifest)
    except InvalidSignature as error:
        raise SignatureInvalid(
            f"cannot trust the bundle: its {SIGNATURE_NAME} was not made by the owner of the trusted key for this "
            f"{MANIFEST_NAME}; get the bundle from its maker again, or the key that it was signed with"
        ) from error


def _check_cryptography() -> None:
    try:
        import cryptography.hazmat.primitives.asymmetric.ed25519  # noqa: F401  # only whether it is there
    except ImportError as error:
        raise ToolMissing(
            "cannot make or check signatures: the package cryptography is not installed; "
            "run: pip install 'skinseg-edge[signing]'"
        ) from error


def _load_private(path: str | Path) -> "Ed25519PrivateKey":
    _check_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    pem = _read_key(path)
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(f"cannot sign: {path} is {_NO_PRIVATE_KEY}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"cannot sign: {path} is {_NO_PRIVATE_KEY}")
    return key


def _load_public(trusted_key: str | Path | bytes) -> "Ed25519PublicKey":
    _check_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    pem = trusted_key if isinstance(trusted_key, bytes) else _read_key(trusted_key)
    named = "the trusted key" if isinstance(trusted_key, bytes) else trusted_key
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SignatureInvalid(f"cannot check the signature: {named} is {_NO_PUBLIC_KEY}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise SignatureInvalid(f"cannot check the signature: {named} is {_NO_PUBLIC_KEY}")
    return key


def _read_key(path: str | Path) -> bytes:
    try:
        with Path(path).open("rb") as stream:
            return stream.read(_LARGEST_KEY)
    except OSError as error:
        raise FileMissing(
            f"cannot read the key {path}: {error.strerror}; check the path and its permissions"
        ) from error
