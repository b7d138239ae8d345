"""Sending to a FHIR server: over real TLS, kept once however often it comes, refusals told without a secret."""

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import trustme

from skinseg_demo import DemoConfig
from skinseg_demo.endpoint_text import TOKEN, TOKEN_FILE
from skinseg_demo.sending import Sender
from skinseg_demo.sending.endpoints import NotSent, endpoint_from_text
from skinseg_demo.sending.fhir_endpoint import FhirEndpoint
from skinseg_demo.sending.packages import Package, write_package
from skinseg_demo.sending.posting import Poster
from skinseg_demo.store import Store
from skinseg_edge.errors import InputError
from tests.demo_app.boxes import add_case
from tests.demo_app.browsers import HandClock
from tests.demo_app.drawn_visits import add_drawn
from tests.demo_app.fhir.fhir_server import FhirServer
from tests.demo_app.sending.receivers import receiving

MakeEndpoint = Callable[..., FhirEndpoint]


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """An authority that nobody trusts by default."""
    return trustme.CA()


@pytest.fixture
def server(ca: trustme.CA) -> Iterator[FhirServer]:
    """A server that validates and keeps."""
    made = FhirServer()
    with receiving(ca, made):
        yield made


@pytest.fixture
def endpoint(ca: trustme.CA, server: FhirServer) -> MakeEndpoint:
    """Makes an endpoint that trusts the server."""

    def make(environment: Mapping[str, str] | None = None) -> FhirEndpoint:
        context = ssl.create_default_context()
        ca.configure_trust(context)
        return FhirEndpoint(server.address, poster=Poster(context, silence_s=5.0), environment=environment or {})

    return make


@pytest.fixture
def package(store: Store, tmp_path: Path) -> Package:
    """The package of a case with one photo."""
    return write_package(store, add_case(store).id, tmp_path / "outgoing.zip")


def _drawn_case(store: Store) -> str:
    case = store.cases.create({"body_site": "right knee"})
    store.consents.record(case.id, "care", True, who="NN")
    add_drawn(store, store.visits.add(case.id).id)
    return case.id


def _outcome(*sentences: str) -> bytes:
    issues = [{"severity": "error", "code": "invalid", "diagnostics": sentence} for sentence in sentences]
    return json.dumps({"resourceType": "OperationOutcome", "issue": issues}).encode()


def test_a_queued_case_arrives_once_and_a_correction_brings_it_up_to_date(
    store: Store, server: FhirServer, endpoint: MakeEndpoint, clock: HandClock
) -> None:
    case_id = _drawn_case(store)
    sender = Sender(store, endpoint())
    store.outbox.queue(case_id)
    assert sender.send_due() == 1
    first = set(server.kept)

    store.outbox.queue(case_id)
    assert sender.send_due() == 1
    assert set(server.kept) == first  # the same again
    assert {query for query, times in server.versions.items() if times == 1} == {
        query for query in first if query.startswith("Device?")
    }

    store.corrections.add(store.pictures.of_case(case_id)[0].id, "redraw", [[[0.4, 0.4], [0.6, 0.4], [0.6, 0.6]]])
    store.outbox.queue(case_id)
    assert sender.send_due() == 1

    statuses = [each["status"] for each in server.of_type("Observation")]
    assert sorted(statuses) == ["entered-in-error"] * 6 + ["final"] * 6
    assert [len(server.of_type(kind)) for kind in ("Device", "Media", "DocumentReference")] == [1, 1, 1]
    assert store.outbox.get(case_id).state == "sent"


def test_a_case_whose_consent_was_withdrawn_stays_here(
    store: Store, server: FhirServer, endpoint: MakeEndpoint
) -> None:
    case_id = _drawn_case(store)
    store.outbox.queue(case_id)
    store.consents.record(case_id, "care", False)

    assert Sender(store, endpoint()).send_due() == 0
    assert server.requests == []


