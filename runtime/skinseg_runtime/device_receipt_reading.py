"""Reading a device's receipt: it comes from outside, so nothing slips through and nothing grows beyond its limit."""

import re
from collections.abc import Mapping
from pathlib import Path

from skinseg_edge.errors import FileMissing, InputError, SchemaUnknown
from skinseg_edge.strict_json import Fields, parse_object, shown
from skinseg_runtime.device_receipt import (
    COMPUTE_UNITS,
    DEVICE_RECEIPT_SCHEMA,
    DeviceReceipt,
    DeviceRun,
    RunLengthMask,
)

__all__ = ["LARGEST_RECEIPT", "device_receipt_from_bytes", "read_device_receipt"]

LARGEST_RECEIPT = 4 << 20
"""Bytes; eight golden cases on four choices of compute units take some 50 kB a package at 256 px."""

_WHAT = "the receipt"
_AGAIN = "make it again with skinseg-check"
_MEND = f"so it is damaged or no receipt; {_AGAIN}"
_MOST_PACKAGES, _MOST_RUNS, _MOST_MASKS, _MOST_LATENCIES, _MOST_KINDS = 16, 64, 64, 1000, 8
_MOST_OPERATIONS = 10**6
_LARGEST_SIDE = 4096  # px, as in a contract
_LONGEST_MS = 1e9
_LONGEST_TEXT = 200
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9,._ -]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def read_device_receipt(path: str | Path) -> tuple[DeviceReceipt, bytes]:
    """Return the receipt in a file, and the file's bytes.

    Raises FileMissing if it cannot be read, and what `device_receipt_from_bytes` raises.
    """
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(LARGEST_RECEIPT + 1)
    except OSError as error:
        raise FileMissing(f"cannot read the receipt {path}: {error.strerror}; check the path") from error
    return device_receipt_from_bytes(data), data


def device_receipt_from_bytes(data: bytes) -> DeviceReceipt:
    """Read what `skinseg-check` wrote.

    Raises InputError if it is no receipt or leaves a limit, SchemaUnknown if it is one of another version.
    """
    if len(data) > LARGEST_RECEIPT:
        raise InputError(f"cannot read the receipt: it has over {LARGEST_RECEIPT} bytes, expected at most that many")
    document = parse_object(data, _WHAT, mend=_MEND, error_class=InputError)
    schema = document.get("schema")
    if schema != DEVICE_RECEIPT_SCHEMA:
        raise SchemaUnknown(
            f"cannot read the receipt: its schema is {shown(schema)}, this version reads {DEVICE_RECEIPT_SCHEMA!r}; "
            "update skinseg-edge or make it again with this bundle's coreml-check"
        )
    fields = _fields(document, "it", "schema", "bundle_sha256", "device", "made", "packages", "runs")
    device = _fields(fields.value("device"), "device", "model", "chip", "system")
    packages = _packages(fields.items("packages"))
    return DeviceReceipt(
        bundle_sha256=_matching(fields.text("bundle_sha256"), _SHA256, "bundle_sha256"),
        model=_matching(device.text("model"), _MODEL, "model"),
        chip=_short(device.text("chip"), "chip"),
        system=_short(device.text("system"), "system"),
        made=_short(fields.text("made"), "made"),
        packages=packages,
        runs=_runs(fields.items("runs"), packages),
    )


def _packages(items: list[object]) -> dict[str, tuple[str, str]]:
    _check(1 <= len(items) <= _MOST_PACKAGES, f"it names {len(items)} packages, expected 1 to {_MOST_PACKAGES}")
    packages: dict[str, tuple[str, str]] = {}
    for number, item in enumerate(items):
        fields = _fields(item, f"packages[{number}]", "artefact", "path", "sha256")
        name = _short(fields.text("artefact"), "artefact")
        _check(name not in packages, f"package {shown(name)} comes twice")
        packages[name] = _short(fields.text("path"), "path"), _matching(fields.text("sha256"), _SHA256, "sha256")
    return packages


