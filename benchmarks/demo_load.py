"""Thirty phones at once against the demo as it is served: what is answered, how fast, and that nothing is lost.

Starts skinseg-demo with TLS in a process of its own, pairs phones, and lets each send photos of a phone's size for a
minute, as often as the box allows (20 a minute) and waiting as long as it says. Afterwards the box is ended, and every
photo that was acknowledged must lie in its store, byte for byte. The phones run on the same cores.

    python benchmarks/demo_load.py lesion.skinseg
    python benchmarks/demo_load.py lesion.skinseg --phones 8 --seconds 10 --rows 1200 --columns 1600
"""

import argparse
import hashlib
import itertools
import json
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.served_demo import ServedDemo
from skinseg_demo.store import Store
from skinseg_edge.datasets.synthetic_lesions import draw

__all__ = ["Load", "Outcome", "loaded", "main"]

_PACE_S = 3.1  # between two photos of one phone: just under 20 a minute
_ENLARGED = 4  # drawing takes long, and a phone's photos of skin are smooth
_BOUNDARY = "skinseg-load"


@dataclass(frozen=True)
class Load:
    """*hw*: rows and columns of the photos, px. *pace_s*: at least between two photos of one phone."""

    phones: int = 30
    seconds: float = 60.0
    hw: tuple[int, int] = (3000, 4000)
    pace_s: float = _PACE_S


@dataclass
class Outcome:
    """What came of it.

    *kept_ms*: of each photo that was acknowledged, from its first byte to the answer. *put_off*: 503 with Retry-After.
    *errors*: any other answer, and connections that broke, by name. *lost*: acknowledged and not in the store.
    """

    kept_ms: list[float] = field(default_factory=list)
    put_off: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    ids: list[str] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        """Whether nothing went wrong and something was kept."""
        return not self.errors and self.lost == 0 and bool(self.ids)

    def quantile_ms(self, share: float) -> float:
        """Return the time that *share* of the photos stayed below."""
        return float(np.quantile(self.kept_ms, share)) if self.kept_ms else float("nan")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one row; 1 where the goal is not reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--phones", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--columns", type=int, default=4000)
    chosen = parser.parse_args(arguments)
    load = Load(chosen.phones, chosen.seconds, (chosen.rows, chosen.columns))
    with tempfile.TemporaryDirectory() as folder:
        outcome = loaded(chosen.bundle, Path(folder), load)
    print("| phones | s | photo | kept | put off (503) | other errors | lost | p50 s | p95 s | max s | |")
    print("| --: | --: | :-- | --: | --: | --: | --: | --: | --: | --: | :-- |")
    times = " | ".join(f"{outcome.quantile_ms(share) / 1000:.1f}" for share in (0.5, 0.95, 1))
    wrong = ", ".join(f"{times_seen} x {name}" for name, times_seen in outcome.errors.items()) or "0"
    print(
        f"| {load.phones} | {load.seconds:g} | {load.hw[0]} x {load.hw[1]} | {len(outcome.ids)} | {outcome.put_off} | "
        f"{wrong} | {outcome.lost} | {times} | {'pass' if outcome.is_well else 'FAIL'} |"
    )
    return 0 if outcome.is_well else 1


def loaded(bundle: Path, folder: Path, load: Load) -> Outcome:
    """Serve *bundle* from a state below *folder*, load it, end it, and look what is in its store."""
    photos = _photos(load.hw)
    box = ServedDemo(bundle, folder)
    try:
        box.wait_until_ready()
        outcome = _phones_at_work(box, load, photos)
    finally:
        box.end()
    outcome.lost = _lost(box.state, outcome.ids)
    return outcome


