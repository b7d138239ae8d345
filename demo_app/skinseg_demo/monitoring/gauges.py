"""One look at the box as metrics."""

from skinseg_demo.monitoring.box_health import BoxHealth
from skinseg_demo.monitoring.exposition import Family, Sample

__all__ = ["families_of"]

_ENGINE_STATES = ("none", "starting", "building", "ready", "failed")
_OUTBOX_STATES = ("draft", "queued", "sent", "answered")


def families_of(health: BoxHealth) -> tuple[Family, ...]:
    """Return what *health* tells; a temperature that cannot be read is absent, never 0."""
    heat = tuple(Sample(place.celsius, (("sensor", place.name),)) for place in health.temperatures)
    engine = tuple(Sample(float(health.engine == state), (("state", state),)) for state in _ENGINE_STATES)
    outbox = tuple(Sample(health.outbox.get(state, 0), (("state", state),)) for state in _OUTBOX_STATES)
    return (
        Family("skinseg_ready", "gauge", "1 if a picture can be taken and outlined.", _one(float(health.is_ready))),
        Family("skinseg_engine_state", "gauge", "1 for the state that the engine is in.", engine),
        Family("skinseg_queue_pictures", "gauge", "Pictures that wait for the engine.", _one(health.waiting)),
        Family("skinseg_queue_places", "gauge", "Pictures that may wait.", _one(health.places)),
        Family("skinseg_outbox_cases", "gauge", "Cases by state of the outbox.", outbox),
        Family("skinseg_disk_free_bytes", "gauge", "Free space where cases are kept.", _one(health.free_bytes)),
        Family("skinseg_disk_bytes", "gauge", "Size of that disk.", _one(health.total_bytes)),
        Family("skinseg_temperature_celsius", "gauge", "What the machine's sensors tell.", heat),
    )


def _one(value: float) -> tuple[Sample, ...]:
    return (Sample(value),)
