"""A name of a package is imported when it is touched."""

import sys
from pathlib import Path

import pytest

from skinseg_edge.lazy_names import imported_when_touched


def test_a_module_is_imported_when_its_name_is_touched_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "house").mkdir()
    (tmp_path / "house" / "__init__.py").touch()
    (tmp_path / "house" / "room.py").write_text("chair = 'a chair'\n", encoding="utf-8")

    touched = imported_when_touched("house", {"chair": "room"})

    assert "house.room" not in sys.modules
    assert touched("chair") == "a chair"
    with pytest.raises(AttributeError, match="module 'house' has no attribute 'table'"):
        touched("table")
    for name in ("house.room", "house"):
        monkeypatch.delitem(sys.modules, name)
