"""Every error this project raises on purpose.

SkinsegError
├── InputError                what came from outside cannot be used                       exit code 2
│   ├── FileMissing           a path names nothing
│   ├── PictureUnreadable     bytes that are no picture, or a damaged one
│   ├── PictureTooLarge       more pixels than the limit, told by the header
│   ├── DatasetUnusable       a data folder or split list that does not fit together
│   ├── CheckpointMismatch    weights that do not belong to the network
│   ├── ContractInvalid       a contract whose fields contradict a rule
│   ├── SchemaUnknown         a file written by a version that this one does not read
│   ├── UnknownName           a network, target, engine or precision that does not exist
│   ├── BundleUnusable        a folder that is no bundle, or lacks the part that was asked for
│   └── OutputRefused         a place that cannot be written: it exists, is full, or is forbidden
├── VerificationFailed        it was made or found, but is not what it should be          exit code 1
│   ├── IntegrityFailed       bytes that differ from their recorded hash
│   ├── SignatureInvalid      a signature that is missing, foreign or wrong
│   ├── ParityFailed          an artefact whose numbers or masks left their tolerance
│   ├── BuildFailed           a device's builder that refused the network, or died
│   └── EngineUnusable        an engine of another device, version or model, or one that is not proved here
├── ToolMissing               a package, program or device that this step needs           exit code 3
├── ProcessLost               another process of one training ended, or does not answer   exit code 3
└── DeviceUnready             a device that is there, and cannot answer now               exit code 3
    ├── DeviceBusy            as many wait already as may, or another process builds
    ├── DeadlinePassed        no answer within the time that the caller gave
    └── DeviceLost            a fault after which this process can no longer use its GPU

A message is one sentence: what was being done, what came, what was expected, what to do next.
"""

from typing import ClassVar

__all__ = [
    "BuildFailed",
    "BundleUnusable",
    "CheckpointMismatch",
    "ContractInvalid",
    "DatasetUnusable",
    "DeadlinePassed",
    "DeviceBusy",
    "DeviceLost",
    "DeviceUnready",
    "EngineUnusable",
    "FileMissing",
    "InputError",
    "IntegrityFailed",
    "OutputRefused",
    "ParityFailed",
    "PictureTooLarge",
    "PictureUnreadable",
    "ProcessLost",
    "SchemaUnknown",
    "SignatureInvalid",
    "SkinsegError",
    "ToolMissing",
    "UnknownName",
    "VerificationFailed",
]


class SkinsegError(Exception):
    """The root; `exit_code` is what a command ends with when this error reaches it."""

    exit_code: ClassVar[int] = 2


class InputError(SkinsegError):
    """What came from outside cannot be used."""


class FileMissing(InputError):
    """A path names nothing."""


class PictureUnreadable(InputError):
    """The bytes are no picture of a known format, or a damaged one."""


class PictureTooLarge(InputError):
    """The header announces more pixels than the limit."""


class DatasetUnusable(InputError):
    """A data folder or split list does not fit together."""


class CheckpointMismatch(InputError):
    """The weights do not belong to the network."""


class ContractInvalid(InputError):
    """A contract's fields contradict a rule."""


class SchemaUnknown(InputError):
    """The file was written by a version that this one does not read."""


class UnknownName(InputError):
    """No network, target, engine or precision has this name."""


class BundleUnusable(InputError):
    """The folder is no bundle, or lacks the part that was asked for."""


class OutputRefused(InputError):
    """The output cannot be written where it was asked for."""


class VerificationFailed(SkinsegError):
    """It was made or found, but is not what it should be."""

    exit_code: ClassVar[int] = 1


class IntegrityFailed(VerificationFailed):
    """Bytes differ from their recorded hash."""


class SignatureInvalid(VerificationFailed):
    """The signature is missing, foreign or wrong."""


class ParityFailed(VerificationFailed):
    """An artefact's numbers or masks left their tolerance."""


class BuildFailed(VerificationFailed):
    """A device's builder refused the network, or died."""


class EngineUnusable(VerificationFailed):
    """An engine was built for another device, version or model, or is not proved on this device."""


class ToolMissing(SkinsegError):
    """A package, program or device that this step needs is not there."""

    exit_code: ClassVar[int] = 3


class ProcessLost(SkinsegError):
    """Another process of the same training ended, or does not answer."""

    exit_code: ClassVar[int] = 3


class DeviceUnready(SkinsegError):
    """The device is there and cannot answer now."""

    exit_code: ClassVar[int] = 3


class DeviceBusy(DeviceUnready):
    """As many wait already as may, or another process builds."""


class DeadlinePassed(DeviceUnready):
    """No answer came within the time that the caller gave."""


class DeviceLost(DeviceUnready):
    """A fault struck after which this process can no longer use its GPU."""
