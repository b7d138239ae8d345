"""What a demo is started with: where it keeps its things, how it is reached, and its limits."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from skinseg_demo.endpoint_text import check_endpoint
from skinseg_edge.atomic_files import refusing_output_errors
from skinseg_edge.errors import InputError

__all__ = ["DemoConfig", "Tls", "make_private_folder"]

Tls = Literal["local-ca", "own", "none"]


@dataclass(frozen=True)
class DemoConfig:
    """The settings of one box; nothing of them changes while it runs.

    *state*: folder of the store and the certificates, made for this user alone. *bundle*: the model; None is the
    shipped one. *host*: address to listen on. *port*: of https. *http_port*: of the plain listener, which shows how to
    trust the box; in practice mode the demo itself is there. *tls*: "local-ca" makes certificates, "own" takes
    *certificate* and *private_key* (PEM), "none" is practice mode: no patient data. *names*: host names beside the
    addresses of this box. *retention_days*: after which an answered case is deleted. *endpoint*: where cases go, as
    of `check_endpoint`. *max_upload_bytes*, *max_pixels*: of one picture. *queue_places*: pictures that may wait for
    the engine. *idle_minutes*, *hours*: after which a phone is logged off. *contact*: whom to ask, printed on reports.
    *is_demo*: drawn lesions and a simulated dermatologist. *engine*, *allow_build*: as of `Segmenter.open`.

    Raises InputError if two of them contradict each other, or the endpoint is none.
    """

    state: Path
    bundle: Path | None = None
    host: str = "0.0.0.0"
    port: int = 8443
    http_port: int = 8080
    tls: Tls = "local-ca"
    certificate: Path | None = None
    private_key: Path | None = None
    names: tuple[str, ...] = ()
    retention_days: int = 30
    endpoint: str | None = None
    max_upload_bytes: int = 25_000_000
    max_pixels: int = 60_000_000
    queue_places: int = 8
    idle_minutes: int = 30
    hours: int = 12
    contact: str | None = None
    is_demo: bool = False
    engine: str = "auto"
    allow_build: bool = False

    def __post_init__(self) -> None:
        own = (self.certificate, self.private_key)
        if self.tls == "own" and None in own:
            raise InputError(
                "cannot serve an own certificate: --certificate and --private-key belong together, got one of them; "
                "give both"
            )
        if self.tls != "own" and own != (None, None):
            raise InputError(
                f"cannot serve an own certificate: the connection was set to '{self.tls}'; "
                "leave out --http, or leave out --certificate and --private-key"
            )
        if self.is_demo and self.endpoint is not None:
            raise InputError(
                f"cannot send the cases of a demo to {self.endpoint}: they are drawn, and a program answers them; "
                "leave out --demo or --endpoint"
            )
        if self.endpoint is not None:
            check_endpoint(self.endpoint)

    @property
    def is_practice(self) -> bool:
        """Whether the connection is readable by others, so that no patient may be photographed."""
        return self.tls == "none"

    @property
    def scheme(self) -> str:
        """The scheme of the demo's address: "https", or "http" in practice mode."""
        return "http" if self.is_practice else "https"

    @property
    def app_port(self) -> int:
        """The port that phones come to."""
        return self.http_port if self.is_practice else self.port

    @property
    def store_folder(self) -> Path:
        """The folder of the store; demo mode has one of its own, and practice mode one that does not outlive it."""
        if self.is_practice:
            return self.practice_folder
        return self.state / ("demo" if self.is_demo else "store")

    @property
    def practice_folder(self) -> Path:
        """The folder of the store of practice mode."""
        return self.state / "practice"

    @property
    def tls_folder(self) -> Path:
        """The folder of the local CA and of the box's certificate."""
        return self.state / "tls"


def make_private_folder(folder: Path) -> Path:
    """Return *folder*, made for this user alone (0700) where it was not there.

    Raises OutputRefused if it cannot be made or narrowed.
    """
    with refusing_output_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)  # one that was there before may be open to others
    return folder
