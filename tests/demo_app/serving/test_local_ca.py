"""The certificates, field by field, against what Apple asks (support.apple.com/103769) and what a thief could do."""

import stat
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from skinseg_demo import DemoConfig
from skinseg_demo.serving.local_ca import Certificates, ca_file, ensure_certificates, fingerprint
from skinseg_edge.errors import IntegrityFailed

_NOW = datetime(2026, 11, 21, 8, 0, tzinfo=timezone.utc)
_NAMES = ("box.local", "192.168.7.2")


@pytest.fixture
def files(config: DemoConfig) -> Certificates:
    """The certificates of a box with a name and an address."""
    return ensure_certificates(config, _NAMES, now=_NOW)


def _leaf(files: Certificates) -> x509.Certificate:
    return x509.load_pem_x509_certificates(files.chain.read_bytes())[0]


def _ca(files: Certificates) -> x509.Certificate:
    return x509.load_pem_x509_certificate(files.ca.read_bytes())


def _sans(files: Certificates) -> set[str]:
    names = _leaf(files).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in names}


def test_the_boxes_certificate_keeps_apples_rules(files: Certificates) -> None:
    leaf = _leaf(files)

    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    key = leaf.public_key()
    assert ExtendedKeyUsageOID.SERVER_AUTH in usage
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= timedelta(days=825)
    assert leaf.signature_hash_algorithm is not None
    assert leaf.signature_hash_algorithm.name == "sha256"
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    assert _sans(files) == {"box.local", "192.168.7.2", "localhost", "127.0.0.1", "::1"}
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_the_certificate_is_valid_already_for_a_phone_whose_clock_is_slow(files: Certificates) -> None:
    assert _leaf(files).not_valid_before_utc == _NOW - timedelta(days=1)


def test_the_authority_signs_certificates_of_this_box_and_no_authorities(files: Certificates) -> None:
    extensions = _ca(files).extensions

    basic = extensions.get_extension_for_class(x509.BasicConstraints)
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    constraints = extensions.get_extension_for_class(x509.NameConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    assert (usage.critical, usage.value.key_cert_sign, usage.value.digital_signature) == (True, True, False)
    permitted = {str(name.value) for name in constraints.value.permitted_subtrees or []}
    assert constraints.critical
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "local", "localhost"} <= permitted
    assert "0.0.0.0/0" not in permitted


def _verify(files: Certificates, leaf: x509.Certificate, subject: x509.verification.Subject) -> None:
    store = verification.Store([_ca(files)])
    verification.PolicyBuilder().store(store).time(_NOW).build_server_verifier(subject).verify(leaf, [])


def test_a_certificate_for_a_bank_that_a_thief_signs_is_refused(config: DemoConfig, files: Certificates) -> None:
    from cryptography.hazmat.primitives import hashes, serialization

    thief = ec.generate_private_key(ec.SECP256R1())
    ca_key = serialization.load_pem_private_key((config.tls_folder / "ca.key").read_bytes(), None)
    assert isinstance(ca_key, ec.EllipticCurvePrivateKey)

    def signed_for(name: str) -> x509.Certificate:
        good = _leaf(files)
        builder = (
            x509.CertificateBuilder(good.issuer, good.subject, thief.public_key(), 7)
            .not_valid_before(good.not_valid_before_utc)
            .not_valid_after(good.not_valid_after_utc)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        )
        for kind in (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage, x509.AuthorityKeyIdentifier):
            extension = good.extensions.get_extension_for_class(kind)
            builder = builder.add_extension(extension.value, critical=extension.critical)
        return builder.sign(ca_key, hashes.SHA256())

    _verify(files, signed_for("box.local"), x509.DNSName("box.local"))
    with pytest.raises(verification.VerificationError, match="name constraint"):
        _verify(files, signed_for("bank.example"), x509.DNSName("bank.example"))