def _phones_at_work(box: ServedDemo, load: Load, photos: Sequence[bytes]) -> Outcome:
    outcome, lock = Outcome(), threading.Lock()
    until = time.monotonic() + load.seconds
    phones = [_Phone(box, secret, outcome, lock) for secret in box.secrets(load.phones)]
    threads = [
        threading.Thread(target=phone.work, args=(photos[number % len(photos)], until, load.pace_s))
        for number, phone in enumerate(phones)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcome


class _Phone:
    """A paired phone that sends one photo after the other."""

    def __init__(self, box: ServedDemo, secret: str, outcome: Outcome, lock: threading.Lock) -> None:
        self._box = box
        self._connection = box.connection()
        self._headers = {"Cookie": f"__Host-skinseg={secret}", "Origin": f"https://localhost:{box.port}"}
        self._outcome = outcome
        self._lock = lock

    def work(self, photo: bytes, until: float, pace_s: float) -> None:
        """Send until the time is over."""
        try:
            headers = self._headers | {"X-CSRF-Token": self._csrf()}
            headers["Content-Type"] = f"multipart/form-data; boundary={_BOUNDARY}"
            for number in itertools.count():
                if (begun := time.monotonic()) >= until:
                    break
                body = _form(_numbered(photo, number))
                wait_s = max(self._send(body, headers), begun + pace_s - time.monotonic())
                time.sleep(max(0.0, min(wait_s, until - time.monotonic())))
        except OSError as error:
            self._note_error(type(error).__name__)
        finally:
            self._connection.close()

    def _csrf(self) -> str:
        self._connection.request("GET", "/", headers=self._headers)
        found = re.search(r'name="csrf" content="(\w+)"', self._connection.getresponse().read().decode())
        return found[1] if found else ""

    def _send(self, body: bytes, headers: dict[str, str]) -> float:
        """Send a photo; return how long to wait from now, s."""
        begun = time.perf_counter()
        self._connection.request("POST", "/api/pictures", body, headers)
        answer = self._connection.getresponse()
        document: dict[str, Any] = json.loads(answer.read())
        took_ms = (time.perf_counter() - begun) * 1000
        wait = answer.headers["Retry-After"]
        with self._lock:
            if answer.status == 201:
                self._outcome.kept_ms.append(took_ms)
                self._outcome.ids.append(document["id"])
            elif answer.status == 503 and wait is not None:
                self._outcome.put_off += 1
            else:
                self._outcome.errors[f"{answer.status} {document['error']['kind']}"] += 1
        return float(wait or 0)

    def _note_error(self, name: str) -> None:
        with self._lock:
            self._outcome.errors[name] += 1


def _lost(state: Path, ids: Sequence[str]) -> int:
    """Count what was acknowledged and is not in the store, whole."""
    store = Store.open(state / "store")
    try:
        return sum(not _is_whole(store, picture_id) for picture_id in ids)
    finally:
        store.close()


def _is_whole(store: Store, picture_id: str) -> bool:
    try:
        picture = store.pictures.get(picture_id)
        data = store.pictures.file(picture_id, "original").read_bytes()
        store.pictures.file(picture_id, "mask")
    except Exception:  # noqa: BLE001  # whatever it was, the picture cannot be had
        return False
    return hashlib.sha256(data).hexdigest() == picture.sha256


def _photos(hw: tuple[int, int]) -> list[bytes]:
    """Draw photos, enlarged to a phone's size, with a phone's noise, which is most of a JPEG."""
    random = np.random.default_rng(5)
    return [_jpeg(seed, hw, random) for seed in range(4)]


def _numbered(jpeg: bytes, number: int) -> bytes:
    """Return a JPEG with a comment in it: the same bytes sent twice would be one picture."""
    return jpeg[:2] + b"\xff\xfe\x00\x0a" + number.to_bytes(8, "big") + jpeg[2:]


def _jpeg(seed: int, hw: tuple[int, int], random: np.random.Generator) -> bytes:
    drawn = cv2.resize(
        draw(seed, (hw[0] // _ENLARGED, hw[1] // _ENLARGED)).photo, hw[::-1], interpolation=cv2.INTER_CUBIC
    )
    noise = random.integers(-4, 5, (*hw, 1), np.int8)
    photo = np.clip(drawn.astype(np.int16) + noise, 0, 255).astype(np.uint8)
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(photo, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])
    return bytes(encoded.tobytes())


def _form(photo: bytes) -> bytes:
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="picture"; filename="picture"\r\n\r\n'
    return head.encode() + photo + f"\r\n--{_BOUNDARY}--\r\n".encode()


if __name__ == "__main__":
    sys.exit(main())
