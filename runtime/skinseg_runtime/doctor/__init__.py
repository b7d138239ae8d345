"""What this machine can build and run, and the command that mends what is missing."""

from skinseg_runtime.doctor.diagnosis import CHECKS, Diagnosis, diagnose
from skinseg_runtime.doctor.finding import Finding
from skinseg_runtime.doctor.host import Host, Library

__all__ = ["CHECKS", "Diagnosis", "Finding", "Host", "Library", "diagnose"]
