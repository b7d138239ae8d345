"""What has happened since the box started: how long requests took, and what was refused for which reason.

The labels are names of our own code: the endpoint of a view, the kind of a refusal. Neither an address nor an id is
kept, and the sets are bounded.
"""

import threading
import time
from collections import Counter

from flask import Flask, Response, current_app, g, request, request_finished, request_started

from skinseg_demo.monitoring.exposition import Family, Histogram, Sample

__all__ = ["EXTENSION", "Meters", "add_meters", "meters"]

EXTENSION = "skinseg.meters"

_REQUEST_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_INFERENCE_MS = (5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0)
_MOST_LABELS = 100  # there are fewer views and fewer kinds of refusals
_REST = "other"
_PICTURES = "/api/pictures"


class Meters:
    """Counts for one application; any thread may add."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._request_s: dict[str, Histogram] = {}
        self._refused: Counter[str] = Counter()
        self._inference_ms = Histogram(_INFERENCE_MS)

    def note_request(self, view: str, seconds: float) -> None:
        """Count one request to a view."""
        with self._lock:
            name = view if view in self._request_s or len(self._request_s) < _MOST_LABELS else _REST
            histogram = self._request_s.setdefault(name, Histogram(_REQUEST_S))
        histogram.add(seconds)

    def note_refusal(self, kind: str) -> None:
        """Count one request that was answered with no."""
        with self._lock:
            name = kind if kind in self._refused or len(self._refused) < _MOST_LABELS else _REST
            self._refused[name] += 1

    def note_inference(self, milliseconds: float) -> None:
        """Count one picture that went through the network."""
        self._inference_ms.add(milliseconds)

    def families(self) -> tuple[Family, ...]:
        """Return all counts."""
        with self._lock:
            requests, refused = dict(self._request_s), dict(self._refused)
        by_view = (line for view, times in sorted(requests.items()) for line in times.samples((("view", view),)))
        by_kind = (Sample(count, (("reason", kind),)) for kind, count in sorted(refused.items()))
        return (
            Family("skinseg_request_seconds", "histogram", "Time to answer a request, by view.", tuple(by_view)),
            Family(
                "skinseg_inference_milliseconds",
                "histogram",
                "Time of the network alone, of one picture.",
                tuple(self._inference_ms.samples()),
            ),
            Family("skinseg_refusals_total", "counter", "Requests answered with no, by reason.", tuple(by_kind)),
        )


def meters() -> Meters:
    """Return the meters of the application that answers this request."""
    found: Meters = current_app.extensions[EXTENSION]
    return found


def add_meters(app: Flask) -> None:
    """Time every request of *app* and count what is refused."""
    made = app.extensions[EXTENSION] = Meters()

    def started(_: Flask, **__: object) -> None:
        g.started_s = time.perf_counter()

    def finished(_: Flask, response: Response, **__: object) -> None:
        view = request.endpoint or "none"
        made.note_request(view, time.perf_counter() - g.get("started_s", time.perf_counter()))
        if response.status_code >= 400:
            made.note_refusal(g.get("refusal_kind") or str(response.status_code))
        elif response.status_code == 201 and request.path == _PICTURES:
            _note_inference(made, response)

    # Kept by strong references: the application lives as long as the process, in tests as long as itself.
    app.extensions[f"{EXTENSION}.listeners"] = (started, finished)
    request_started.connect(started, app)
    request_finished.connect(finished, app)


def _note_inference(made: Meters, response: Response) -> None:
    """Count the time that a result tells of its network."""
    result = response.get_json(silent=True)
    times = result.get("ms") if isinstance(result, dict) else None
    milliseconds = times.get("engine") if isinstance(times, dict) else None
    if isinstance(milliseconds, (int, float)):
        made.note_inference(milliseconds)
