"""A model on its way to a device: a folder `NAME.skinseg/` whose every byte is checked before it is used.

    manifest.json          what the bundle says about itself, see `manifest`
    manifest.sig           who made it, see `signing`; required when the device has a trusted key
    model.onnx, golden/    and whatever else the manifest lists with size and SHA-256
    engines/               made on the device, with receipts of their own; not listed

`Bundle` reads one, `BundleDraft` makes one.
"""

import difflib
import hashlib
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

from skinseg_edge.atomic_files import refusing_output_errors, write_bytes_atomically
from skinseg_edge.bundle_files import FileComparison, compare_files, listed_names, read_small, read_verified
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import BundleUnusable, FileMissing, SignatureInvalid
from skinseg_edge.manifest import (
    MANIFEST_LIMIT,
    MANIFEST_NAME,
    SIGNATURE_NAME,
    Artefact,
    FileRecord,
    GoldenCase,
    Manifest,
    Provenance,
    check_relative,
)
from skinseg_edge.signing import check_signature

__all__ = ["TRUSTED_KEY_VARIABLE", "Bundle", "BundleDraft", "SignatureState"]

TRUSTED_KEY_VARIABLE = "SKINSEG_TRUSTED_KEY"

SignatureState: TypeAlias = Literal["verified", "unchecked", "absent"]

_CHUNK = 1 << 20
_SIGNATURE_LIMIT = 4096  # bytes read of what should have 64


class Bundle:
    """A bundle whose manifest holds; made by `Bundle.open`."""

    def __init__(self, path: Path, manifest: Manifest, digest: str, signature: SignatureState) -> None:
        """Keep what `open` has checked."""
        self._path = path
        self._manifest = manifest
        self._digest = digest
        self._signature: SignatureState = signature

    @classmethod
    def open(cls, path: str | Path, *, trusted_key: str | Path | bytes | None = None) -> "Bundle":
        """Open a bundle and check its manifest; files are checked when they are read.

        *trusted_key*: an Ed25519 public key in PEM form, as a path or as bytes. Without it, the environment variable
        SKINSEG_TRUSTED_KEY may name its path. With either, the signature is checked before the manifest is parsed.

        Raises FileMissing if nothing is at the path, BundleUnusable if it is no bundle or breaks a rule,
        IntegrityFailed if a byte of the manifest changed, SignatureInvalid if the trusted key did not sign it,
        SchemaUnknown if a newer version made it, ContractInvalid if its contract breaks a rule.
        """
        root = _existing_folder(path)
        data = read_small(root, MANIFEST_NAME, MANIFEST_LIMIT)
        signature = _signature_state(root, data, trusted_key if trusted_key is not None else _key_from_environment())
        return cls(root, Manifest.from_bytes(data), hashlib.sha256(data).hexdigest(), signature)

    def __repr__(self) -> str:
        """Name the bundle and its place."""
        return f"Bundle({self._manifest.name!r}, path={str(self._path)!r}, signature={self._signature!r})"

    @property
    def path(self) -> Path:
        """The bundle's folder, absolute."""
        return self._path

    @property
    def manifest(self) -> Manifest:
        """What the bundle says about itself."""
        return self._manifest

    @property
    def contract(self) -> ModelContract:
        """What the network expects and what its output means."""
        return self._manifest.contract

    @property
    def sha256(self) -> str:
        """SHA-256 of `manifest.json`, which stands for the whole bundle, in hexadecimal."""
        return self._digest

    @property
    def signature(self) -> SignatureState:
        """Whether the manifest's signature was `verified`, is there but `unchecked` for want of a key, or `absent`."""
        return self._signature

    def artefact(self, name: str) -> Artefact:
        """Return the artefact of this name, whatever its status.

        Raises BundleUnusable naming those that are there if none has this name.
        """
        present = {artefact.name: artefact for artefact in self._manifest.artefacts}
        if name not in present:
            nearest = difflib.get_close_matches(name, present, 1)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else "; export the model again with that target"
            raise BundleUnusable(
                f"cannot use artefact {name!r} of {self._path.name}: the bundle has {_quoted(present) or 'none'}{hint}"
            )
        return present[name]

    def read(self, relative: str) -> bytes:
        """Return a listed file's bytes: the very bytes whose size and SHA-256 were checked.

        Raises BundleUnusable if the manifest does not list it, IntegrityFailed if it is missing or changed.
        """
        record = self._manifest.files.get(relative)
        if record is None:
            raise BundleUnusable(
                f"cannot read {relative!r} of {self._path.name}: the manifest lists "
                f"{listed_names(tuple(sorted(self._manifest.files)))}; name one of them or export the model again"
            )
        return read_verified(self._path, relative, record)

    def verified_path(self, relative: str) -> Path:
        """Return the path of a listed file, or of a folder with listed files, after checking all of it.

        For loaders that take nothing but a path, such as Core ML's. Between this check and the loader's reading,
        somebody who may write to the folder can still change it; `read` leaves no such gap.

        Raises BundleUnusable if the manifest lists nothing there, IntegrityFailed if a file is missing, changed or not
        listed.
        """
        records = self._manifest.below(relative)
        if not records:
            raise BundleUnusable(f"cannot use {relative!r} of {self._path.name}: the manifest lists nothing there")
        compare_files(self._path, records, relative).check(self._path.name)
        return self._path / relative

    def compare(self) -> FileComparison:
        """Return which files are missing, changed, or not listed."""
        return compare_files(self._path, self._manifest.files)

    def verify(self) -> None:
        """Check every file.

        Raises IntegrityFailed naming the files that are missing, changed, or not listed (`engines/` and `manifest.sig`
        need not be).
        """
        self.compare().check(self._path.name)