def test_keys_can_be_read_by_this_user_alone(config: DemoConfig, files: Certificates) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in config.tls_folder.glob("*.key")}

    assert modes == {"ca.key": 0o600, "server.key": 0o600}
    assert stat.S_IMODE(config.tls_folder.stat().st_mode) == 0o700


def test_a_key_that_was_copied_back_open_to_others_is_narrowed(config: DemoConfig, files: Certificates) -> None:
    key = config.tls_folder / "ca.key"
    key.chmod(0o644)

    ensure_certificates(config, _NAMES, now=_NOW)

    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_nothing_is_made_anew_while_it_serves(config: DemoConfig, files: Certificates) -> None:
    before = files.chain.read_bytes()

    ensure_certificates(config, _NAMES, now=_NOW + timedelta(days=700))

    assert files.chain.read_bytes() == before


@pytest.mark.parametrize(
    ("names", "days"), [((*_NAMES, "10.4.0.9"), 0), (("box.local",), 0), (_NAMES, 741), (_NAMES, 2000)]
)
def test_other_addresses_or_the_near_end_bring_a_new_certificate_of_the_same_authority(
    config: DemoConfig, files: Certificates, names: tuple[str, ...], days: int
) -> None:
    before, ca, mark = _leaf(files), files.ca.read_bytes(), fingerprint(config)

    ensure_certificates(config, names, now=_NOW + timedelta(days=days))

    assert _leaf(files).serial_number != before.serial_number
    assert _sans(files) == {*names, "localhost", "127.0.0.1", "::1"}
    assert (files.ca.read_bytes(), fingerprint(config)) == (ca, mark)
    assert _leaf(files).not_valid_after_utc - _leaf(files).not_valid_before_utc <= timedelta(days=825)


def test_a_damaged_certificate_of_the_box_is_made_anew(config: DemoConfig, files: Certificates) -> None:
    files.key.write_text("no key")

    ensure_certificates(config, _NAMES, now=_NOW)

    assert "PRIVATE KEY" in files.key.read_text()


def test_a_damaged_authority_is_not_replaced_behind_the_phones_backs(config: DemoConfig, files: Certificates) -> None:
    (config.tls_folder / "ca.key").write_text("no key")

    with pytest.raises(
        IntegrityFailed, match="put back a copy, or remove the folder and let every phone trust the new"
    ):
        ensure_certificates(config, _NAMES, now=_NOW)


def test_a_key_of_another_authority_is_noticed(config: DemoConfig, files: Certificates, tmp_path: Path) -> None:
    other = DemoConfig(state=tmp_path / "other")
    other.state.mkdir()
    ensure_certificates(other, _NAMES, now=_NOW)
    (config.tls_folder / "ca.key").write_bytes((other.tls_folder / "ca.key").read_bytes())

    with pytest.raises(IntegrityFailed, match="damaged or do not belong together"):
        ensure_certificates(config, _NAMES, now=_NOW)


def test_a_public_address_of_the_box_may_be_vouched_for_if_it_was_there_at_first(config: DemoConfig) -> None:
    files = ensure_certificates(config, ("203.0.113.9", "box.clinic.example"), now=_NOW)

    assert {"203.0.113.9", "box.clinic.example"} <= _sans(files)


def test_a_name_that_came_later_and_is_not_private_is_left_out_with_a_warning(
    config: DemoConfig, files: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    ensure_certificates(config, (*_NAMES, "203.0.113.9", "bank.example"), now=_NOW)

    assert _sans(files).isdisjoint({"203.0.113.9", "bank.example"})
    assert "this box's certificate leaves out bank.example: its authority may not vouch for it" in caplog.text


def test_phones_get_the_certificate_in_der_and_never_a_key(config: DemoConfig, files: Certificates) -> None:
    served = x509.load_der_x509_certificate(ca_file(config).read_bytes())

    assert served == _ca(files)
    assert len(fingerprint(config).split(":")) == 32
