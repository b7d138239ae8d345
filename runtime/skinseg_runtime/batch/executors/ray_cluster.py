"""The Ray cluster that a driver belongs to: joined by its address, or started on this machine and ended again."""

from __future__ import annotations

import logging
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from skinseg_edge.errors import DeviceUnready

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["joined", "memories", "resources", "take_away"]

_MIB = 1024 * 1024
_STORE_BYTES, _STORE_BYTES_A_CORE = 128 * _MIB, 64 * _MIB
_TRIES, _PAUSE_S = 20, 0.2
_KNOCK_S = 10.0


@contextmanager
def joined(address: str | None, processes: int, folder: Path) -> Iterator[str]:
    """Join the cluster at *address*, or start one; yield its address; the one that was started is ended.

    *processes*: how many cores the one that is started has. *folder*: for its files, is gone afterwards.

    Raises DeviceUnready if it cannot be started or joined.
    """
    import ray

    own: dict[str, Any] = {
        "num_cpus": processes,
        "include_dashboard": False,
        "object_store_memory": _STORE_BYTES + processes * _STORE_BYTES_A_CORE,
        "_temp_dir": str(folder),
    }
    given: dict[str, Any] = {"address": address} if address is not None else {"address": "local", **own}
    try:
        _knock(address)
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **given)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise DeviceUnready(_not_there(address, error)) from error
    # Ray has set its own; a request to end shall go through the `finally` below.
    signal.signal(signal.SIGTERM, _end)
    try:
        yield ray.get_runtime_context().gcs_address
    finally:
        ray.shutdown()
        if address is None:
            take_away(folder)


def take_away(folder: Path) -> None:
    """Remove the files of a Ray that was ended; what of it still ends may write a last line into them."""
    for _ in range(_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(_PAUSE_S)


def resources() -> dict[str, float]:
    """Return what the cluster has of each kind: "CPU" cores, "GPU", bytes of "memory"."""
    import ray

    found: dict[str, float] = cast("Any", ray).cluster_resources()  # no types in Ray
    return found


def memories() -> list[int]:
    """Return the bytes that each living machine of the cluster has for work."""
    import ray

    nodes: list[dict[str, Any]] = cast("Any", ray).nodes()
    return [int(node["Resources"]["memory"]) for node in nodes if node["Alive"] and "memory" in node["Resources"]]


def _knock(address: str | None) -> None:
    """Raise OSError if nobody listens at a cluster's address: Ray itself tries for minutes."""
    host, colon, port = (address or "").rpartition(":")
    if colon and port.isdigit() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=_KNOCK_S).close()


def _not_there(address: str | None, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
    if address is None:
        return f"cannot start Ray on this machine: {reason}; try --executor local, which needs no Ray"
    return (
        f"cannot join the Ray cluster at {address}: {reason}; look with `ray status` on this machine, "
        "and give --address what `ray start --head` printed"
    )


def _end(*_: object) -> None:
    raise SystemExit(0)
