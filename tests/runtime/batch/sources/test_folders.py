"""Pictures in folders, in patterns, and as single files of this machine."""

import errno
import os
import sys
from pathlib import Path

import pytest

from skinseg_edge.errors import FileMissing, InputError, UnknownName
from skinseg_runtime.batch.items import FilePlace, Item
from skinseg_runtime.batch.sources import source_from_text
from skinseg_runtime.sources import sources_from
from tests.runtime.batch.sources.archives import contents, listed, names, touch


def test_a_folder_gives_the_photos_that_skinseg_run_takes_from_it(tmp_path: Path) -> None:
    touch(tmp_path, "b.JPG", "a.png", "a_mask.png", "visit-2/a.png", "visit-2/deep/c.tiff", "notes.txt", ".hidden.jpg")
    touch(tmp_path, ".git/x.png", "lesion.skinseg/golden/01.png", "a.mask.png", "set/images/c.jpg", "set/masks/c.png")
    touch(tmp_path, "masks/d.png", "only_mask.png", "IMG_1.HEIC", "e_Segmentation.png", "e.jpeg")

    taken = {item.place for item in listed(tmp_path)}

    assert taken == {FilePlace(str(source.path)) for source in sources_from([str(tmp_path)]).photos}
    assert len(taken) == 9


def test_the_order_is_the_same_whatever_order_the_disk_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "b.jpg", "a.jpg", "z/a.jpg", "c/x.jpg", "c/a.jpg", "c-1.jpg")
    expected = ["a.jpg", "b.jpg", "c-1.jpg", "c/a.jpg", "c/x.jpg", "z/a.jpg"]
    assert names(tmp_path) == expected

    scandir = os.scandir

    class Backwards:
        def __init__(self, path: str) -> None:
            with scandir(path) as found:
                self._found = sorted(found, key=lambda entry: entry.name, reverse=True)

        def __enter__(self) -> "list[os.DirEntry[str]]":
            return self._found

        def __exit__(self, *_: object) -> None:
            return None

    monkeypatch.setattr(os, "scandir", Backwards)
    assert names(tmp_path) == expected


def test_a_folder_is_listed_lazily_one_folder_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, *(f"{number:02}/a.jpg" for number in range(50)))
    source = source_from_text(str(tmp_path))
    opened: list[str] = []
    scandir = os.scandir

    def noted(path: str) -> object:
        opened.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", noted)

    items = source.items()
    assert [next(items).name, next(items).name] == ["00/a.jpg", "01/a.jpg"]
    assert len(opened) == 3


def test_a_folder_of_this_machine_is_counted(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b/c.jpg", "b/c_mask.png")
    assert source_from_text(str(tmp_path)).count() == 2


def test_dicom_files_are_pictures(tmp_path: Path) -> None:
    assert names(touch(tmp_path, "series/1.dcm", "series/2.DCM")) == ["series/1.dcm", "series/2.DCM"]


def test_a_pattern_takes_what_it_matches_at_any_depth(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "1/b.jpg", "1/2/c.jpg", "1/d.png", "1/.e.jpg", ".x/f.jpg")
    assert names(f"{tmp_path}/**/*.jpg") == ["a.jpg", "1/b.jpg", "1/2/c.jpg"]
    assert names(f"{tmp_path}/[0-9]/?.*") == ["1/b.jpg", "1/d.png"]


def test_a_file_whose_name_looks_like_a_pattern_is_taken_as_it_stands(tmp_path: Path) -> None:
    touch(tmp_path, "mole[1].jpg", "mole1.jpg", "x{1..2}.jpg")
    assert names(f"{tmp_path}/mole[1].jpg") == ["mole[1].jpg"]
    assert names(f"{tmp_path}/x{{1..2}}.jpg") == ["x{1..2}.jpg"]


def test_a_file_url_names_a_file_of_this_machine(tmp_path: Path) -> None:
    touch(tmp_path, "a b.jpg")
    assert listed((tmp_path / "a b.jpg").as_uri()) == [Item("a b.jpg", FilePlace(str(tmp_path / "a b.jpg")))]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse names that are no text")
def test_a_name_that_is_no_text_is_told_and_read(tmp_path: Path) -> None:
    raw = os.fsdecode(b"photo\xe9.jpg")
    touch(tmp_path, raw)
    assert contents(listed(tmp_path)) == {"photo%E9.jpg": b"photo\xe9.jpg"}


def test_two_files_that_would_get_one_name_are_refused_with_both(tmp_path: Path) -> None:
    touch(tmp_path, "a\n.jpg", "a%0A.jpg")
    with pytest.raises(InputError, match=r"'a\\n.jpg' and 'a%0A.jpg' would both be called a%0A.jpg; rename one"):
        listed(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="makes a named pipe and a link")
def test_what_cannot_be_read_gives_its_error_and_the_next_goes_on(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "c.jpg", "large.jpg")
    (tmp_path / "b.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "large.jpg").write_bytes(bytes(101))
    os.mkfifo(tmp_path / "pipe.jpg")  # opening it in the usual way would wait for ever

    assert contents(listed(tmp_path), max_bytes=100) == {
        "a.jpg": b"a.jpg",
        "b.jpg": "cannot read b.jpg: there is no such file or folder; check the path",
        "c.jpg": b"c.jpg",
        "large.jpg": "cannot read large.jpg: it has more than 100 bytes, the limit for a picture; scale it down",
        "pipe.jpg": "cannot read pipe.jpg: it is no regular file, expected one; name the file itself",
    }


def test_a_folder_that_may_not_be_read_is_an_error_and_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a.jpg", "b/c.jpg")
    scandir = os.scandir

    def refusing(path: str) -> object:
        if path.endswith("/b"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)  # root, as which tests may run, reads every folder
    with pytest.raises(InputError, match="/b: Permission denied; check the path, its permissions"):
        listed(tmp_path)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("nowhere", FileMissing, "cannot segment .*nowhere: there is no such file or folder"),
        ("*.jpg", FileMissing, "no file is called so; check the pattern"),
        ("empty", FileMissing, "no file below it ends like a picture, a Parquet or a tar file"),
        ("shards.tar.gz", InputError, "a packed archive gives no single picture"),
        ("**/a/**/b", InputError, r"\*\* comes 2 times, expected at most once"),
        ("x-{9..1}.tar", InputError, r"\{9\.\.1\} runs backwards; write \{1\.\.9\}"),
        ("x-{1..999999999}.tar", InputError, "names 999,999,999 files, expected at most 1,000,000"),
        ("a.jpg\0", InputError, "expected the path or the address of a file"),
    ],
)
def test_what_names_no_pictures_is_refused_in_a_sentence(
    tmp_path: Path, text: str, error: type[Exception], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    touch(tmp_path, "shards.tar.gz")
    with pytest.raises(error, match=message):
        listed(f"{tmp_path}/{text}")


def test_an_unknown_protocol_and_another_machines_file_are_refused() -> None:
    with pytest.raises(UnknownName, match=r"cannot find the protocol 'gopher': known are abfs, .*, file, .*, s3"):
        source_from_text("gopher://host/x")
    with pytest.raises(InputError, match="it names a file of another machine; expected file:///PATH"):
        source_from_text("file://elsewhere/x.jpg")


def test_a_column_has_no_meaning_for_pictures_that_are_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it has no column 'image', its pictures are files of their own"):
        source_from_text(str(touch(tmp_path, "a.jpg")), column="image")
