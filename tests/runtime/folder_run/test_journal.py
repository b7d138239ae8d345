"""What a run has done, read again after whatever happened to the file."""

import json
import os
from pathlib import Path

import pytest

from skinseg_runtime.folder_run.journal import Entry, Journal, Written


def entry(key: str, size: int = 3) -> Entry:
    return Entry(key, {"mask": Written(f"{key}.mask.png", size, "0" * 64)}, {"lesions": [], "of": key})


def filled(path: Path) -> Path:
    journal = Journal(path)
    for key in ("a", "b", "c"):
        journal.append(entry(key))
    return path


def test_what_was_noted_is_read_again(tmp_path: Path) -> None:
    journal = Journal(filled(tmp_path / "done.jsonl"))
    assert (len(journal), journal.keys()) == (3, ["a", "b", "c"])
    assert [journal.get(key) for key in "abc"] == [entry(key) for key in "abc"]
    assert journal.get("d") is None


def test_of_two_entries_of_a_key_the_later_counts(tmp_path: Path) -> None:
    Journal(filled(tmp_path / "done.jsonl")).append(entry("b", size=9))
    assert Journal(tmp_path / "done.jsonl").get("b") == entry("b", size=9)


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_a_line_that_was_cut_off_counts_for_nothing_and_the_next_follows_what_is_whole(
    tmp_path: Path, cut: int
) -> None:
    path = filled(tmp_path / "done.jsonl")
    path.write_bytes(path.read_bytes()[:-cut])
    journal = Journal(path)
    assert journal.keys() == ["a", "b"]
    journal.append(entry("d"))
    assert Journal(path).keys() == ["a", "b", "d"]


@pytest.mark.parametrize(
    "line",
    [
        b"\0" * 50,
        b"[1, 2]",
        b'{"key": "x"}',
        b'{"key": 7, "files": {}, "row": {}}',
        b'{"key": "x", "files": {"mask": "x.png"}, "row": {}}',
        b'{"key": "x", "files": {"mask": {"path": "x", "size": "3", "sha256": ""}}, "row": {}}',
        b"\xff\xfe",
    ],
)
def test_a_line_that_is_no_entry_is_passed_over(tmp_path: Path, line: bytes) -> None:
    path = filled(tmp_path / "done.jsonl")
    a, b, c = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(a + line + b"\n" + b + c)
    journal = Journal(path)
    assert journal.keys() == ["a", "b", "c"]
    assert journal.get("c") == entry("c")


def test_a_write_that_fails_leaves_the_entries_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(filled(tmp_path / "done.jsonl"))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            journal.append(entry("d"))
    assert journal.keys() == ["a", "b", "c"]
    journal.append(entry("e"))
    lines = (tmp_path / "done.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["key"] for line in lines] == ["a", "b", "c", "e"]