class BundleDraft:
    """A bundle in the making: files are hashed as they are written, then sealed by the manifest.

    Used inside `atomic_files.fresh_folder`, so that nobody meets a bundle that is not finished:

        with fresh_folder("lesion.skinseg", force, only_if_holds=MANIFEST_NAME) as folder:
            draft = BundleDraft(folder)
            draft.add_file("model.onnx", onnx_path)
            draft.finish(name="lesion", contract=contract, provenance=provenance, artefacts=artefacts)
    """

    def __init__(self, folder: str | Path) -> None:
        """Begin in an empty folder."""
        self._folder = Path(folder)
        self._records: dict[str, FileRecord] = {}

    @property
    def files(self) -> Mapping[str, FileRecord]:
        """What was added so far, by relative path."""
        return dict(self._records)

    def add_bytes(self, relative: str, data: bytes) -> None:
        """Write a file of the bundle.

        Raises BundleUnusable if the path leaves the bundle or was added before, OutputRefused if it cannot be written.
        """
        self._add(relative, io.BytesIO(data))

    def add_file(self, relative: str, source: str | Path) -> None:
        """Copy a file into the bundle, in constant memory; otherwise like `add_bytes`.

        Raises FileMissing if the source is no file that can be read, and what `add_bytes` raises.
        """
        try:
            stream = Path(source).open("rb")  # noqa: SIM115  # only a failure to open means that it is missing
        except OSError as error:
            raise FileMissing(f"cannot add {relative} to the bundle: {source}: {error.strerror}") from error
        with stream:
            self._add(relative, stream)

    def add_folder(self, relative: str, source: str | Path) -> None:
        """Copy a folder with all files below it, such as an `.mlpackage`.

        Raises FileMissing if the source is no folder, BundleUnusable if it holds a link or no file, and what `add_file`
        raises.
        """
        root = Path(source)
        if not root.is_dir():
            raise FileMissing(f"cannot add {relative} to the bundle: {source} is no folder")
        paths = sorted(root.rglob("*"))
        links = [path for path in paths if path.is_symlink()]
        if links:
            raise BundleUnusable(f"cannot add {relative} to the bundle: {links[0]} is a link, and a bundle holds none")
        files = [path for path in paths if path.is_file()]
        if not files:
            raise BundleUnusable(f"cannot add {relative} to the bundle: {source} holds no file")
        for path in files:
            self.add_file(f"{relative}/{path.relative_to(root).as_posix()}", path)

    def finish(
        self,
        *,
        name: str,
        contract: ModelContract,
        provenance: Provenance,
        artefacts: Sequence[Artefact],
        golden: Sequence[GoldenCase] = (),
        device_plans: Sequence[Mapping[str, object]] = (),
        calibration: str | None = None,
    ) -> Manifest:
        """Write the manifest and return it as a reader will see it; arguments as in `Manifest`.

        Raises BundleUnusable if a rule of the manifest is broken or the manifest grows too large, IntegrityFailed if
        the folder holds other than what was added, OutputRefused if the manifest cannot be written.
        """
        compare_files(self._folder, self._records).check("the new bundle")
        manifest = Manifest(
            name=name,
            contract=contract,
            provenance=provenance,
            artefacts=tuple(artefacts),
            files=self._records,
            golden=tuple(golden),
            device_plans=tuple(device_plans),
            calibration=calibration,
        )
        data = manifest.to_bytes()
        as_read = Manifest.from_bytes(data)
        write_bytes_atomically(self._folder / MANIFEST_NAME, data)
        return as_read

    def _add(self, relative: str, stream: BinaryIO) -> None:
        check_relative(relative)
        if relative in self._records:
            raise BundleUnusable(f"cannot add {relative} to the bundle: it was added before")
        target = self._folder / relative
        digest = hashlib.sha256()
        with refusing_output_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as copy:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
                    copy.write(chunk)
                size = copy.tell()
        self._records[relative] = FileRecord(size, digest.hexdigest())


def _existing_folder(path: str | Path) -> Path:
    root = Path(path).resolve()
    if not root.exists():
        raise FileMissing(f"cannot open the bundle {path}: nothing is there; check the path")
    if not root.is_dir():
        raise BundleUnusable(f"cannot open the bundle {path}: it is a file, expected a folder with a {MANIFEST_NAME}")
    return root


def _key_from_environment() -> str | None:
    named = os.environ.get(TRUSTED_KEY_VARIABLE)
    if named == "":
        # Taking it for unset would switch off a check that somebody meant to switch on.
        raise FileMissing(f"cannot check signatures: {TRUSTED_KEY_VARIABLE} is empty; name a PEM file or unset it")
    return named


def _signature_state(root: Path, manifest: bytes, trusted_key: str | Path | bytes | None) -> SignatureState:
    present = (root / SIGNATURE_NAME).exists()
    if trusted_key is None:
        return "unchecked" if present else "absent"
    if not present:
        raise SignatureInvalid(
            f"cannot trust {root.name}: it holds no {SIGNATURE_NAME}, and this device accepts signed bundles only; "
            "have its maker sign it"
        )
    check_signature(manifest, read_small(root, SIGNATURE_NAME, _SIGNATURE_LIMIT), trusted_key)
    return "verified"


def _quoted(names: Mapping[str, object]) -> str:
    return ", ".join(repr(name) for name in names)
