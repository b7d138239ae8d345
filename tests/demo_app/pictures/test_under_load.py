"""A short form of benchmarks/demo_load.py: several phones at once against the server that phones meet."""

from pathlib import Path

from benchmarks.demo_load import Load, loaded


def test_eight_phones_at_once_get_answers_and_nothing_acknowledged_is_lost(bundle: Path, tmp_path: Path) -> None:
    outcome = loaded(bundle, tmp_path, Load(phones=8, seconds=2.0, hw=(600, 800), pace_s=0.2))

    assert outcome.errors == {}  # nothing but 201, and 503 with Retry-After
    assert outcome.lost == 0
    assert len(outcome.ids) >= 8
    assert len(outcome.ids) == len(set(outcome.ids)) == len(outcome.kept_ms)
