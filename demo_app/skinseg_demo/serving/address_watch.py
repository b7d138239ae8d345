"""A box that moves to another network gets other addresses: its certificate and its host check follow.

The certificate is looked at even where nothing has moved: a Jetson without a battery wakes up years ago, makes a
certificate that has ended by now, and learns the time from the network a minute later.
"""

import logging
import threading

from flask import Flask

from skinseg_demo.config import DemoConfig
from skinseg_demo.security.hosts import host_names, trust_hosts
from skinseg_demo.serving.addresses import addresses_of_this_box
from skinseg_demo.serving.local_ca import ensure_certificates
from skinseg_edge.errors import SkinsegError

__all__ = ["AddressWatch", "certified_names"]

_log = logging.getLogger(__name__)

_EVERY_S = 30.0


def certified_names(config: DemoConfig) -> tuple[str, ...]:
    """Return the names and addresses that the box's certificate should hold."""
    return (*host_names(config), *addresses_of_this_box())


class AddressWatch:
    """Looks every 30 s for other addresses, in a thread of its own."""

    def __init__(self, config: DemoConfig, apps: tuple[Flask, ...]) -> None:
        """Tell *apps* under which hosts they answer."""
        self._config = config
        self._apps = apps
        self._names = certified_names(config)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="address-watch", daemon=True)

    def start(self) -> None:
        """Start looking; after the fork."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    def look(self) -> bool:
        """Follow the addresses and the time; say whether the addresses had changed."""
        names = certified_names(self._config)
        if self._config.tls == "local-ca":
            ensure_certificates(self._config, names)
        if names == self._names:
            return False
        for app in self._apps:
            trust_hosts(app, self._config)
        self._names = names
        return True

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY_S):
            try:
                self.look()
            except (OSError, SkinsegError):  # a full disk, say: the next look may go better
                _log.exception("the certificate cannot follow this box's addresses")
