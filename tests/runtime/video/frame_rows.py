"""What `frames.jsonl` holds, for tests."""

import json
from pathlib import Path


def rows_of(output: Path) -> list[dict[str, object]]:
    path = output / "frames.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def centroids(rows: list[dict[str, object]]) -> list[tuple[object, list[float]]]:
    found = []
    for row in rows:
        lesions = row["lesions"]
        assert isinstance(lesions, list)
        assert len(lesions) == 1
        found.append((row["frame"], lesions[0]["centroid"]))
    return found
