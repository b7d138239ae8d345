"""Pictures in stores: a web server of this machine, and fsspec's own memory."""

import base64
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from skinseg_edge.errors import FileMissing, InputError, ToolMissing
from skinseg_runtime.batch.items import FilePlace, Item, TarPlace
from skinseg_runtime.batch.reading import read_items
from skinseg_runtime.batch.sources import source_from_text
from tests.runtime.batch.sources.archives import contents, listed, names, tar_bytes, touch

fsspec = pytest.importorskip("fsspec", reason="needs the extra scale")
pytest.importorskip("aiohttp", reason="needs the extra scale")


class _Handler(SimpleHTTPRequestHandler):
    """Serves a folder; /ranges/ gives parts of files, /secret/ wants a password, /broken/ fails."""

    requests: list[tuple[str, str, str | None]]

    def do_GET(self) -> None:
        self._serve(super().do_GET)

    def do_HEAD(self) -> None:
        self._serve(super().do_HEAD)

    def _serve(self, whole: Callable[[], None]) -> None:
        wanted = self.headers.get("Range")
        self.requests.append((self.command, self.path, wanted))
        password = "Basic " + base64.b64encode(b"me:pw").decode()
        if self.path.startswith("/secret/") and self.headers.get("Authorization") != password:
            self.send_error(401)
        elif self.path.startswith("/broken/"):
            self.send_error(500)
        elif self.path.startswith("/ranges/") and wanted and self.command == "GET":
            self._part(wanted)
        else:
            whole()

    def _part(self, wanted: str) -> None:
        first, last = (int(number) for number in wanted.removeprefix("bytes=").split("-"))
        data = Path(self.translate_path(self.path)).read_bytes()
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{min(last, len(data) - 1)}/{len(data)}")
        self.send_header("Content-Length", str(len(data[first : last + 1])))
        self.end_headers()
        self.wfile.write(data[first : last + 1])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the server serves."""
    root = tmp_path_factory.mktemp("served")
    touch(root, "photos/a b.jpg", "photos/deep/c.png", "photos/deep/c_mask.png", "photos/notes.txt", "secret/a.jpg")
    pictures = {f"{number:03}.jpg": bytes([number]) * 2_000 for number in range(20)}
    for place in ("ranges", "plain"):
        touch(root, f"{place}/x")
        (root / place / "shard-0.tar").write_bytes(tar_bytes(pictures))
    return root


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    """The address of a web server that runs in a thread of its own."""
    _Handler.requests = []
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder))) as serving:
        thread = threading.Thread(target=serving.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


@pytest.fixture
def memory() -> Iterator[str]:
    """A folder in fsspec's memory."""
    store = fsspec.filesystem("memory")
    yield "memory://archive"
    if store.exists("/archive"):
        store.rm("/archive", recursive=True)


def put(address: str, data: bytes) -> None:
    with fsspec.open(address, "wb") as file:
        file.write(data)


def test_a_picture_of_a_web_server_is_read_with_one_request(server: str) -> None:
    items = listed(f"http://{server}/photos/deep/c.png")
    _Handler.requests.clear()
    assert contents(items) == {"c.png": b"photos/deep/c.png"}
    assert [(command, path) for command, path, _ in _Handler.requests] == [("GET", "/photos/deep/c.png")]


def test_a_folder_of_a_web_server_is_listed_by_its_links(server: str) -> None:
    assert contents(listed(f"http://{server}/photos/")) == {
        "a%20b.jpg": b"photos/a b.jpg",
        "deep/c.png": b"photos/deep/c.png",
    }
    assert source_from_text(f"http://{server}/photos/").count() is None
    assert names(f"http://{server}/photos/*/*.png") == ["deep/c.png", "deep/c_mask.png"]


def test_a_shard_of_a_web_server_is_read_in_parts(server: str) -> None:
    found = contents(listed(f"http://{server}/ranges/shard-{{0..0}}.tar"))
    assert found == {f"{number:03}.jpg": bytes([number]) * 2_000 for number in range(20)}


def test_a_server_that_gives_no_parts_is_told_so(server: str) -> None:
    item = Item("a.jpg", TarPlace(f"http://{server}/plain/shard-0.tar", 30_000, 10))
    expected = "cannot read a.jpg: its server gives no parts of a file, so copy it to a disk or another server; check"
    assert str(contents([item])["a.jpg"]).startswith(expected)


def test_more_bytes_than_allowed_are_not_fetched(server: str) -> None:
    item = listed(f"http://{server}/plain/x")[0]
    ((_, error),) = read_items([item], max_bytes=3)
    assert str(error) == "cannot read x: it has more than 3 bytes, the limit for a picture; scale it down"


