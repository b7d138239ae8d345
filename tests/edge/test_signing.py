"""A device with a trusted key opens what its owner signed, and nothing else."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import (
    BundleUnusable,
    FileMissing,
    InputError,
    IntegrityFailed,
    OutputRefused,
    SignatureInvalid,
    ToolMissing,
)
from skinseg_edge.signing import SIGNATURE_BYTES, check_signature, generate_key, sign_bundle

pytest.importorskip("cryptography", reason="the extra `signing` is not installed")

_RSA_PUBLIC = b"""-----BEGIN PUBLIC KEY-----
MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAL6dJB3GVJRSOQQLBrRmHoRNyzTdZZ8K
-----END PUBLIC KEY-----
"""


@pytest.fixture
def private_key(tmp_path: Path) -> Path:
    """The maker's private key; its public half lies beside it as `public.pem`."""
    generate_key(tmp_path / "private.pem", tmp_path / "public.pem")
    return tmp_path / "private.pem"


@pytest.fixture
def public_key(private_key: Path) -> Path:
    """The maker's public key."""
    return private_key.with_name("public.pem")


@pytest.fixture
def foreign_key(tmp_path: Path) -> Path:
    """Somebody else's public key; the private half lies beside it as `foreign.private.pem`."""
    generate_key(tmp_path / "foreign.private.pem", tmp_path / "foreign.pem")
    return tmp_path / "foreign.pem"


@pytest.fixture
def signed(bundle_path: Path, private_key: Path) -> Path:
    """A bundle that its maker signed."""
    sign_bundle(bundle_path, private_key)
    return bundle_path


