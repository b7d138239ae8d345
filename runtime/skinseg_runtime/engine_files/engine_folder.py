"""One engine on disk: its plan, its records, and the seal over them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import EngineUnusable, FileMissing
from skinseg_runtime.engine_files.device_key import holds, seal
from skinseg_runtime.engine_files.plain_file import read_plain
from skinseg_runtime.engine_files.receipt import RECEIPT_NAME, Receipt
from skinseg_runtime.engine_files.sidecar import PLAN_NAME, SIDECAR_NAME, Sidecar

__all__ = ["SEAL_NAME", "EngineFolder", "sealed_records"]

SEAL_NAME = "seal"

_PURPOSE = "engine"
_LARGEST_RECORD = 16 << 20  # bytes of a sidecar or a receipt
_LARGEST_SEAL = 256


@dataclass(frozen=True)
class EngineFolder:
    """A published engine in the folder *path*; `preflight` answers whether it may be used."""

    path: Path

    @property
    def name(self) -> str:
        """Such as "fp16-3f2a91c0-2"."""
        return self.path.name

    def records(self) -> tuple[Sidecar, Receipt] | None:
        """Return sidecar and receipt, of the very bytes that the seal holds for; None if this device did not seal them.

        Raises FileMissing if a file is not there, EngineUnusable if one cannot be read, InputError if this device's key
        cannot be used.
        """
        candidate = read_plain(self.path / SEAL_NAME, _LARGEST_SEAL).strip()
        sidecar, receipt = (read_plain(self.path / name, _LARGEST_RECORD) for name in (SIDECAR_NAME, RECEIPT_NAME))
        if not (candidate.isascii() and holds(_hashes(sidecar, receipt), candidate.decode("ascii"), purpose=_PURPOSE)):
            return None
        return Sidecar.from_bytes(sidecar), Receipt.from_bytes(receipt)

    def plan_bytes(self, sidecar: Sidecar, bundle: Bundle) -> bytes:
        """Return the plan: the very bytes whose size and SHA-256 are the sidecar's.

        *bundle*: where the engine is; it lists the plan itself if that was built ahead of time.

        Raises EngineUnusable, with words that follow "cannot use the engine: ", if the bytes are others or cannot be
        read; BundleUnusable or IntegrityFailed if the bundle's own file does not hold.
        """
        plan = self._own_plan(sidecar.size) if sidecar.plan == PLAN_NAME else bundle.read(sidecar.plan)
        if len(plan) != sidecar.size:
            raise EngineUnusable(f"it has {len(plan)} bytes, its record says {sidecar.size}")
        if hashlib.sha256(plan).hexdigest() != sidecar.sha256:
            raise EngineUnusable("its bytes differ from those that were proved on this device")
        return plan

    def _own_plan(self, size: int) -> bytes:
        path = self.path / PLAN_NAME
        try:
            found = path.lstat().st_size
            if found > size:
                raise EngineUnusable(f"it has {found} bytes, its record says {size}")
            return read_plain(path, size)
        except (FileNotFoundError, FileMissing) as error:
            raise EngineUnusable(f"its {PLAN_NAME} is missing") from error


def sealed_records(sidecar: Sidecar, receipt: Receipt) -> dict[str, bytes]:
    """Return the files that stand beside a plan, with this device's seal over them.

    Raises InputError if this device's key cannot be used, OutputRefused if it cannot be made.
    """
    records = {SIDECAR_NAME: sidecar.to_bytes(), RECEIPT_NAME: receipt.to_bytes()}
    made = seal(_hashes(*records.values()), purpose=_PURPOSE)
    return {**records, SEAL_NAME: made.encode() + b"\n"}


def _hashes(sidecar: bytes, receipt: bytes) -> bytes:
    """Return what the seal is made over; the plan's own hash stands in both records."""
    return f"{hashlib.sha256(sidecar).hexdigest()}\n{hashlib.sha256(receipt).hexdigest()}".encode()
