"""The artefacts of an export under way: what was made, what its verification found, what could not be made."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from skinseg_edge.bundle import BundleDraft
from skinseg_edge.errors import ToolMissing, VerificationFailed
from skinseg_edge.manifest import Artefact
from skinseg_export.export_options import MissingTool
from skinseg_export.targets.tensorrt.build import BuiltEngine
from skinseg_runtime.acceptance import Acceptance

__all__ = ["Artefacts", "Checks"]

Checks = Mapping[str, float | str | bool]


@dataclass
class Artefacts:
    """Collects what goes into *draft* and what is known about it.

    *engines*: of TensorRT-RTX that a verification built, by the path of their ONNX file, for those who need them next.
    *engines_ahead*: those that a thread builds meanwhile, by the same path.
    """

    draft: BundleDraft
    made: list[Artefact] = field(default_factory=list)
    missing: list[MissingTool] = field(default_factory=list)
    unmade: dict[str, str] = field(default_factory=dict)
    plans: list[Mapping[str, object]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    worst: dict[str, bytes] = field(default_factory=dict)
    judged: dict[str, Checks] = field(default_factory=dict)
    engines: dict[str, BuiltEngine] = field(default_factory=dict)
    engines_ahead: dict[str, "Future[BuiltEngine]"] = field(default_factory=dict)

    def add(self, name: str, path: str, precision: str, verify: Callable[[], Checks]) -> None:
        """List the artefact at *path*, verified with the figures of *verify*, or failed with the reason it raises."""
        try:
            checks = verify()
        except VerificationFailed as failure:
            checks = {"failure": str(failure), **self.judged.get(name, {})}
            self.made.append(Artefact(name=name, path=path, precision=precision, status="failed", checks=checks))
            return
        self.made.append(Artefact(name=name, path=path, precision=precision, status="verified", checks=checks))

    def add_acceptance(self, name: str, acceptance: Acceptance, *, source: str, scope: str) -> None:
        """Put the gate's whole report on artefact *name* into the bundle; its figures are listed even if it fails.

        *source*: where its pictures come from, *scope*: what of the answer it judges, both in words.
        """
        self.judged[name] = {**acceptance.checks(), "gate_source": source}
        self.add_json(f"acceptance/{name}.json", {**acceptance.to_json(), "source": source, "scope": scope})

    def add_json(self, path: str, document: Mapping[str, object]) -> None:
        """Put *document* into the bundle at *path*."""
        self.draft.add_bytes(path, json.dumps(document, indent=2, sort_keys=True, allow_nan=False).encode() + b"\n")

    def draw(self, what: str, picture: Callable[[], bytes]) -> bytes | None:
        """Return the PNG bytes of *picture*, or None and a warning that there is no *what* if matplotlib is missing."""
        try:
            return picture()
        except ToolMissing as missing:
            self.warnings.append(f"there is no {what}: {missing}")
            return None

    def has_failed(self, name: str) -> bool:
        """Say whether artefact *name* was made and failed."""
        return any(artefact.name == name and artefact.status == "failed" for artefact in self.made)
