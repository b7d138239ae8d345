"""A receiver on the network: one POST a package, over TLS with a verified certificate.

    POST <address>
    Content-Type: application/zip
    Idempotency-Key: <SHA-256 of the body>

Any answer 200 to 299 that is no web page acknowledges. A package whose acknowledgement was lost comes again with the
same key.
"""

from skinseg_demo.sending.packages import Package
from skinseg_demo.sending.posting import Poster

__all__ = ["HttpsEndpoint"]


class HttpsEndpoint:
    """Sends packages to an https address."""

    def __init__(self, address: str, *, poster: Poster | None = None) -> None:
        """Send to *address*; *poster* says whom to trust, by default as the system does."""
        self._address = address
        self._poster = poster or Poster()

    def send(self, package: Package) -> None:
        """Post the package.

        Raises NotSent, OSError if the package cannot be read.
        """
        headers = {"Content-Type": "application/zip", "Idempotency-Key": package.sha256}
        with package.path.open("rb") as body:
            self._poster.post(self._address, body, package.size, headers)
