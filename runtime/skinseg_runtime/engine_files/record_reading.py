"""How the small JSON records beside an engine are read: strictly, and each of its own schema only."""

from collections.abc import Iterable

from skinseg_edge.errors import EngineUnusable
from skinseg_edge.strict_json import Fields, parse_object, shown

__all__ = ["record_fields"]

_MEND = "so it is damaged or another version's; run skinseg-build again"


def record_fields(data: bytes, what: str, schema: str, names: Iterable[str]) -> Fields:
    """Return the fields *names* of the record *data*, beside "schema"; *what*: how messages call it.

    Raises EngineUnusable if the bytes are no JSON object of this *schema* with these fields and no other.
    """
    document = parse_object(data, what, mend=_MEND, error_class=EngineUnusable)
    found = document.get("schema")
    if found != schema:
        raise EngineUnusable(f"cannot read {what}: it is {shown(found)}, expected {schema!r}, {_MEND}")
    return Fields(document, "it", ("schema", *names), what=what, error_class=EngineUnusable)
