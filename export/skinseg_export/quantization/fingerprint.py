"""What calibrated ranges depend on, as hashes, and the file that keeps them for the next export.

Ranges made from other pictures, through another preprocessing or for another graph look as good as the right ones, so a
cache is read only when all three are what they were.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from skinseg_edge.atomic_files import write_bytes_atomically
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import FileMissing, InputError, SchemaUnknown
from skinseg_edge.strict_json import canonical_bytes, parse_object, shown
from skinseg_export.quantization.calibration_pictures import CalibrationPictures
from skinseg_export.quantization.ranges import Ranges

__all__ = [
    "CACHE_SCHEMA",
    "PREPROCESSING_RULE",
    "CalibrationStale",
    "Fingerprint",
    "fingerprint_of",
    "load_cache",
    "save_cache",
]

CACHE_SCHEMA = "skinseg.calibration/1"
PREPROCESSING_RULE = 1
"""Raised whenever `skinseg_edge.preprocessing` gives other pixels for the same photo and contract."""

_MEND = "delete it and calibrate again"
_DIGITS = frozenset("0123456789abcdef")
_WORDS = {"pictures": "from other pictures", "preprocessing": "with another preprocessing", "onnx": "for another graph"}


class CalibrationStale(InputError):
    """A kept calibration belongs to other pictures, another preprocessing or another graph."""


@dataclass(frozen=True)
class Fingerprint:
    """What ranges were measured with, each the SHA-256 in 64 hexadecimal digits.

    *pictures*: of the files' contents, whatever their names and order. *preprocessing*: of all that decides the pixels
    which the network sees. *onnx*: of the fp32 file.

    Raises InputError if one is no such digest.
    """

    pictures: str
    preprocessing: str
    onnx: str

    def __post_init__(self) -> None:
        """Check that each is a digest."""
        for field in fields(self):
            value: object = getattr(self, field.name)
            if not (isinstance(value, str) and len(value) == 64 and _DIGITS.issuperset(value)):
                raise InputError(
                    f"cannot read a calibration's fingerprint: {field.name} is {shown(value)}, expected 64 hexadecimal "
                    f"digits; {_MEND}"
                )

    @property
    def digest(self) -> str:
        """One SHA-256 of the three."""
        return _sha256(canonical_bytes(asdict(self)))


def fingerprint_of(pictures: CalibrationPictures, contract: ModelContract, onnx_bytes: bytes) -> Fingerprint:
    """Return what calibrating *onnx_bytes*, the fp32 file, on *pictures* depends on.

    Raises FileMissing if a picture is not there any more.
    """
    digests = sorted(_sha256(_content(path)) for path in pictures.paths)
    return Fingerprint(_sha256("\n".join(digests).encode()), _preprocessing(contract), _sha256(onnx_bytes))


def save_cache(path: Path, fingerprint: Fingerprint, ranges: Ranges) -> None:
    """Write ranges with what they depend on, whole or not at all; an older cache is replaced.

    Raises InputError if a reach is no finite number from 0 on, OutputRefused if the place cannot be written.
    """
    document = {
        "schema": CACHE_SCHEMA,
        "fingerprint": asdict(fingerprint),
        "ranges": {method: dict(reaches) for method, reaches in ranges.items()},
    }
    _check_ranges(document["ranges"], f"cannot keep the calibration in {path}")
    write_bytes_atomically(path, canonical_bytes(document))


def load_cache(path: Path, fingerprint: Fingerprint) -> Ranges:
    """Read the ranges that `save_cache` wrote, method -> value name -> reach.

    Raises CalibrationStale if they were made with anything else than *fingerprint* says, FileMissing if there is no
    such file, SchemaUnknown if another version wrote it, InputError if it is damaged.
    """
    document = parse_object(_content(path), str(path), mend=_MEND, error_class=InputError)
    if document.get("schema") != CACHE_SCHEMA:
        raise SchemaUnknown(
            f"cannot read {path}: its schema is {shown(document.get('schema'))}, this version reads {CACHE_SCHEMA!r}; "
            f"{_MEND}"
        )
    _check_fresh(path, _fingerprint_in(document, path), fingerprint)
    return _check_ranges(document.get("ranges"), f"cannot read {path}")


def _preprocessing(contract: ModelContract) -> str:
    return _sha256(
        canonical_bytes(
            {
                "rule": PREPROCESSING_RULE,
                "input_hw": list(contract.input_hw),
                "resize": contract.resize,
                "pad_value": contract.pad_value,
                "colour_order": contract.to_json()["colour_order"],
                "mean": [float(value) for value in contract.mean],
                "std": [float(value) for value in contract.std],
            }
        )
    )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise FileMissing(f"cannot read {path}: there is no such file; check the path") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error


def _fingerprint_in(document: Mapping[str, object], path: Path) -> Fingerprint:
    found = document.get("fingerprint")
    names = {field.name for field in fields(Fingerprint)}
    if not isinstance(found, dict) or found.keys() != names or document.keys() != {"schema", "fingerprint", "ranges"}:
        raise InputError(
            f"cannot read {path}: expected schema, ranges and a fingerprint of {', '.join(sorted(names))}; {_MEND}"
        )
    digests: dict[str, Any] = found
    return Fingerprint(**digests)


def _check_fresh(path: Path, found: Fingerprint, expected: Fingerprint) -> None:
    stale = [words for name, words in _WORDS.items() if getattr(found, name) != getattr(expected, name)]
    if stale:
        raise CalibrationStale(f"cannot reuse the calibration in {path}: it was made {' and '.join(stale)}; {_MEND}")


def _check_ranges(ranges: object, doing: str) -> Ranges:
    checked: Ranges = {}
    for method, reaches in _items(ranges, f"{doing}: ranges are"):
        checked[method] = {}
        for name, reach in _items(reaches, f"{doing}: {shown(method)} is"):
            if not isinstance(reach, int | float) or isinstance(reach, bool) or not 0 <= reach < math.inf:
                raise InputError(
                    f"{doing}: {method} reaches {shown(reach)} for {shown(name)}, expected a finite number from 0 on; "
                    "calibrate again"
                )
            checked[method][name] = float(reach)
    return checked


def _items(value: object, what: str) -> list[tuple[str, object]]:
    if not isinstance(value, Mapping) or not value or not all(isinstance(name, str) for name in value):
        raise InputError(f"{what} {shown(value)}, expected an object with at least one entry; {_MEND}")
    return list(value.items())
