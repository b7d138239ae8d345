"""A request that is answered with no: status, kind and one sentence, as a page or as JSON."""

__all__ = ["Refused"]


class Refused(Exception):
    """Raised by a view or by what guards it; `pages.errors` turns it into a page, or into JSON below /api.

    *status*: of HTTP. *kind*: a name for programs, such as "CsrfMissing". *message*: one sentence for people.
    *retry_after_s*: seconds after which another try makes sense.
    """

    def __init__(self, status: int, kind: str, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.retry_after_s = retry_after_s
