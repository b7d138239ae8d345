"""Pictures in Parquet files: columns of bytes, of Hugging Face's kind and of paths."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from skinseg_edge.errors import FileMissing, InputError
from skinseg_runtime.batch.items import FilePlace, Item, ParquetPlace
from skinseg_runtime.batch.reading import read_items
from skinseg_runtime.batch.sources import parquet_cells, source_from_text
from tests.runtime.batch.sources.archives import contents, listed, names, touch

pa = pytest.importorskip("pyarrow", reason="needs the extra scale")
pq = pytest.importorskip("pyarrow.parquet", reason="needs the extra scale")


def table(path: Path, columns: Mapping[str, Sequence[object]], *, rows: int = 2, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(dict(columns)), path, row_group_size=rows, **options)
    return path


def test_a_column_of_bytes_gives_pictures_that_are_called_by_file_and_row(tmp_path: Path) -> None:
    path = table(tmp_path / "part.parquet", {"age": [1, 2, 3], "photo": [b"a", b"b", b"c"]})
    assert listed(path) == [
        Item("part/00000000", ParquetPlace(str(path), 0, 0, "photo")),
        Item("part/00000001", ParquetPlace(str(path), 0, 1, "photo")),
        Item("part/00000002", ParquetPlace(str(path), 1, 0, "photo")),
    ]
    assert list(contents(listed(path)).values()) == [b"a", b"b", b"c"]
    assert source_from_text(str(path)).count() == 3


def test_a_column_as_hugging_face_writes_it_has_bytes_or_a_path_beside_the_file(tmp_path: Path) -> None:
    touch(tmp_path, "far.jpg")
    images = [{"bytes": b"a", "path": "a.jpg"}, {"bytes": None, "path": "far.jpg"}, {"bytes": None, "path": None}, None]
    path = table(tmp_path / "part.parquet", {"image": images, "image_id": ["one", "two", "three", "four"]})
    found = contents(listed(path))
    assert (found["one"], found["two"]) == (b"a", b"far.jpg")
    assert str(found["three"]).startswith("cannot read three: column image of its row is empty")
    assert found["four"] == "cannot read four: column image of its row is empty, expected a picture; mend the table"


def test_a_column_of_paths_names_files_beside_the_table(tmp_path: Path) -> None:
    path = table(tmp_path / "list.parquet", {"file_name": ["a.jpg", None, "b/c.jpg"], "label": [0, 1, 0]})
    assert [(item.name, item.place) for item in listed(path)] == [
        ("a.jpg", FilePlace(str(tmp_path / "a.jpg"))),
        ("list/00000001", ParquetPlace(str(path), 0, 1, "file_name")),
        ("b/c.jpg", FilePlace(str(tmp_path / "b" / "c.jpg"))),
    ]
    assert "column file_name of its row is empty" in str(contents(listed(path))["list/00000001"])


def test_a_long_text_that_many_rows_share_is_refused_before_it_is_there_so_often(tmp_path: Path) -> None:
    shared = pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int32()), pa.array(["x" * 200_000]))
    path = tmp_path / "part.parquet"
    # Without Arrow's own schema the column is one of plain text, as other programs write it.
    pq.write_table(pa.table({"name": shared, "image": [b"a"] * 1000}), path, store_schema=False)
    before = pa.default_memory_pool().max_memory()

    with pytest.raises(InputError, match=r"its column 'name' has a text of 200,000 bytes, expected names or paths"):
        listed(path)

    assert path.stat().st_size < 300_000
    assert pa.default_memory_pool().max_memory() <= max(before, 50_000_000)  # the rows have 200 MB


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view", "dictionary"])
def test_every_kind_of_text_is_read(tmp_path: Path, kind: str) -> None:
    type_ = pa.dictionary(pa.int32(), pa.string()) if kind == "dictionary" else getattr(pa, kind)()
    path = table(tmp_path / "part.parquet", {"path": pa.array(["a.jpg", None, "b.jpg"]).cast(type_)})

    assert names(path) == ["a.jpg", "part/00000001", "b.jpg"]


def test_a_path_that_means_nothing_is_an_error_of_its_row_and_ends_no_listing(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    paths = ["a.jpg", "b\0.jpg", "ftp://me:secret@host/c.jpg", "s3://"]
    path = table(tmp_path / "list.parquet", {"path": paths, "name": ["a", "b", "c", "d"]})

    found = contents(listed(path))

    assert found["a"] == b"a.jpg"
    assert "expected the path or the address of a file" in str(found["b"])
    assert "cannot find the protocol 'ftp'" in str(found["c"])
    assert "it names no file or folder" in str(found["d"])
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("column", "expected"),
    [("name", ["x", "y"]), ("path", ["x", "y"]), ("key", ["x", "y"]), ("other", ["part/00000000", "part/00000001"])],
)
def test_a_column_of_names_is_taken_where_it_is_called_so(tmp_path: Path, column: str, expected: list[str]) -> None:
    assert names(table(tmp_path / "part.parquet", {"image": [b"a", b"b"], column: ["x", "y"]})) == expected


def test_numbers_are_names_and_a_row_without_one_is_called_by_its_place(tmp_path: Path) -> None:
    path = table(tmp_path / "part.parquet", {"image": [b"a", b"b"], "image_id": [7, None]})
    assert names(path) == ["7", "part/00000001"]


def test_a_folder_of_tables_is_read_whole_and_two_equal_names_are_refused(tmp_path: Path) -> None:
    table(tmp_path / "x" / "1.parquet", {"image": [b"a"], "name": ["one"]})
    second = table(tmp_path / "x" / "2.parquet", {"image": [b"b"], "name": ["two"]})
    assert contents(listed(tmp_path)) == {"one": b"a", "two": b"b"}

    table(second, {"image": [b"b"], "name": ["one"]})
    with pytest.raises(InputError, match=r"row 0 of row group 0 of .*1\.parquet and row 0 .*2\.parquet would both be"):
        listed(tmp_path)


@pytest.mark.parametrize(
    ("columns", "column", "message"),
    [
        ({"age": [1]}, None, "0 of its columns 'age' could hold pictures; name the right one with --column"),
        ({"left": [b"a"], "right": [b"b"]}, None, "2 of its columns 'left, right' could hold pictures"),
        ({"left": [b"a"]}, "up", "its column 'up' is not there, expected one with bytes"),
        ({"age": [1]}, "age", "its column 'age' is of another type, expected one with bytes"),
    ],
)
def test_a_table_that_does_not_tell_its_pictures_is_refused(
    tmp_path: Path, columns: dict[str, list[object]], column: str | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        listed(table(tmp_path / "part.parquet", columns), column=column)


def test_of_several_columns_one_can_be_named(tmp_path: Path) -> None:
    path = table(tmp_path / "part.parquet", {"left": [b"a"], "right": [b"b"]})
    assert contents(listed(path, column="right")) == {"part/00000000": b"b"}


def test_a_table_without_rows_and_what_is_no_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="it holds no row"):
        listed(table(tmp_path / "empty.parquet", {"image": pa.array([], pa.binary())}))
    whole = table(tmp_path / "a.parquet", {"image": [b"a"]}).read_bytes()
    for data in (b"", b"PAR1", b"x" * 100, whole[:-20]):
        (tmp_path / "a.parquet").write_bytes(data)
        with pytest.raises(InputError, match="it is no Parquet file or a damaged one; copy or make it again"):
            listed(tmp_path / "a.parquet")


def test_a_damaged_page_costs_its_rows_only(tmp_path: Path) -> None:
    pictures = [bytes([number]) * 5_000 for number in range(6)]
    path = table(tmp_path / "a.parquet", {"image": pictures}, compression="none", use_dictionary=False)
    items = listed(path)
    data = path.read_bytes()
    start = data.index(pictures[2][:100])
    path.write_bytes(data[: start - 4] + bytes([255]) * 4 + data[start:])  # the length of a value

    found = list(contents(items).values())
    assert [found[0], found[1], found[4], found[5]] == [pictures[0], pictures[1], pictures[4], pictures[5]]
    assert all("a.parquet: it is damaged; copy or make it again" in str(error) for error in found[2:4])


def test_changed_bytes_give_pictures_or_errors_and_nothing_else(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", {"image": [b"x" * 50, b"y" * 60, b"z" * 70], "name": ["a", "b", "c"]})
    whole, random, refused = path.read_bytes(), np.random.default_rng(9), 0
    for _ in range(150):
        data = bytearray(whole)
        data[random.integers(4, len(data) - 8)] ^= 1 << random.integers(8)
        path.write_bytes(bytes(data))
        try:
            refused += sum(isinstance(found, str) for found in contents(listed(path)).values())
        except InputError:
            refused += 1
    assert refused > 20


def test_a_worker_that_is_given_a_row_group_in_pieces_reads_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [bytes([number]) for number in range(40)]
    items = listed(table(tmp_path / "a.parquet", {"image": pictures}, rows=40))
    read: list[int] = []
    batches = parquet_cells.Table._batches

    def counted(self: parquet_cells.Table, group: int, columns: list[str], rows: int) -> object:
        for batch in batches(self, group, columns, rows):
            read.append(batch.num_rows)
            yield batch

    monkeypatch.setattr(parquet_cells.Table, "_batches", counted)
    found: list[bytes | InputError] = []
    for start in range(0, 40, 4):
        found += [data for _, data in read_items(items[start : start + 4], max_bytes=10)]
    assert found == pictures
    assert read == [1] * 40
    assert [data for _, data in read_items(items[3:4], max_bytes=10)] == [pictures[3]]  # and back again
    assert len(read) == 44


def test_a_table_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", {"image": [b"a", b"b"]})
    items = listed(path)
    assert contents(items[:1]) == {"a/00000000": b"a"}
    path.unlink()
    table(path, {"image": [b"c"]})
    found = contents(items)
    assert found["a/00000000"] == b"c"
    assert "it has 1 rows, so the file changed after it was listed" in str(found["a/00000001"])


def test_a_picture_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", {"image": [b"x" * 11, b"y"]})
    found = list(contents(listed(path), max_bytes=10).values())
    assert found == ["cannot read a/00000000: it has 11 bytes, more than the limit of 10; scale the picture down", b"y"]
