"""Pictures that a text or CSV file names."""

from pathlib import Path

import pytest

from skinseg_edge.errors import FileMissing, InputError
from skinseg_runtime.batch.items import FilePlace, Item
from skinseg_runtime.batch.sources import source_from_text
from tests.runtime.batch.sources.archives import contents, listed, names, touch


def written(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_text_file_names_a_picture_a_line_relative_to_itself(tmp_path: Path) -> None:
    touch(tmp_path, "photos/a.jpg", "b.jpg", "c.jpg")
    text = f"\ufeff# our photos\r\na.jpg\r\n\r\n../b.jpg\n{tmp_path}/c.jpg"
    list_file = written(tmp_path / "photos" / "list.txt", text)

    above = str(tmp_path).strip("/")
    assert contents(listed(list_file)) == {
        "a.jpg": b"photos/a.jpg",
        "%2E%2E/b.jpg": b"b.jpg",
        f"{above}/c.jpg": b"c.jpg",
    }
    assert source_from_text(str(list_file)).count() == 3


@pytest.mark.parametrize(
    "text",
    [
        "name,path,age\nMole 1,a.jpg,50\nmole-2,b.jpg,\n",
        "age;PATH;Name\n50;a.jpg;Mole 1\n;b.jpg;mole-2\n",
        'image_id,file_name\nMole 1,"a.jpg"\n\nmole-2,b.jpg\n',
    ],
)
def test_a_csv_file_has_a_column_of_paths_and_perhaps_one_of_names(tmp_path: Path, text: str) -> None:
    listed_there = listed(written(tmp_path / "list.csv", text))
    assert listed_there == [
        Item("Mole 1", FilePlace(str(tmp_path / "a.jpg"))),
        Item("mole-2", FilePlace(str(tmp_path / "b.jpg"))),
    ]


def test_the_column_can_be_named(tmp_path: Path) -> None:
    path = written(tmp_path / "list.csv", "path,scan\na.jpg,b.jpg\n")
    assert names(path) == ["a.jpg"]
    assert names(path, column="Scan") == ["b.jpg"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a.jpg\nb.jpg\n",
            "its only column is called 'a.jpg', so the first line may be a picture; put a line with the",
        ),
        ("who,when\nx,y\n", "it has the columns 'who, when', expected path or file_path or url or .*; name the column"),
        ("path,age\n,50\n", "line 2 names no picture; write its path or remove the line"),
        ('path,age\n"a.jpg,50\n', "is no CSV"),
        ("path,age\ra.jpg,50\r", "line 1 is no CSV .*; mend it, or save it with line feeds"),
    ],
)
def test_a_csv_file_that_does_not_tell_its_pictures_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        listed(written(tmp_path / "list.csv", text))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a.jpg\nphoto\xe9.jpg\n", "line 2 is not UTF-8"),
        (b"a.jpg\n" + b"x" * 200_000, "a line has more than 65,536 bytes"),
        (b"a.jpg\ngopher://x/y\n", "cannot find the protocol 'gopher'.*line 2 of"),
        (b"a.jpg\nb.jpg\n./a.jpg\n", "a.jpg and .*a.jpg would both be called a.jpg; rename one, or give each a name"),
    ],
)
def test_a_list_with_a_line_that_means_nothing_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        listed(written(tmp_path / "list.txt", data))


def test_a_list_that_names_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="it holds no line that names a picture"):
        listed(written(tmp_path / "list.txt", "# later\n"))


def test_a_missing_picture_is_an_error_of_its_own_row(tmp_path: Path) -> None:
    touch(tmp_path, "b.jpg")
    found = contents(listed(written(tmp_path / "list.txt", "a.jpg\nb.jpg\n")))
    assert found == {"a.jpg": "cannot read a.jpg: there is no such file or folder; check the path", "b.jpg": b"b.jpg"}
