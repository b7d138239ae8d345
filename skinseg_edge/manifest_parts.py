"""What a manifest is made of: records of files, the model's origin, its forms, its golden cases.

A constructed part is always valid. `Manifest` puts them together and checks what reaches across them.
"""

import datetime
import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from skinseg_edge.errors import BundleUnusable
from skinseg_edge.strict_json import Fields, is_json, shown

__all__ = [
    "ENGINES_FOLDER",
    "MANIFEST_NAME",
    "SIGNATURE_NAME",
    "Artefact",
    "ArtefactStatus",
    "FileRecord",
    "GoldenCase",
    "Provenance",
    "check_manifest",
    "check_name",
    "check_relative",
]

MANIFEST_NAME = "manifest.json"
SIGNATURE_NAME = "manifest.sig"
ENGINES_FOLDER = "engines"  # made on the device after the manifest was sealed, so never listed in it

ArtefactStatus: TypeAlias = Literal["verified", "failed"]

_STATUSES: tuple[ArtefactStatus, ...] = ("verified", "failed")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
# What every file system that a bundle may cross stores under the same name: no spaces, colons, accents or final dot.
_PATH_PART = re.compile(r"[A-Za-z0-9._+@=-]{0,199}[A-Za-z0-9_+@=-]")
_LONGEST_PATH = 400
_LONGEST_NAME = 200
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2}))?", re.ASCII)