def test_a_token_goes_along_and_is_read_anew_each_time(
    server: FhirServer, endpoint: MakeEndpoint, package: Package, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("first.token\n", encoding="ascii")
    sent = endpoint({TOKEN_FILE: str(file), TOKEN: "of-the-variable"})
    sent.send(package)
    file.write_text("second.token\n", encoding="ascii")
    sent.send(package)
    endpoint({TOKEN: "of-the-variable"}).send(package)
    endpoint({TOKEN: ""}).send(package)

    came = [request.authorization for request in server.requests]
    assert came == ["Bearer first.token", "Bearer second.token", "Bearer of-the-variable", None]


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "café", " "])
def test_a_token_that_is_none_is_told_without_a_letter_of_it(
    server: FhirServer, endpoint: MakeEndpoint, package: Package, token: str
) -> None:
    with pytest.raises(NotSent, match="what SKINSEG_FHIR_TOKEN gives is no bearer token") as told:
        endpoint({TOKEN: token}).send(package)

    assert token.strip() == "" or token not in told.value.message
    assert server.requests == []


@pytest.mark.parametrize("content", [None, b"\xff\xfesecret", b"", b"secret word"])
def test_a_file_without_a_token_sends_nothing(
    server: FhirServer, endpoint: MakeEndpoint, package: Package, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)

    with pytest.raises(NotSent, match=TOKEN_FILE) as told:
        endpoint({TOKEN_FILE: str(tmp_path / "token")}).send(package)

    assert "secret" not in f"{told.value.message} {told.value.__cause__}"
    assert server.requests == []


@pytest.mark.parametrize(
    ("status", "is_for_all"), [(400, False), (412, False), (422, False), (401, True), (404, True), (500, True)]
)
def test_what_the_server_says_of_a_refusal_is_told(
    server: FhirServer, endpoint: MakeEndpoint, package: Package, status: int, is_for_all: bool
) -> None:
    server.status, server.scripted = status, True
    server.answer = _outcome("Media.type is\x00 unknown", "and so on")

    with pytest.raises(
        NotSent, match=f"answered {status} .*: Media.type is unknown; and so on; it is tried again"
    ) as e:
        endpoint().send(package)

    assert e.value.is_for_all is is_for_all


def test_a_token_that_the_server_repeats_is_taken_out_and_its_words_are_cut(
    server: FhirServer, endpoint: MakeEndpoint, package: Package
) -> None:
    server.status, server.scripted = 401, True
    server.answer = _outcome("the token s3cret.token has expired " + "since long " * 100)

    with pytest.raises(NotSent, match=r"the token \(token\) has expired") as told:
        endpoint({TOKEN: "s3cret.token"}).send(package)

    assert "s3cret" not in told.value.message
    assert len(told.value.message) < 300


def test_a_token_is_taken_out_wherever_the_server_repeats_it(
    server: FhirServer, endpoint: MakeEndpoint, package: Package
) -> None:
    server.scripted, server.headers, server.answer = True, {"Content-Type": "text/S3cret.token"}, b"ok"

    with pytest.raises(NotSent, match=r"answered text/\(token\)") as told:
        endpoint({TOKEN: "S3cret.token"}).send(package)

    assert "s3cret" not in f"{told.value.message} {told.value.__cause__}".lower()


@pytest.mark.parametrize("address", ["https://127.0.0.1/b\u00e4se", "https://a..b/", f"https://{'a' * 70}.example/"])
def test_an_address_that_no_request_can_name_is_told_and_not_a_mistake_of_the_program(
    package: Package, address: str
) -> None:
    with pytest.raises(NotSent, match=r"the receiver's address cannot be used: .*; look at it"):
        FhirEndpoint(address, environment={}).send(package)


