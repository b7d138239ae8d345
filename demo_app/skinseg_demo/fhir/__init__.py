"""FHIR R4: a case as a bundle that a clinic's server understands. What is measured is told, never what it may mean."""

from skinseg_demo.fhir.bundle import bundle_of_case

__all__ = ["bundle_of_case"]