def _runs(items: list[object], packages: Mapping[str, object]) -> tuple[DeviceRun, ...]:
    _check(1 <= len(items) <= _MOST_RUNS, f"it holds {len(items)} runs, expected 1 to {_MOST_RUNS}")
    runs = tuple(_run(item, f"runs[{number}]") for number, item in enumerate(items))
    for run in runs:
        _check(run.artefact in packages, f"a run is of {shown(run.artefact)}, which is none of its packages")
    names = [(run.artefact, run.compute_units) for run in runs]
    _check(len(names) == len(set(names)), "a package comes twice on one choice of compute units")
    _check({run.artefact for run in runs} == set(packages), "one of its packages was not run")
    return runs


def _run(item: object, where: str) -> DeviceRun:
    fields = _fields(item, where, *DeviceRun.__dataclass_fields__)
    latencies = fields.items("latencies_ms")
    _check(
        len(latencies) <= _MOST_LATENCIES, f"{where} has {len(latencies)} latencies, expected at most {_MOST_LATENCIES}"
    )
    return DeviceRun(
        artefact=_short(fields.text("artefact"), "artefact"),
        compute_units=fields.choice("compute_units", COMPUTE_UNITS),
        failure=_short(fields.text("failure"), "failure"),
        load_cold_ms=_milliseconds(fields.value("load_cold_ms"), where),
        load_warm_ms=_milliseconds(fields.value("load_warm_ms"), where),
        latencies_ms=tuple(_milliseconds(value, where) for value in latencies),
        operations=_operations(fields.mapping("operations"), where),
        masks=_masks(fields.items("masks"), where),
    )


def _operations(counts: Mapping[str, object], where: str) -> dict[str, int]:
    _check(len(counts) <= _MOST_KINDS, f"{where} has {len(counts)} kinds of devices, expected at most {_MOST_KINDS}")
    return {_short(kind, "operations"): _count(count, 0, _MOST_OPERATIONS, where) for kind, count in counts.items()}


def _masks(items: list[object], where: str) -> dict[str, RunLengthMask]:
    _check(len(items) <= _MOST_MASKS, f"{where} has {len(items)} masks, expected at most {_MOST_MASKS}")
    masks: dict[str, RunLengthMask] = {}
    for item in items:
        fields = _fields(item, f"a mask of {where}", "image", "rows", "columns", "runs")
        image = _short(fields.text("image"), "image")
        _check(image not in masks, f"{where} has two masks of {shown(image)}")
        rows, columns = (_count(fields.value(side), 1, _LARGEST_SIDE, where) for side in ("rows", "columns"))
        masks[image] = RunLengthMask(
            rows=rows, columns=columns, runs=_run_lengths(fields.items("runs"), rows * columns)
        )
    return masks


def _run_lengths(items: list[object], pixels: int) -> tuple[int, ...]:
    runs = tuple(_count(item, 0 if place == 0 else 1, pixels, "a mask") for place, item in enumerate(items))
    _check(sum(runs) == pixels, f"the runs of a mask add up to {sum(runs)} pixels, expected {pixels}")
    return runs


def _fields(document: object, where: str, *names: str) -> Fields:
    return Fields(document, where, names, what=_WHAT, error_class=InputError)


def _count(value: object, least: int, most: int, where: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    raise InputError(f"cannot read the receipt: {where} holds {shown(value)}, expected {least} to {most}; {_AGAIN}")


def _milliseconds(value: object, where: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LONGEST_MS:
        return float(value)
    raise InputError(f"cannot read the receipt: {where} holds {shown(value)}, expected milliseconds; {_AGAIN}")


def _short(text: str, field: str) -> str:
    # Shown on terminals, which obey control characters.
    _check(
        len(text) <= _LONGEST_TEXT and text.isprintable(),
        f"{field} is {shown(text)}, expected at most {_LONGEST_TEXT} printable characters",
    )
    return text


def _matching(text: str, pattern: re.Pattern[str], field: str) -> str:
    _check(pattern.fullmatch(text) is not None, f"{field} is {shown(text)}, expected {pattern.pattern}")
    return text


def _check(holds: bool, message: str) -> None:
    if not holds:
        raise InputError(f"cannot read the receipt: {message}; {_AGAIN}")
