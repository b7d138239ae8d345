"""What one look at a machine finds."""

from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

__all__ = ["Finding", "Status", "missing", "ok", "warn"]

Status: TypeAlias = Literal["ok", "warn", "missing"]


@dataclass(frozen=True)
class Finding:
    """One line of the doctor.

    *name*: of the check. *status*: `ok`; `warn`, it runs and could be better; `missing`, this kind of machine needs it.
    *found*: what was found. *remedy*: the command that mends it, or None where there is nothing to mend.
    """

    name: str
    status: Status
    found: str
    remedy: str | None = None

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`."""
        return asdict(self)


def ok(name: str, found: str) -> Finding:
    """Return a finding with nothing to mend."""
    return Finding(name, "ok", found)


def warn(name: str, found: str, remedy: str) -> Finding:
    """Return a finding that could be better."""
    return Finding(name, "warn", found, remedy)


def missing(name: str, found: str, remedy: str) -> Finding:
    """Return a finding without which this kind of machine cannot do its work."""
    return Finding(name, "missing", found, remedy)
