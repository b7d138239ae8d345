"""Pairing: a token in a QR code, good once and for minutes, becomes a session of its phone."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from skinseg_demo.refusals import Refused
from skinseg_demo.security.rate_limits import RateLimit
from skinseg_demo.security.tokens import new_session_secret, new_token, sha256_of
from skinseg_demo.store.phones import Phone, Phones, Role

__all__ = ["AT_START", "Offer", "Pairing"]

_USUAL = timedelta(minutes=2)
AT_START = timedelta(minutes=15)  # the model loads meanwhile, and somebody looks for the phone

_TRIES_AN_ADDRESS = 5
_TRIES_IN_ALL = 30
_MINUTE_S = 60.0
_LABEL_LETTERS = 60


@dataclass(frozen=True)
class Offer:
    """A fresh token, and when it ends."""

    token: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Offer(token=..., expires_at={self.expires_at!r})"  # a log is no place for it


class Pairing:
    """Makes tokens and takes them back.

    Tries are counted before a token is looked at: 5 a minute an address, 30 a minute in all.
    """

    def __init__(self, phones: Phones) -> None:
        """Keep tokens and phones in *phones*."""
        self._phones = phones
        self._per_address = RateLimit(_TRIES_AN_ADDRESS, _MINUTE_S)
        self._in_all = RateLimit(_TRIES_IN_ALL, _MINUTE_S)

    def offer(self, role: Role = "phone", lifetime: timedelta = _USUAL) -> Offer:
        """Make a token that pairs one phone."""
        token = new_token()
        return Offer(token, self._phones.offer(sha256_of(token), role, lifetime))

    def redeem(self, token: str, *, address: str, label: str) -> tuple[Phone, str]:
        """Spend a token; return the phone and the secret for its cookie, which is always a new one.

        *address*: of the caller, to count its tries. *label*: how the admin page names the phone.

        Raises Refused with 429 after too many tries, with 403 if the token is wrong, used or too old: which of them is
        not told.
        """
        self._count_try(address)
        secret = new_session_secret()
        phone = self._phones.pair(sha256_of(token), sha256_of(secret), label[:_LABEL_LETTERS])
        if phone is None:
            raise Refused(
                403,
                "TokenRefused",
                "cannot pair this phone: the code is wrong, was used or is too old; scan the newest one on the box",
            )
        return phone, secret

    def _count_try(self, address: str) -> None:
        waits = [self._per_address.wait_s(address), self._in_all.wait_s("")]
        if (longest := max(waits)) > 0:
            raise Refused(
                429,
                "TooManyTries",
                f"cannot pair this phone: too many tries came in a minute; wait {longest} s and scan the code again",
                retry_after_s=longest,
            )
