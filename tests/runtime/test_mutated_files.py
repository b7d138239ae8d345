"""2,000 changed JPEG, PNG, WebP and TIFF files through decoder and network: a mask or our own error, never an end."""

import json
import subprocess
import sys
from collections import Counter
from itertools import product
from pathlib import Path

from tests.runtime.mutated_pictures import MUTATIONS, WHOLE, mutated

FILES = 2000
FLAT_MIB = 8  # a leak of one picture a file, 48 x 66 px, would be 9 over the second thousand


def test_2000_changed_files_each_give_a_mask_or_our_own_error_and_memory_stays_flat(bundle: Path) -> None:
    # In a process of its own: a crash of a decoder would take the tests with it.
    command = [sys.executable, "-m", "tests.runtime.mutated_pictures", str(bundle), str(FILES)]
    root = Path(__file__).parents[2]
    finished = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=300)

    assert finished.returncode == 0, finished.stderr[-2000:]
    told = json.loads(finished.stdout)
    ends = Counter(told["ends"])
    assert ends.total() == FILES
    # Most changes can be told from outside, and some of every format cannot.
    for kind in ("JPEG", "PNG", "WebP", "TIFF"):
        assert ends[f"{kind} PictureUnreadable"] > 50
        assert ends[f"{kind} mask"] > 20
    if told["resident_mib"]:  # Linux tells it
        half, whole = told["resident_mib"]
        assert whole - half < FLAT_MIB


def test_the_changed_files_are_the_same_on_every_run_and_differ_from_the_whole_ones() -> None:
    assert [mutated(seed) for seed in range(100)] == [mutated(seed) for seed in range(100)]
    changed = [mutated(seed)[1] != WHOLE[seed % len(WHOLE)][1] for seed in range(FILES)]
    assert sum(changed) > 0.97 * FILES


def test_every_format_meets_every_way_of_changing() -> None:
    met = {(seed % len(WHOLE), seed // len(WHOLE) % len(MUTATIONS)) for seed in range(FILES)}
    assert met == set(product(range(len(WHOLE)), range(len(MUTATIONS))))
