"""A receiver of cases over real TLS: it takes what comes, or does whatever a test tells it to."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import trustme

__all__ = ["Receiver", "Request", "receiving"]


@dataclass(frozen=True)
class Request:
    """What came."""

    key: str
    content_type: str
    body: bytes
    authorization: str | None = None


@dataclass
class Receiver:
    """What a receiver has, and how it answers: *status* with *headers* and *answer*, or nothing if it *hangs_up*."""

    port: int = 0
    status: int = 201
    headers: dict[str, str] = field(default_factory=dict)
    answer: bytes = b""
    hangs_up: bool = False
    requests: list[Request] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"https://localhost:{self.port}/cases"

    def answer_to(self, request: Request) -> bytes:
        """Return what it answers; a receiver that understands what comes says something of its own."""
        return self.answer

    @property
    def cases(self) -> set[str]:
        """The keys of what it acknowledged, as a receiver that knows them keeps each once."""
        return {request.key for request in self.requests}


@contextmanager
def receiving(ca: trustme.CA, receiver: Receiver | None = None, *, name: str = "localhost") -> Iterator[Receiver]:
    """Listen, on the port of *receiver* if it has one; what it got before it still has."""
    told = Receiver() if receiver is None else receiver
    server = ThreadingHTTPServer(("127.0.0.1", told.port), type("Handler", (_Handler,), {"receiver": told}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(name).configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.daemon_threads = True
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        told = self.receiver
        authorization = self.headers["Authorization"]
        request = Request(self.headers["Idempotency-Key"], self.headers["Content-Type"], body, authorization)
        told.requests.append(request)
        if told.hangs_up:
            self.close_connection = True
            return
        answer = told.answer_to(request)
        self.send_response(told.status)
        for name, value in told.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def do_GET(self) -> None:
        """Answer as a web site does, to whom followed a redirect."""
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def handle(self) -> None:
        """Let those go who do not trust the certificate."""
        try:
            super().handle()
        except OSError:
            self.close_connection = True
