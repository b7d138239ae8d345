"""Addresses are told without what is secret in them, and a list means what lies beside it."""

import pytest

from skinseg_edge.errors import InputError
from skinseg_runtime.batch.sources.addresses import address_from_text, beside, last_name, told


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://me:se/cr!et?@host:8/a.jpg?X-Amz-Signature=abc", "https://host:8/a.jpg"),
        ("https://host/a.jpg#token=abc", "https://host/a.jpg"),
        ("sftp://me:secret@host/a.jpg", "sftp://host/a.jpg"),
        ("s3://key:secret@bucket/a.tar", "s3://bucket/a.tar"),
        ("simplecache::https://me:secret@host/a.tar", "simplecache::https://host/a.tar"),
        ("s3://bucket/a@b?c.jpg", "s3://bucket/a@b?c.jpg"),
        ("/data/photo\udce9.jpg", "/data/photo\\udce9.jpg"),
    ],
)
def test_an_address_is_told_without_user_password_and_query(address: str, expected: str) -> None:
    assert told(address) == expected


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("/data/list.txt", "a.jpg", "/data/a.jpg"),
        ("/data/list.txt", "/b/a.jpg", "/b/a.jpg"),
        ("/data/list.txt", "s3://bucket/a.jpg", "s3://bucket/a.jpg"),
        ("s3://bucket/x/list.txt", "y/a.jpg", "s3://bucket/x/y/a.jpg"),
        ("s3://bucket/x/list.txt", "../../../a.jpg", "s3://bucket/a.jpg"),
        ("s3://bucket/x/list.txt", "/etc/passwd", "s3://bucket/etc/passwd"),
        ("https://me:pw@host/x/list.txt?key=1", "a.jpg?key=a//b", "https://me:pw@host/x/a.jpg?key=a//b"),
        ("https://host/list.txt", "//other/a.jpg", "https://host/other/a.jpg"),
        ("memory://x/list.txt", "a.jpg", "memory://x/a.jpg"),
    ],
)
def test_what_a_list_names_lies_beside_it(file: str, text: str, expected: str) -> None:
    assert beside(file, text) == expected


@pytest.mark.parametrize("text", ["file:///etc/passwd", "FILE:///etc/passwd"])
def test_a_list_in_a_store_names_no_file_of_this_machine(text: str) -> None:
    with pytest.raises(InputError, match="passwd is a file of this machine, expected one of a store; copy the list"):
        beside("https://host/list.txt", text)


@pytest.mark.parametrize("text", ["s3://", "https:///"])
def test_an_address_without_a_path_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="it names no file or folder; add its path after"):
        address_from_text(text)


def test_a_chain_of_protocols_is_refused_and_not_taken_for_a_path() -> None:
    with pytest.raises(InputError, match=r"cannot read simplecache::https://host/a\.tar: .* fsspec's chains"):
        address_from_text("simplecache::https://me:secret@host/a.tar")


def test_the_last_part_of_an_address_has_no_query() -> None:
    assert [last_name(text) for text in ("https://host/a/b.tar?x=/c.jpg", "/data/b.tar", "s3://x/b.tar/")] == [
        "b.tar"
    ] * 3
