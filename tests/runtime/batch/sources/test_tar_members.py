"""Tar files that are damaged, cut off or made to do harm."""

import io
import struct
import tarfile

import numpy as np
import pytest

from skinseg_edge.errors import InputError
from skinseg_runtime.batch.sources.stores import Opened
from skinseg_runtime.batch.sources.tar_members import Member, members
from tests.runtime.batch.sources.archives import tar_bytes

_WHOLE = tar_bytes({"1.jpg": b"x" * 700, "é" * 120: b"y" * 10, "2.jpg": b"z"})


def found(data: bytes) -> list[Member]:
    return list(members(Opened(io.BytesIO(data), len(data)), "a.tar"))


def header(name: bytes, size: bytes, kind: bytes) -> bytes:
    """Return a ustar header with any size field, and the sum that belongs to it."""
    block = bytearray(name.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + size.ljust(12, b"\0"))
    block += b"00000000000\0" + b" " * 8 + kind + bytes(100) + b"ustar\x0000" + bytes(512)
    block = block[:512]
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def test_every_member_is_told_with_its_place() -> None:
    assert [(member.name, member.size) for member in found(_WHOLE)] == [("1.jpg", 700), ("é" * 120, 10), ("2.jpg", 1)]
    assert [_WHOLE[member.offset : member.offset + 2] for member in found(_WHOLE)] == [b"xx", b"yy", b"z\0"]


@pytest.mark.parametrize("length", [0, 100, 511, 512, 1000, 1536, 2000, 2048, 2600, 3584, 4096])
def test_a_file_that_is_cut_off_anywhere_is_told_after_what_is_whole(length: int) -> None:
    seen: list[Member] = []
    with pytest.raises(InputError, match=r"cannot read a\.tar: it is cut off \(.*\); copy or make it again"):
        seen.extend(members(Opened(io.BytesIO(_WHOLE[:length]), length), "a.tar"))
    assert seen == found(_WHOLE)[: len(seen)]


def test_a_small_file_without_pictures_is_empty_and_no_error() -> None:
    assert found(bytes(10240)) == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x1f\x8b" + bytes(600), "it is compressed with gzip, expected a plain tar"),
        (b"\x28\xb5\x2f\xfd" + bytes(600), "it is compressed with zstd, expected a plain tar"),
        (b"not a tar" * 100, "byte 0 begins no tar header"),
        (header(b"a.jpg", b"\xff" * 12, b"0") + bytes(1024), "tells a size of -1"),
        (header(b"a.jpg", b"77777777777\0", b"0") + bytes(1024), "is cut off .*should have 8589934591 bytes more"),
        (header(b"x", b"77777777777\0", b"L") + bytes(1024), "has 8,589,934,591 bytes, expected at most 1,048,576"),
        (header(b"x", b"00000010000\0", b"x") + bytes(1024), "is cut off"),
        (header(b"a.jpg", b"00000000000\0", b"S") + bytes(1024), "'a.jpg' is stored with holes"),
        (
            header(b"a.jpg", b"00000000000\0", b"0") + bytes(2_000_000),
            "2,000,000 bytes follow after its end at byte 512",
        ),
        (_WHOLE * 2, "follow after its end at byte .*, as where two tar files were joined"),
    ],
)
def test_a_damaged_or_hostile_file_is_refused_in_a_sentence(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        found(data)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b"0 path=x\n", "a PAX header has no record at byte 0"),
        (b"99 path=x\n", "a PAX header has no record at byte 0"),
        (b"11 path=ab\n" + b"12 size=-10\n", "a header tells the size b'-10'"),
        (b"22 GNU.sparse.major=1\n", "is stored with holes"),
    ],
)
def test_a_pax_header_that_does_not_hold_together_is_refused(record: bytes, message: str) -> None:
    data = (
        header(b"x", b"%011o\0" % len(record), b"x") + record.ljust(512, b"\0") + header(b"a", b"0", b"0") + bytes(1024)
    )
    with pytest.raises(InputError, match=message):
        found(data)


def test_a_size_beyond_eight_gigabytes_is_read_from_its_binary_field() -> None:
    size = b"\x80" + bytes(3) + struct.pack(">Q", 9 * 2**30)
    data = header(b"a.jpg", size, b"0")
    tar = members(Opened(io.BytesIO(data), 10 * 2**30), "a.tar")
    assert next(tar) == Member("a.jpg", 512, 9 * 2**30, True)


def test_changed_bytes_end_in_members_or_in_an_error_and_never_in_a_loop() -> None:
    random = np.random.default_rng(9)
    refused = 0
    for _ in range(400):
        data = bytearray(_WHOLE)
        for place in random.integers(0, len(data), 3):
            data[place] = random.integers(256)
        try:
            listed = found(bytes(data))
        except InputError:
            refused += 1
        else:
            assert all(member.offset + member.size <= len(data) for member in listed)
    assert refused > 20


def test_python_reads_the_same_members() -> None:
    with tarfile.open(fileobj=io.BytesIO(_WHOLE)) as tar:
        expected = [Member(info.name, info.offset_data, info.size, True) for info in tar]
    assert found(_WHOLE) == expected
