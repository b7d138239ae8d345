"""What `manifest.json` says about a bundle: the contract, where the model comes from, every file, what was measured.

A constructed manifest is always valid. Its bytes are canonical and hold their own SHA-256 as `digest`, so a byte that
changed on the way is noticed; who wrote them is told by `signing`.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import BundleUnusable, IntegrityFailed, SchemaUnknown
from skinseg_edge.manifest_parts import (
    ENGINES_FOLDER,
    MANIFEST_NAME,
    SIGNATURE_NAME,
    Artefact,
    ArtefactStatus,
    FileRecord,
    GoldenCase,
    Provenance,
    check_manifest,
    check_name,
    check_relative,
)
from skinseg_edge.strict_json import Fields, canonical_bytes, is_json, parse_object, shown

__all__ = [
    "BUNDLE_SCHEMA",
    "ENGINES_FOLDER",
    "MANIFEST_LIMIT",
    "MANIFEST_NAME",
    "SIGNATURE_NAME",
    "Artefact",
    "ArtefactStatus",
    "FileRecord",
    "GoldenCase",
    "Manifest",
    "Provenance",
    "check_relative",
]

BUNDLE_SCHEMA = "skinseg.bundle/1"
MANIFEST_LIMIT = 16 * 1024 * 1024  # bytes

_MOST_ARTEFACTS = 100
_NOT_LISTED = "which files do not list"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything that a bundle says about itself.

    *files*: every file but the manifest, its signature and what devices put into `engines/`, by relative posix path.
    *device_plans*: one JSON object for each device that the bundle has advice for. *calibration*: fingerprint of the
    images that an int8 artefact was calibrated on.

    Raises BundleUnusable when constructed if a path leaves the bundle, a name comes twice, or an artefact or golden
    case names a file that is not listed.
    """

    name: str
    contract: ModelContract
    provenance: Provenance
    artefacts: tuple[Artefact, ...]
    files: Mapping[str, FileRecord]
    golden: tuple[GoldenCase, ...] = ()
    device_plans: tuple[Mapping[str, object], ...] = ()
    calibration: str | None = None

    def __post_init__(self) -> None:
        """Check the rules that reach across fields."""
        check_name("name", self.name)
        check_manifest(
            len(self.artefacts) <= _MOST_ARTEFACTS,
            f"it lists {len(self.artefacts)} artefacts, expected at most {_MOST_ARTEFACTS}",
        )
        for path in self.files:
            check_relative(path)
        twins = _first_twin(path.lower() for path in self.files)
        check_manifest(
            twins is None, f"files list {shown(twins)} twice, in capitals that some file systems do not tell apart"
        )
        twin = _first_twin(artefact.name for artefact in self.artefacts)
        check_manifest(twin is None, f"artefact {shown(twin)} comes twice")
        for artefact in self.artefacts:
            check_manifest(
                len(self.below(artefact.path)) > 0, f"artefact {artefact.name} is {artefact.path}, {_NOT_LISTED}"
            )
        for path in (path for case in self.golden for path in case.paths):
            check_manifest(path in self.files, f"a golden case names {path}, {_NOT_LISTED}")
        for plan in self.device_plans:
            check_manifest(is_json(plan), "a device plan holds a value that JSON has no form for")

    def below(self, path: str) -> dict[str, FileRecord]:
        """Return the listed files that are *path* or lie below it; none if nothing does."""
        return {name: record for name, record in self.files.items() if name == path or name.startswith(f"{path}/")}

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`, without the digest; `from_json` gives the same manifest back."""
        return {
            "schema": BUNDLE_SCHEMA,
            "name": self.name,
            "contract": self.contract.to_json(),
            "provenance": {**vars(self.provenance), "tools": dict(self.provenance.tools)},
            "artefacts": [{**vars(artefact), "checks": dict(artefact.checks)} for artefact in self.artefacts],
            "files": {path: asdict(record) for path, record in self.files.items()},
            "golden": [asdict(case) for case in self.golden],
            "device_plans": [dict(plan) for plan in self.device_plans],
            "calibration": self.calibration,
        }

    @classmethod
    def from_json(cls, document: object) -> "Manifest":
        """Read what `to_json` wrote.

        Raises SchemaUnknown if the schema of the manifest or its contract is another one, ContractInvalid if the
        contract breaks its rules, BundleUnusable if a field is missing, foreign, of another type or breaks a rule.
        """
        if isinstance(document, Mapping):
            _check_schema(document.get("schema"))
        fields = Fields(document, "the manifest", ("schema", *cls.__dataclass_fields__))
        return cls(
            name=fields.text("name"),
            contract=ModelContract.from_json(fields.value("contract")),
            provenance=Provenance.from_json(fields.value("provenance"), "provenance"),
            artefacts=tuple(
                Artefact.from_json(item, f"artefacts[{i}]") for i, item in enumerate(fields.items("artefacts"))
            ),
            files={
                path: FileRecord.from_json(item, f"files[{shown(path)}]")
                for path, item in fields.mapping("files").items()
            },
            golden=tuple(GoldenCase.from_json(item, f"golden[{i}]") for i, item in enumerate(fields.items("golden"))),
            device_plans=tuple(fields.mappings("device_plans")),
            calibration=fields.text_or_none("calibration"),
        )

    def to_bytes(self) -> bytes:
        """Return the bytes of `manifest.json`: canonical JSON that holds its own digest."""
        document = self.to_json()
        return canonical_bytes({**document, "digest": _digest(document)})

    @classmethod
    def from_bytes(cls, data: bytes) -> "Manifest":
        """Read the bytes of `manifest.json`.

        Raises IntegrityFailed if a byte differs from what `to_bytes` wrote, and what `from_json` raises.
        """
        if len(data) > MANIFEST_LIMIT:
            raise BundleUnusable(
                f"cannot read {MANIFEST_NAME}: it has {len(data)} bytes, expected at most {MANIFEST_LIMIT}"
            )
        document = parse_object(data, MANIFEST_NAME)
        _check_schema(document.get("schema"))
        digest = document.pop("digest", None)
        if digest != _digest(document) or data != canonical_bytes({**document, "digest": digest}):
            raise IntegrityFailed(
                f"cannot trust {MANIFEST_NAME}: its bytes differ from those its digest {shown(digest)} was made of; "
                "copy or export the bundle again"
            )
        return cls.from_json(document)


def _digest(document: Mapping[str, object]) -> str:
    return hashlib.sha256(canonical_bytes(document)).hexdigest()


def _check_schema(schema: object) -> None:
    if schema != BUNDLE_SCHEMA:
        raise SchemaUnknown(
            f"cannot read the manifest: its schema is {shown(schema)}, this version reads {BUNDLE_SCHEMA!r}; "
            "update skinseg-edge or export the model again"
        )


def _first_twin(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
