"""`receipt.json` beside a plan: what the bundle's golden cases gave through this very plan on this device."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skinseg_edge.strict_json import canonical_bytes
from skinseg_runtime.engine_files.record_reading import record_fields

__all__ = ["RECEIPT_NAME", "RECEIPT_SCHEMA", "Receipt"]

RECEIPT_NAME = "receipt.json"
RECEIPT_SCHEMA = "skinseg.receipt/1"

_WHAT = f"the engine's {RECEIPT_NAME}"


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """The proof of an engine.

    *engine_sha256*: of the plan that was run. *accepted*: whether the golden cases were within their floors.
    *golden*: one object a case, as `GoldenOutcome.to_json`. *figures*: what else was found, such as the mean difference
    of probabilities. *engine*: "trt" or "trt-rtx". *date*: ISO date, for people; nothing is ordered by it.
    """

    engine_sha256: str
    accepted: bool
    golden: Sequence[Mapping[str, object]]
    figures: Mapping[str, float | str | bool]
    engine: str
    date: str

    def to_bytes(self) -> bytes:
        """Return the file's bytes; `from_bytes` gives the same receipt back."""
        return canonical_bytes({**vars(self), "schema": RECEIPT_SCHEMA, "golden": list(self.golden)})

    @classmethod
    def from_bytes(cls, data: bytes) -> "Receipt":
        """Read what `to_bytes` gave.

        Raises EngineUnusable if the bytes are no such file, or one of another version.
        """
        fields = record_fields(data, _WHAT, RECEIPT_SCHEMA, cls.__dataclass_fields__)
        return cls(
            engine_sha256=fields.text("engine_sha256"),
            accepted=fields.flag("accepted"),
            golden=tuple(fields.mappings("golden")),
            figures=fields.scalars("figures"),
            engine=fields.text("engine"),
            date=fields.text("date"),
        )
