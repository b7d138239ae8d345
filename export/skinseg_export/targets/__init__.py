"""The targets, one folder each: `build` makes an artefact, `verify` holds it against the trained network."""

from skinseg_export.targets.names import ALIASES, TARGETS, resolve_target

__all__ = ["ALIASES", "TARGETS", "resolve_target"]
