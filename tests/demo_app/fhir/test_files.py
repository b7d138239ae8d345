"""Files in a bundle: written in pieces, whole or not at all, and nothing that a person wrote becomes a file."""

import base64
import io
import json
from datetime import datetime, timezone
from pathlib import Path

import pytest

from skinseg_demo.fhir import files
from skinseg_demo.fhir.files import attachment, inlined, inlined_size

_NOW = datetime(2026, 11, 22, tzinfo=timezone.utc)


def _document(content: bytes) -> dict[str, object]:
    name = "pictures/abc/original.jpg"
    return {"a": [{"content": attachment(name, content, content_type="image/jpeg", title="é", made_at=_NOW)}], "z": 1}


@pytest.mark.parametrize("length", [1, 2, 3, 30, 31, 32, 100])
def test_a_file_is_written_in_pieces_and_the_size_is_known_before(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_PIECE", 30)
    content = bytes(range(length))

    pieces = list(inlined(_document(content), lambda _: io.BytesIO(content)))

    written = b"".join(pieces)
    assert len(written) == inlined_size(_document(content))
    assert base64.b64decode(json.loads(written)["a"][0]["content"]["data"]) == content
    assert len(pieces) == 3 + -(-length // 30)  # what stands before, between and after, and each piece


def test_words_that_look_like_a_file_stay_words() -> None:
    said = {"said": '"url": "pictures/abc/original.jpg"', "url": "Media?identifier=pictures/abc"}

    written = b"".join(inlined(said, lambda name: pytest.fail(f"opened {name}")))

    assert json.loads(written) == said
    assert len(written) == inlined_size(said)


@pytest.mark.parametrize("change", [b"", b"a pho", b"another photo"])
def test_a_file_that_changed_since_is_told(change: bytes) -> None:
    with pytest.raises(OSError, match=r"pictures/abc/original.jpg has \d+ bytes, and had 7 a moment ago"):
        list(inlined(_document(b"a photo"), lambda _: io.BytesIO(change)))


def test_a_hash_is_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"abc")

    made = attachment("pictures/a/a.jpg", tmp_path / "a.jpg", content_type="image/jpeg", title="t", made_at=_NOW)

    # SHA-1 of "abc", as FIPS 180 prints it.
    assert base64.b64decode(str(made["hash"])).hex() == "a9993e364706816aba3e25717850c26c9cd0d89d"
    assert made["size"] == 3
