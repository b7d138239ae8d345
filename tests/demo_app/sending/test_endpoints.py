"""Endpoints: real TLS, a folder, e-mail files; what acknowledges a package and what does not."""

import email
import email.policy
import os
import ssl
import time
import zipfile
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
import trustme

from skinseg_demo.sending.endpoints import NotSent, endpoint_from_text
from skinseg_demo.sending.file_endpoints import FolderEndpoint, MailEndpoint
from skinseg_demo.sending.https_endpoint import HttpsEndpoint
from skinseg_demo.sending.packages import Package, write_package
from skinseg_demo.sending.posting import Poster
from skinseg_demo.store import Store
from skinseg_edge.errors import InputError
from tests.demo_app.boxes import add_case
from tests.demo_app.sending.receivers import Receiver, receiving


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """An authority that nobody trusts by default."""
    return trustme.CA()


@pytest.fixture
def receiver(ca: trustme.CA) -> Iterator[Receiver]:
    """A receiver that takes everything."""
    with receiving(ca) as made:
        yield made


@pytest.fixture
def package(store: Store, tmp_path: Path) -> Package:
    """The package of a case."""
    return write_package(store, add_case(store).id, tmp_path / "outgoing.zip")


def _https(ca: trustme.CA, address: str) -> HttpsEndpoint:
    context = ssl.create_default_context()
    ca.configure_trust(context)
    return HttpsEndpoint(address, poster=Poster(context, silence_s=5.0))


def test_a_package_is_posted_with_the_key_of_its_content(ca: trustme.CA, receiver: Receiver, package: Package) -> None:
    _https(ca, receiver.address).send(package)

    (request,) = receiver.requests
    assert request.body == package.path.read_bytes()
    assert (request.key, request.content_type) == (package.sha256, "application/zip")


def test_a_certificate_that_nobody_vouches_for_gets_nothing(receiver: Receiver, package: Package) -> None:
    with pytest.raises(NotSent, match="its certificate is not trusted"):
        HttpsEndpoint(receiver.address).send(package)

    assert receiver.requests == []


def test_a_certificate_of_another_host_gets_nothing(ca: trustme.CA, package: Package) -> None:
    with receiving(ca, name="elsewhere.example") as receiver, pytest.raises(NotSent, match="is not trusted"):
        _https(ca, receiver.address).send(package)

    assert receiver.requests == []


def test_a_clinics_own_authority_is_named_by_the_environment(
    ca: trustme.CA, receiver: Receiver, package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    endpoint = endpoint_from_text(receiver.address)
    assert endpoint is not None
    endpoint.send(package)

    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("status", "is_for_all"),
    [(400, False), (413, False), (401, True), (404, True), (429, True), (500, True), (503, True)],
)
def test_an_answer_that_is_no_acknowledgement_is_told(
    ca: trustme.CA, receiver: Receiver, package: Package, status: int, is_for_all: bool
) -> None:
    receiver.status = status

    with pytest.raises(NotSent, match=f"the receiver answered {status}") as told:
        _https(ca, receiver.address).send(package)

    assert told.value.is_for_all is is_for_all


def test_a_wait_that_the_receiver_asks_for_is_told(ca: trustme.CA, receiver: Receiver, package: Package) -> None:
    receiver.status, receiver.headers = 503, {"Retry-After": "120"}

    with pytest.raises(NotSent) as told:
        _https(ca, receiver.address).send(package)

    assert told.value.wait is not None
    assert told.value.wait.total_seconds() == 120


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_nowhere_and_acknowledges_nothing(
    ca: trustme.CA, receiver: Receiver, package: Package, status: int
) -> None:
    receiver.status, receiver.headers = status, {"Location": receiver.address}

    with pytest.raises(NotSent, match=f"answered {status}"):
        _https(ca, receiver.address).send(package)

    assert len(receiver.requests) == 1


def test_a_web_page_acknowledges_nothing(ca: trustme.CA, receiver: Receiver, package: Package) -> None:
    receiver.headers, receiver.answer = {"Content-Type": "text/html"}, b"<h1>Welcome to our Wi-Fi</h1>"

    with pytest.raises(NotSent, match="a web page answered"):
        _https(ca, receiver.address).send(package)


