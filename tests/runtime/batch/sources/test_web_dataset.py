"""Pictures in tar files: which are taken, and that a shard is neither unpacked nor kept in memory."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from skinseg_edge.errors import FileMissing, InputError
from skinseg_runtime.batch.items import TarPlace
from skinseg_runtime.batch.sources import source_from_text
from skinseg_runtime.batch.sources.stores import Opened
from skinseg_runtime.batch.sources.tar_members import members
from tests.runtime.batch.sources.archives import contents, listed, names, tar_bytes


def shard(path: Path, *member_names: str) -> Path:
    path.write_bytes(tar_bytes({name: name.encode() for name in member_names}))
    return path


def test_the_pictures_of_a_shard_are_read_where_they_lie(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.tar", "0001.jpg", "0001.json", "0002.cls", "0002.PNG", "./deep/0003.dcm", "._0004.jpg")
    assert contents(listed(path)) == {
        "0001.jpg": b"0001.jpg",
        "0002.PNG": b"0002.PNG",
        "deep/0003.dcm": b"./deep/0003.dcm",
    }
    assert listed(path)[0].place == TarPlace(str(path), 512, 8)


def test_of_a_sample_the_plain_picture_is_taken_and_a_name_with_dots_is_not_lost(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.tar", "1.jpg", "1.seg.png", "visit.7.jpg", "visit.8.jpg", "2.mask.png", "2.webp")
    assert names(path) == ["1.jpg", "visit.7.jpg", "visit.8.jpg", "2.webp"]


def test_another_member_of_each_sample_can_be_asked_for(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.tar", "1.left.jpg", "1.right.jpg", "2.Left.jpg")
    assert names(path, column=".left.jpg") == ["1.left.jpg", "2.Left.jpg"]
    with pytest.raises(FileMissing, match=r"it holds no member that ends with \.up\.jpg"):
        listed(path, column="up.jpg")


def test_masks_that_follow_their_photo_are_passed_over(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.tar", "x/1.jpg", "x/1_mask.png", "x/2.jpg", "x/2_segmentation.png", "y/1_mask.png")
    assert names(path) == ["x/1.jpg", "x/2.jpg", "y/1_mask.png"]


def test_numbered_shards_patterns_and_folders_give_all_their_shards(tmp_path: Path) -> None:
    for number in range(9, 12):
        shard(tmp_path / f"train-{number:03}.tar", f"{number}.jpg")
    expected = ["9.jpg", "10.jpg", "11.jpg"]
    assert names(f"{tmp_path}/train-{{009..011}}.tar") == expected
    assert names(f"{tmp_path}/train-*.tar") == expected
    assert names(tmp_path) == expected
    assert source_from_text(str(tmp_path)).count() is None
    with pytest.raises(FileMissing, match=r"train-012\.tar: there is no such file"):
        listed(f"{tmp_path}/train-{{009..012}}.tar")


def test_one_name_in_two_shards_is_refused_with_both_places(tmp_path: Path) -> None:
    shard(tmp_path / "1.tar", "a.jpg", "b.jpg")
    shard(tmp_path / "2.tar", "b.jpg")
    with pytest.raises(InputError, match=r"byte 1536 of .*1\.tar and byte 512 of .*2\.tar would both be called b\.jpg"):
        listed(tmp_path)


@pytest.mark.parametrize("format_", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_foreign_names_are_told_by_every_kind_of_header(tmp_path: Path, format_: int) -> None:
    long = "/".join(["folder"] * 20) + "/" + "é" * 40 + ".jpg"
    (tmp_path / "a.tar").write_bytes(tar_bytes({long: b"x", "b.jpg": b"y"}, format_))
    assert contents(listed(tmp_path / "a.tar")) == {long: b"x", "b.jpg": b"y"}


def test_hostile_names_stay_inside_and_links_and_devices_are_never_followed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    odd = []
    for name, type_ in (("link.jpg", tarfile.SYMTYPE), ("hard.jpg", tarfile.LNKTYPE), ("null.jpg", tarfile.CHRTYPE)):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = type_, str(tmp_path / "secret.jpg")
        odd.append((info, b""))
    hostile = [(tarfile.TarInfo(name), b"x") for name in ("../../etc/x.jpg", "/etc/y.jpg", "a\x1b[2J\n.jpg")]
    (tmp_path / "a.tar").write_bytes(tar_bytes([*odd, *hostile]))

    assert names(tmp_path / "a.tar") == ["%2E%2E/%2E%2E/etc/x.jpg", "etc/y.jpg", "a%1B[2J%0A.jpg"]
    assert "a.tar: links or devices that are called like pictures were passed over: 3" in caplog.text


def test_a_shard_that_changed_after_it_was_listed_gives_an_error_a_picture(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.tar", "1.jpg", "2.jpg")
    items = listed(path)
    path.write_bytes(path.read_bytes()[:600])
    found = contents(items)
    assert found["1.jpg"] == b"1.jpg"
    assert "its tar file ends after 0 of its 5 bytes, so it changed after it was listed" in str(found["2.jpg"])
    path.unlink()
    assert all("there is no such file" in str(found) for found in contents(items).values())


def test_a_member_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar_bytes({"1.jpg": bytes(1_000), "2.jpg": b"y"}))
    found = contents(listed(tmp_path / "a.tar"), max_bytes=999)
    assert found == {
        "1.jpg": "cannot read 1.jpg: it has 1,000 bytes, more than the limit of 999; scale the picture down",
        "2.jpg": b"y",
    }


class Counted(io.BytesIO):
    """A file that counts the bytes which are read from it."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


def test_listing_reads_the_headers_only_however_large_the_pictures_are() -> None:
    data = tar_bytes({f"{number:04}.jpg": bytes(20_000) for number in range(200)}, tarfile.USTAR_FORMAT)
    file = Counted(data)

    assert sum(1 for _ in members(Opened(file, len(data)), "a.tar")) == 200
    assert file.count <= 512 * (200 + 1) + tarfile.RECORDSIZE  # a header each, and the end


def test_a_shard_is_opened_once_for_neighbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = listed(shard(tmp_path / "a.tar", "1.jpg", "2.jpg", "3.jpg"))
    opened: list[object] = []
    really = os.open

    def noted(path: str, flags: int) -> int:
        opened.append(path)
        return really(path, flags)

    monkeypatch.setattr(os, "open", noted)
    assert len(contents(items)) == 3
    assert len(opened) == 1
