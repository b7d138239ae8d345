"""The process that serves: gunicorn, one worker of sixteen threads, TLS inside, the models loaded after the fork."""

import os
import ssl
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

from skinseg_demo.app import create_app
from skinseg_demo.config import DemoConfig
from skinseg_demo.engine_worker import EngineWorker
from skinseg_demo.services import EXTENSION, Services
from skinseg_demo.serving.address_watch import AddressWatch
from skinseg_demo.serving.patient_sockets import PatientTlsSocket
from skinseg_demo.serving.trust_listener import create_trust_app
from skinseg_demo.serving.worker import DemoWorker

__all__ = ["GRACE_S", "THREADS", "DemoServer"]

THREADS = 16  # more than may wait for the engine, so that pages and refusals never wait
GRACE_S = 30  # for pictures on their way when the box is told to end
_KEEP_ALIVE_S = 15


class DemoServer(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn without its command line.

    *certificates*: the PEM files of the chain and the key, None in practice mode. *announce*: is called once the ports
    are taken. *ended*: is called in the first process when all is over.
    """

    def __init__(
        self,
        config: DemoConfig,
        certificates: tuple[Path, Path] | None,
        *,
        announce: Callable[[], None],
        ended: Callable[[], None],
    ) -> None:
        self._config = config
        self._certificates = certificates
        self._announce = announce
        self._ended = ended
        self._app_of_worker: Services | None = None
        self._watch: AddressWatch | None = None
        self._context = _ContextOfFiles()
        super().__init__()

    def load_config(self) -> None:
        """Hand gunicorn its settings."""
        for name, value in self._settings().items():
            if name in self.cfg.settings:  # the control socket came with gunicorn 25
                self.cfg.set(name, value)

    def load(self) -> Any:
        """Make the application, in the worker."""
        app = create_app(self._config, engine=EngineWorker(self._config))
        self._app_of_worker = app.extensions[EXTENSION]
        if self._config.is_practice:
            self._watch = AddressWatch(self._config, (app,))
            return app
        plain = create_trust_app(self._config)
        self._watch = AddressWatch(self._config, (app, plain))

        def by_scheme(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            chosen = app if environ["wsgi.url_scheme"] == "https" else plain
            return chosen(environ, start_response)

        return by_scheme

    def _settings(self) -> dict[str, Any]:
        config = self._config
        host = f"[{config.host}]" if ":" in config.host else config.host
        settings: dict[str, Any] = {
            "bind": [f"{host}:{config.app_port}"],
            "worker_class": type("Worker", (DemoWorker,), {"plain_port": None}),
            "workers": 1,
            "threads": THREADS,
            "timeout": 60,
            "graceful_timeout": GRACE_S,
            "keepalive": _KEEP_ALIVE_S,
            "loglevel": "warning",
            "accesslog": None,  # addresses of pages are nobody's business
            "forwarded_allow_ips": "",  # no proxy is believed: a header must not turn plain http into https
            "control_socket_disable": True,
            "when_ready": lambda _: self._announce(),
            "post_worker_init": lambda _: self._start(),
            "worker_exit": lambda _, worker: self._stop(worker.pid),
            "on_exit": lambda _: self._ended(),
        }
        if self._certificates is not None:
            chain, key = self._certificates
            settings["bind"].append(f"{host}:{config.http_port}")
            settings["worker_class"] = type("Worker", (DemoWorker,), {"plain_port": config.http_port})
            settings |= {"certfile": str(chain), "keyfile": str(key), "ssl_context": self._context.for_connection}
        return settings

    def _start(self) -> None:
        if self._app_of_worker is not None:
            self._app_of_worker.start()
        if self._watch is not None:
            self._watch.start()

    def _stop(self, pid: int) -> None:
        if pid != os.getpid():  # gunicorn calls this in its first process, too
            return
        if self._watch is not None:
            self._watch.stop()
        if self._app_of_worker is not None:
            self._app_of_worker.stop()


class _ContextOfFiles:
    """The TLS context, made anew when the certificate's file has changed."""

    def __init__(self) -> None:
        self._made: tuple[int, ssl.SSLContext] | None = None

    def for_connection(self, settings: Any, make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        """Return the context for the next connection; as gunicorn's setting `ssl_context`."""
        written_ns = Path(settings.certfile).stat().st_mtime_ns
        if self._made is None or self._made[0] != written_ns:
            context = make()
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.sslsocket_class = PatientTlsSocket
            self._made = (written_ns, context)
        return self._made[1]