def test_a_wait_that_the_server_asks_for_is_told(server: FhirServer, endpoint: MakeEndpoint, package: Package) -> None:
    server.status, server.headers["Retry-After"] = 429, "90"

    with pytest.raises(NotSent) as told:
        endpoint().send(package)

    assert told.value.wait is not None
    assert told.value.wait.total_seconds() == 90


@pytest.mark.parametrize(
    ("content_type", "answer", "words"),
    [
        ("text/plain", b"ok", "answered text/plain, expected application/fhir.json"),
        ("text/html", b"<h1>Log in</h1>", "a web page answered"),
        ("application/fhir+json", b"", "it is no strict JSON"),
        ("application/fhir+json", b'{"a": NaN}', "it is no strict JSON"),
        ("application/json", b"[]", "expected an object"),
        ("application/fhir+json", b'{"resourceType": "Bundle", "type": "batch-response"}', "no transaction-response"),
        ("application/fhir+json", _outcome("the store is full"), "no transaction-response: the store is full"),
    ],
)
def test_an_answer_that_is_no_transaction_response_acknowledges_nothing(
    server: FhirServer, endpoint: MakeEndpoint, package: Package, content_type: str, answer: bytes, words: str
) -> None:
    server.scripted, server.headers, server.answer = True, {"Content-Type": content_type}, answer

    with pytest.raises(NotSent, match=words):
        endpoint().send(package)


@pytest.mark.parametrize(
    ("statuses", "stored"),
    [(["201 Created", "201"], 2), ([], 0), (["422 Unprocessable"], 0), (["2010"], 0), ([201], 0), ([None], 0)],
)
def test_a_transaction_of_which_a_part_was_not_stored_acknowledges_nothing(
    server: FhirServer, endpoint: MakeEndpoint, package: Package, statuses: list[object], stored: int
) -> None:
    entries = [{"response": {"status": status}} for status in statuses]
    server.scripted = True
    server.answer = json.dumps({"resourceType": "Bundle", "type": "transaction-response", "entry": entries}).encode()

    with pytest.raises(NotSent, match=f"stored {stored} of 1 parts of the case"):  # it has one photo
        endpoint().send(package)


def test_a_server_that_sends_everything_back_is_still_understood(
    server: FhirServer, endpoint: MakeEndpoint, package: Package
) -> None:
    entry = {"response": {"status": "201"}, "resource": {"resourceType": "Media", "note": "x" * 900_000}}
    server.scripted = True
    server.answer = json.dumps({"resourceType": "Bundle", "type": "transaction-response", "entry": [entry]}).encode()

    endpoint().send(package)

    assert len(server.requests) == 1


def test_a_certificate_that_nobody_vouches_for_gets_neither_case_nor_token(
    server: FhirServer, package: Package
) -> None:
    with pytest.raises(NotSent, match="its certificate is not trusted"):
        FhirEndpoint(server.address, environment={TOKEN: "s3cret"}).send(package)

    assert server.requests == []


def test_the_settings_name_a_fhir_server() -> None:
    assert isinstance(endpoint_from_text("fhir+https://fhir.example/r4"), FhirEndpoint)


@pytest.mark.parametrize(
    "text",
    [
        "fhir+https://me:s3cret@fhir.example/r4",
        "fhir+https://fhir.example/r4?token=s3cret",
        "fhir+https://fhir.example/r4#s3cret",
        "fhir+https://",
        "fhir+https://fhir.example:port/r4",
    ],
)
def test_an_address_that_holds_more_than_host_and_path_is_refused_and_not_repeated(text: str) -> None:
    for refuse in (endpoint_from_text, lambda text: DemoConfig(state=Path("state"), endpoint=text)):
        with pytest.raises(InputError, match="cannot send cases to this FHIR server") as told:
            refuse(text)

        assert "s3cret" not in str(told.value)


def test_a_fhir_server_without_tls_is_refused() -> None:
    with pytest.raises(InputError, match="a plain http address would be readable"):
        endpoint_from_text("fhir+http://fhir.example/r4")