@dataclass(frozen=True)
class FileRecord:
    """One file as it was sealed: *size* in bytes, *sha256* in lower-case hexadecimal."""

    size: int
    sha256: str

    def __post_init__(self) -> None:
        """Check the rules."""
        check_manifest(self.size >= 0, f"a file's size is {shown(self.size)}, expected 0 or more bytes")
        _check_sha256("a file's sha256", self.sha256)

    @classmethod
    def of(cls, data: bytes) -> "FileRecord":
        """Return the record of these bytes."""
        return cls(len(data), hashlib.sha256(data).hexdigest())

    @classmethod
    def from_json(cls, document: object, where: str) -> "FileRecord":
        """Read what `vars` gave; *where* is how messages name it."""
        fields = Fields(document, where, tuple(cls.__dataclass_fields__))
        return cls(size=fields.whole("size"), sha256=fields.text("sha256"))


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a model comes from.

    *network*, *network_options*: its name in the registry and how it was made. *checkpoint_sha256*: of the weights'
    file; None only for an untrained network. *training_data*: what it saw, in words. *tools*: version of each tool that
    made the bundle. *created*: ISO date, or date and time with offset.
    """

    network: str
    network_options: Mapping[str, object]
    checkpoint_sha256: str | None
    trained: bool
    training_data: str
    code_version: str
    tools: Mapping[str, str]
    created: str

    def __post_init__(self) -> None:
        """Check the rules."""
        check_name("network", self.network)
        for text in (self.training_data, self.code_version, *self.tools, *self.tools.values()):
            # Shown on terminals, which obey control characters.
            check_manifest(
                text.replace("\n", " ").isprintable(), f"the provenance says {shown(text)}, expected printable text"
            )
        check_manifest(is_json(self.network_options), "network_options hold a value that JSON has no form for")
        check_manifest(
            self.checkpoint_sha256 is not None or not self.trained, "a trained model needs its checkpoint_sha256"
        )
        if self.checkpoint_sha256 is not None:
            _check_sha256("checkpoint_sha256", self.checkpoint_sha256)
        check_manifest(
            _is_date(self.created), f"created is {shown(self.created)}, expected an ISO date such as 2025-01-31"
        )

    @classmethod
    def from_json(cls, document: object, where: str) -> "Provenance":
        """Read what `vars` gave; *where* is how messages name it."""
        fields = Fields(document, where, tuple(cls.__dataclass_fields__))
        return cls(
            network=fields.text("network"),
            network_options=fields.mapping("network_options"),
            checkpoint_sha256=fields.text_or_none("checkpoint_sha256"),
            trained=fields.flag("trained"),
            training_data=fields.text("training_data"),
            code_version=fields.text("code_version"),
            tools=fields.texts("tools"),
            created=fields.text("created"),
        )


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """One form of the model, ready for a kind of device.

    *name*: such as `onnx`, `onnx-fp16`, `trt-rtx`, `coreml`. *path*: its file or folder in the bundle. *precision*:
    such as `fp32`, `fp16`, `int8`. *status*: whether it met its acceptance; *checks*: the figures that decided.
    """

    name: str
    path: str
    precision: str
    status: ArtefactStatus
    checks: Mapping[str, float | str | bool]

    def __post_init__(self) -> None:
        """Check the rules."""
        for field, value in (("name", self.name), ("precision", self.precision)):
            check_manifest(
                _IDENTIFIER.fullmatch(value) is not None,
                f"an artefact's {field} is {shown(value)}, expected lower-case letters, digits, '.', '_' and '-'",
            )
        check_relative(self.path)
        check_manifest(
            self.status in _STATUSES,
            f"status of artefact {self.name} is {shown(self.status)}, expected 'verified' or 'failed'",
        )
        for key, figure in self.checks.items():
            check_manifest(
                _is_scalar(figure),
                f"check {shown(key)} of artefact {self.name} is {shown(figure)}, expected a number, text or truth",
            )

    def figure(self, check: str) -> float | None:
        """Return a check that is a number; None where there is none, or it is text or a truth."""
        value = self.checks.get(check)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    @classmethod
    def from_json(cls, document: object, where: str) -> "Artefact":
        """Read what `vars` gave; *where* is how messages name it."""
        fields = Fields(document, where, tuple(cls.__dataclass_fields__))
        return cls(
            name=fields.text("name"),
            path=fields.text("path"),
            precision=fields.text("precision"),
            status=fields.choice("status", _STATUSES),
            checks=fields.scalars("checks"),
        )


@dataclass(frozen=True, kw_only=True)
class GoldenCase:
    """A picture, what the trained network gave for it, and what every device must reach on it.

    *image*: a photo. *mask*: PNG, 0 or 255, at photo size. *probability*: 16-bit grey PNG, p * 65535, at network size.
    *min_dice*: 0 to 1. *max_area_drift*: largest relative difference of the lesion's area, 0 or more.
    """

    image: str
    mask: str
    probability: str
    min_dice: float
    max_area_drift: float

    def __post_init__(self) -> None:
        """Check the rules."""
        for path in self.paths:
            check_relative(path)
        check_manifest(0 <= self.min_dice <= 1, f"min_dice of {self.image} is {self.min_dice!r}, expected 0 to 1")
        check_manifest(
            0 <= self.max_area_drift < math.inf,
            f"max_area_drift of {self.image} is {self.max_area_drift!r}, expected 0 or more",
        )

    @property
    def paths(self) -> tuple[str, str, str]:
        """The three files of the case."""
        return self.image, self.mask, self.probability

    @classmethod
    def from_json(cls, document: object, where: str) -> "GoldenCase":
        """Read what `vars` gave; *where* is how messages name it."""
        fields = Fields(document, where, tuple(cls.__dataclass_fields__))
        return cls(
            image=fields.text("image"),
            mask=fields.text("mask"),
            probability=fields.text("probability"),
            min_dice=fields.number("min_dice"),
            max_area_drift=fields.number("max_area_drift"),
        )


def check_manifest(holds: bool, message: str) -> None:
    """Raise BundleUnusable with the message if a rule of the manifest does not hold."""
    if not holds:
        raise BundleUnusable(f"cannot accept the manifest: {message}")


def check_relative(path: str) -> None:
    """Check that a path stays inside the bundle and means the same on every system.

    Raises BundleUnusable if it is empty, absolute, has `.` or `..` or other than letters, digits and `._+@=-` in a
    part, is longer than 400 characters, or belongs to what no manifest lists.
    """
    whole = len(path) <= _LONGEST_PATH and all(_PATH_PART.fullmatch(part) for part in path.split("/"))
    check_manifest(
        whole,
        f"the path is {shown(path)}, expected one inside the bundle, in letters, digits and ._+@=- between slashes",
    )
    top = path.partition("/")[0].lower()
    check_manifest(
        top not in (MANIFEST_NAME, SIGNATURE_NAME, ENGINES_FOLDER),
        f"the path is {shown(path)}, which is reserved: no manifest lists itself, its signature or a device's engines",
    )


def check_name(field: str, name: str) -> None:
    """Check that a name can be shown in one line; raises BundleUnusable if not."""
    check_manifest(
        0 < len(name.strip()) == len(name) <= _LONGEST_NAME and name.isprintable(),
        f"{field} is {shown(name)}, expected 1 to {_LONGEST_NAME} printable characters",
    )


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def _check_sha256(field: str, digest: str) -> None:
    check_manifest(
        _SHA256.fullmatch(digest) is not None,
        f"{field} is {shown(digest)}, expected 64 lower-case hexadecimal digits",
    )


def _is_date(text: str) -> bool:
    match = _DATE.fullmatch(text)
    if match is None:
        return False
    try:
        datetime.date.fromisoformat(match[1])
    except ValueError:
        return False
    return True