@pytest.fixture(autouse=True)
def no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever key this machine trusts is no matter of these tests."""
    monkeypatch.delenv("SKINSEG_TRUSTED_KEY", raising=False)


# --- keys


def test_a_private_key_is_for_its_owner_only(private_key: Path, public_key: Path) -> None:
    assert stat.S_IMODE(private_key.stat().st_mode) == 0o600
    assert private_key.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert public_key.read_bytes().startswith(b"-----BEGIN PUBLIC KEY-----")


def test_a_key_is_never_overwritten(private_key: Path, public_key: Path, tmp_path: Path) -> None:
    before = private_key.read_bytes(), public_key.read_bytes()
    for private, public in ((private_key, tmp_path / "new.pem"), (tmp_path / "new.pem", public_key)):
        with pytest.raises(OutputRefused, match="it exists already"):
            generate_key(private, public)
    assert (private_key.read_bytes(), public_key.read_bytes()) == before
    assert not (tmp_path / "new.pem").exists()


# --- signing and opening


def test_a_signed_bundle_opens_with_its_makers_key(signed: Path, public_key: Path) -> None:
    for key in (public_key, str(public_key), public_key.read_bytes()):
        assert Bundle.open(signed, trusted_key=key).signature == "verified"
    assert len((signed / "manifest.sig").read_bytes()) == SIGNATURE_BYTES
    Bundle.open(signed).verify()


def test_without_a_trusted_key_the_signature_is_there_but_unchecked(signed: Path) -> None:
    assert Bundle.open(signed).signature == "unchecked"


def test_the_environment_can_name_the_trusted_key(
    signed: Path, public_key: Path, foreign_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKINSEG_TRUSTED_KEY", str(public_key))
    assert Bundle.open(signed).signature == "verified"
    monkeypatch.setenv("SKINSEG_TRUSTED_KEY", str(foreign_key))
    with pytest.raises(SignatureInvalid):
        Bundle.open(signed)
    assert Bundle.open(signed, trusted_key=public_key).signature == "verified"


def test_an_empty_key_in_the_environment_does_not_switch_the_check_off(
    signed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKINSEG_TRUSTED_KEY", "")
    with pytest.raises(FileMissing, match="SKINSEG_TRUSTED_KEY is empty; name a PEM file or unset it"):
        Bundle.open(signed)


def test_a_foreign_key_is_refused(signed: Path, foreign_key: Path) -> None:
    with pytest.raises(SignatureInvalid, match=r"its manifest\.sig was not made by the owner of the trusted key"):
        Bundle.open(signed, trusted_key=foreign_key)


def test_a_bundle_that_somebody_else_signed_is_refused(bundle_path: Path, public_key: Path, foreign_key: Path) -> None:
    sign_bundle(bundle_path, foreign_key.with_name("foreign.private.pem"))
    with pytest.raises(SignatureInvalid):
        Bundle.open(bundle_path, trusted_key=public_key)
    sign_bundle(bundle_path, public_key.with_name("private.pem"))
    assert Bundle.open(bundle_path, trusted_key=public_key).signature == "verified"


def test_an_unsigned_bundle_is_refused_by_a_device_with_a_key(bundle_path: Path, public_key: Path) -> None:
    with pytest.raises(
        SignatureInvalid, match=r"it holds no manifest\.sig, and this device accepts signed bundles only"
    ):
        Bundle.open(bundle_path, trusted_key=public_key)


def test_a_resealed_manifest_with_a_right_digest_is_refused(signed: Path, public_key: Path) -> None:
    manifest = Bundle.open(signed).manifest
    forged = json.loads(manifest.to_bytes())["digest"]
    other = type(manifest).from_json({**manifest.to_json(), "name": "forged"}).to_bytes()
    assert forged.encode() not in other
    (signed / "manifest.json").write_bytes(other)
    assert Bundle.open(signed).manifest.name == "forged"  # hashes alone cannot tell
    with pytest.raises(SignatureInvalid):
        Bundle.open(signed, trusted_key=public_key)


def test_the_signature_is_checked_before_the_manifest_is_parsed(signed: Path, public_key: Path) -> None:
    (signed / "manifest.json").write_bytes(b"{{{")
    with pytest.raises(SignatureInvalid):
        Bundle.open(signed, trusted_key=public_key)


def test_every_changed_byte_of_the_signature_is_noticed(signed: Path, public_key: Path) -> None:
    manifest, signature = (signed / "manifest.json").read_bytes(), (signed / "manifest.sig").read_bytes()
    check_signature(manifest, signature, public_key)
    for position in range(SIGNATURE_BYTES):
        damaged = bytearray(signature)
        damaged[position] ^= 1
        with pytest.raises(SignatureInvalid):
            check_signature(manifest, bytes(damaged), public_key)


@pytest.mark.parametrize("size", [0, 63, 65, 4096])
def test_a_signature_of_another_length_is_refused_with_both_lengths(signed: Path, public_key: Path, size: int) -> None:
    (signed / "manifest.sig").write_bytes(bytes(size))
    with pytest.raises(SignatureInvalid, match=f"its manifest.sig has {size} bytes, expected 64"):
        Bundle.open(signed, trusted_key=public_key)


def test_a_signature_behind_a_link_is_refused(signed: Path, public_key: Path) -> None:
    moved = (signed / "manifest.sig").rename(signed.parent / "moved.sig")
    (signed / "manifest.sig").symlink_to(moved)
    with pytest.raises(BundleUnusable, match="a link leads to it"):
        Bundle.open(signed, trusted_key=public_key)


def test_a_damaged_bundle_is_not_signed(bundle_path: Path, private_key: Path) -> None:
    (bundle_path / "model.onnx").write_bytes(b"swapped graph")
    with pytest.raises(IntegrityFailed, match=r"changed: model\.onnx"):
        sign_bundle(bundle_path, private_key)
    assert not (bundle_path / "manifest.sig").exists()


# --- keys that are none


def test_what_is_no_public_ed25519_key_is_refused(signed: Path, private_key: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("trust me")
    for key in (private_key, tmp_path / "text", b"", _RSA_PUBLIC, _public_of_another_kind()):
        with pytest.raises(SignatureInvalid, match="no Ed25519 public key in PEM form; use the public half"):
            Bundle.open(signed, trusted_key=key)


def test_what_is_no_private_ed25519_key_signs_nothing(bundle_path: Path, public_key: Path, tmp_path: Path) -> None:
    (tmp_path / "locked.pem").write_bytes(_private_with_passphrase())
    for key in (public_key, tmp_path / "locked.pem"):
        with pytest.raises(InputError, match="no Ed25519 private key in PEM form without a passphrase"):
            sign_bundle(bundle_path, key)
    assert not (bundle_path / "manifest.sig").exists()


def test_a_key_that_is_not_there_is_named(signed: Path, tmp_path: Path) -> None:
    for use in (
        lambda: Bundle.open(signed, trusted_key=tmp_path / "nowhere.pem"),
        lambda: sign_bundle(signed, tmp_path / "nowhere.pem"),
    ):
        with pytest.raises(FileMissing, match=r"cannot read the key .*nowhere\.pem: No such file or directory"):
            use()


def _public_of_another_kind() -> bytes:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return X25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _private_with_passphrase() -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

    return Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase")
    )


# --- the package itself


def test_without_the_package_the_command_that_installs_it_is_named(
    signed: Path, public_key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "cryptography"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    for use in (
        lambda: Bundle.open(signed, trusted_key=public_key),
        lambda: sign_bundle(signed, public_key),
        lambda: generate_key(tmp_path / "new.pem", tmp_path / "new.pub"),
    ):
        with pytest.raises(ToolMissing, match=r"run: pip install 'skinseg-edge\[signing\]'"):
            use()
    assert Bundle.open(signed).signature == "unchecked"


def test_reading_bundles_imports_no_cryptography_torch_or_cv2() -> None:
    code = (
        "import sys, skinseg_edge.bundle, skinseg_edge.signing\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'cryptography', 'torch', 'cv2', 'onnx'}))"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"


def test_openssl_accepts_the_signature(signed: Path, public_key: Path) -> None:
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(public_key), "-rawin"]
    command += ["-in", str(signed / "manifest.json"), "-sigfile", str(signed / "manifest.sig")]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    assert "Signature Verified Successfully" in done.stdout, done.stderr