def test_an_answer_without_end_acknowledges_nothing(ca: trustme.CA, receiver: Receiver, package: Package) -> None:
    receiver.answer = b"x" * 70_000

    with pytest.raises(NotSent, match="the receiver's answer did not end"):
        _https(ca, receiver.address).send(package)


def test_a_receiver_that_hangs_up_or_is_away_is_told(ca: trustme.CA, package: Package) -> None:
    with receiving(ca) as receiver:
        receiver.hangs_up = True
        with pytest.raises(NotSent, match="the receiver cannot be reached"):
            _https(ca, receiver.address).send(package)

    with pytest.raises(NotSent, match=r"the receiver cannot be reached: .*refused"):
        _https(ca, receiver.address).send(package)


def test_a_folder_gets_the_package_once_however_often_it_is_sent(package: Package, tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    endpoint = FolderEndpoint(tmp_path / "stick")

    endpoint.send(package)
    endpoint.send(package)

    assert [path.name for path in (tmp_path / "stick").iterdir()] == [package.name]
    assert (tmp_path / "stick" / package.name).read_bytes() == package.path.read_bytes()


def test_a_folder_that_is_not_there_is_not_made(package: Package, tmp_path: Path) -> None:
    with pytest.raises(NotSent, match="is not there; plug in its disk"):
        FolderEndpoint(tmp_path / "stick").send(package)

    assert not (tmp_path / "stick").exists()


def test_a_folder_that_is_full_keeps_no_half_package(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "stick").mkdir()
    monkeypatch.setattr("os.fsync", full)

    with pytest.raises(NotSent, match="takes no file: No space left on device"):
        FolderEndpoint(tmp_path / "stick").send(package)

    assert list((tmp_path / "stick").iterdir()) == []


@pytest.mark.parametrize("endpoint", [FolderEndpoint, MailEndpoint])
def test_what_a_killed_box_has_left_in_a_folder_goes_after_a_day(
    endpoint: type[FolderEndpoint | MailEndpoint], package: Package, tmp_path: Path
) -> None:
    names = [".skinseg-0123456789abcdef.part", ".skinseg-0123456789abcdee.part", ".skinseg-notes.part"]
    for name, hours in zip(names, (25, 23, 25), strict=True):
        (tmp_path / name).write_bytes(b"half a case")
        os.utime(tmp_path / name, (0, time.time() - hours * 3600))
    (tmp_path / ".skinseg-0123456789abcded.part").symlink_to(names[2])

    endpoint(tmp_path).send(package)

    assert {path.name for path in tmp_path.glob(".*")} == {*names[1:], ".skinseg-0123456789abcded.part"}


def test_an_email_file_is_a_draft_with_the_package_attached(package: Package, tmp_path: Path) -> None:
    (tmp_path / "mails").mkdir()
    MailEndpoint(tmp_path / "mails").send(package)
    MailEndpoint(tmp_path / "mails").send(package)

    (path,) = (tmp_path / "mails").iterdir()
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    (attached,) = message.iter_attachments()
    assert path.suffix == ".eml"
    assert message["Subject"] == "Skin lesion, case 2026-0001"
    assert message["X-Unsent"] == "1"
    assert attached.get_filename() == package.name
    assert attached.get_content() == package.path.read_bytes()
    body = message.get_body()
    assert body is not None
    assert "not a diagnosis" in body.get_content()
    with zipfile.ZipFile(package.path) as archive:
        assert archive.testzip() is None


@pytest.mark.parametrize("text", ["http://example.org/cases", "folder:relative", "mail:x", "ftp://x", "", "/path"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="cannot send cases to"):
        endpoint_from_text(text)


def test_the_settings_name_an_endpoint(tmp_path: Path) -> None:
    kinds = [type(endpoint_from_text(text)) for text in (None, f"folder:{tmp_path}", f"mail:{tmp_path}")]

    assert kinds == [type(None), FolderEndpoint, MailEndpoint]