def test_a_list_on_a_web_server_names_what_lies_beside_it(server: str, folder: Path) -> None:
    (folder / "photos" / "list.csv").write_text("path,name\na%20b.jpg,one\nnowhere.jpg,two\n/broken/x.jpg,three\n")
    assert contents(listed(f"http://{server}/photos/list.csv")) == {
        "one": b"photos/a b.jpg",
        "two": "cannot read two: there is no such file or folder; check the path",
        "three": "cannot read three: the server answers 500; check the path, its permissions and the network",
    }
    (folder / "photos" / "evil.txt").write_text("file:///etc/passwd\n")
    with pytest.raises(InputError, match="is a file of this machine, expected one of a store"):
        listed(f"http://{server}/photos/evil.txt")


def test_user_and_password_are_sent_and_told_nowhere(server: str) -> None:
    source = source_from_text(f"http://me:pw@{server}/secret/a.jpg?token=hidden")
    items = list(source.items())
    assert contents(items) == {"a.jpg": b"secret/a.jpg"}
    assert source.text == f"http://{server}/secret/a.jpg"

    refused = list(source_from_text(f"http://me:wrong@{server}/secret/a.jpg?token=hidden").items())
    ((_, error),) = read_items(refused, max_bytes=100)
    assert str(error) == "cannot read a.jpg: the server answers 401; check the path, its permissions and the network"
    assert isinstance(error, InputError)
    assert error.__suppress_context__  # the driver's own message has the whole address

    with pytest.raises(InputError) as caught:
        listed(f"http://me:wrong@{server}/secret/x.tar?token=hidden")
    assert "wrong" not in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_a_server_that_is_not_there_is_an_error_of_the_picture() -> None:
    found = contents(listed("http://127.0.0.1:9/a.jpg"))
    assert found == {"a.jpg": "cannot read a.jpg: Connection refused; check the path, its permissions and the network"}


def test_folders_patterns_lists_and_shards_lie_in_any_store(memory: str) -> None:
    put(f"{memory}/photos/a.jpg", b"a")
    put(f"{memory}/photos/b/c.jpg", b"c")
    put(f"{memory}/photos/b/c_mask.png", b"mask")
    put(f"{memory}/photos/list.txt", b"a.jpg\n../photos/b/c.jpg\n")
    put(f"{memory}/shards/1.tar", tar_bytes({"x.jpg": b"x", "y.jpg": b"y"}))

    assert contents(listed(f"{memory}/photos")) == {"a.jpg": b"a", "b/c.jpg": b"c"}
    assert names(f"{memory}/photos/**/*.jpg") == ["a.jpg", "b/c.jpg"]
    assert contents(listed(f"{memory}/photos/list.txt")) == {"a.jpg": b"a", "%2E%2E/photos/b/c.jpg": b"c"}
    assert contents(listed(f"{memory}/shards")) == {"x.jpg": b"x", "y.jpg": b"y"}
    assert contents(listed(f"{memory}/shards/*.tar")) == {"x.jpg": b"x", "y.jpg": b"y"}
    with pytest.raises(FileMissing, match="cannot segment memory://archive/nowhere: there is no such file or folder"):
        listed(f"{memory}/nowhere")


def test_a_table_in_a_store_has_pictures_and_names_others_beside_it(memory: str) -> None:
    pa = pytest.importorskip("pyarrow", reason="needs the extra scale")
    pq = pytest.importorskip("pyarrow.parquet", reason="needs the extra scale")
    image = pa.array([{"bytes": b"a", "path": None}, {"bytes": None, "path": "far.jpg"}])
    with fsspec.open(f"{memory}/part.parquet", "wb") as file:
        pq.write_table(pa.table({"image": image, "name": ["one", "two"]}), file)
    put(f"{memory}/far.jpg", b"far")

    assert contents(listed(f"{memory}/part.parquet")) == {"one": b"a", "two": b"far"}
    assert source_from_text(f"{memory}/part.parquet").count() == 2


def test_a_list_of_this_machine_may_name_pictures_in_stores(memory: str, server: str, tmp_path: Path) -> None:
    put(f"{memory}/a.jpg", b"a")
    (tmp_path / "list.txt").write_text(f"{memory}/a.jpg\nhttp://{server}/photos/deep/c.png?sig=1\n")
    assert contents(listed(tmp_path / "list.txt")) == {
        "archive/a.jpg": b"a",
        f"{server}/photos/deep/c.png": b"photos/deep/c.png",
    }


def test_a_store_whose_driver_is_not_installed_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(
        ToolMissing, match=r"cannot read s3://bucket/a\.jpg: what reads s3:// is not installed; run pip"
    ):
        source_from_text("s3://bucket/a.jpg")


def test_reading_from_a_store_whose_driver_is_missing_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    (tmp_path / "list.txt").write_text("s3://bucket/a.jpg\n")
    items = listed(tmp_path / "list.txt")
    assert items[0].place == FilePlace("s3://bucket/a.jpg")
    with pytest.raises(ToolMissing, match="run pip install s3fs"):
        contents(items)
