"""Where files lie: paths of this machine and addresses of stores that fsspec reaches; how they are told and joined.

An address here is either an absolute path or `protocol://...`. User, password and query of an address are needed to
read it and are told nowhere: `told` is what messages, rows and files get.
"""

import os
import posixpath
import re
import urllib.parse
import urllib.request

from skinseg_edge.errors import InputError
from skinseg_edge.known_names import unknown_name
from skinseg_runtime.video.stream_names import without_password

__all__ = ["STORES", "address_from_text", "beside", "child", "is_remote", "last_name", "protocol_of", "told"]

STORES = {
    "http": "aiohttp",
    "https": "aiohttp",
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "hdfs": "pyarrow",
    "sftp": "paramiko",
    "hf": "huggingface_hub",
    "memory": "fsspec",
}
"""The stores that are read, and the package that must be installed for each."""

_PROTOCOL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def protocol_of(address: str) -> str | None:
    """Return the protocol of an address, in small letters; None for a path."""
    found = _PROTOCOL.match(address)
    return found[1].lower() if found else None


def is_remote(address: str) -> bool:
    """Answer whether an address is one that fsspec reads, and no path."""
    return protocol_of(address) is not None


def address_from_text(text: str) -> str:
    """Return the address that a user or a list means: a path as an absolute one, also where it comes as file://.

    Raises InputError if it holds a zero byte or is no address, UnknownName if nothing here reads its protocol.
    """
    if "\0" in text or not text:
        raise InputError(
            f"cannot read {told(text)!r}: expected the path or the address of a file; check how it is written"
        )
    protocol = protocol_of(text)
    if protocol is None and re.match(r"[^/]*://", text):
        raise InputError(
            f"cannot read {told(text)}: expected the path of a file, or an address of one protocol; fsspec's chains of "
            "several are not read"
        )
    if protocol is None:
        return os.path.abspath(text)  # noqa: PTH100  # resolve() would follow links, and a Path cannot end with "/"
    if protocol == "file":
        return _path_of(text)
    if protocol not in STORES:
        raise unknown_name("protocol", protocol, sorted([*STORES, "file"]))
    rest = text[len(protocol) + 3 :]
    if not rest.strip("/"):
        raise InputError(f"cannot read {told(text)}: it names no file or folder; add its path after {protocol}://")
    return f"{protocol}://{rest}"


def _path_of(text: str) -> str:
    parts = urllib.parse.urlsplit(text)
    if parts.netloc not in ("", "localhost"):
        raise InputError(f"cannot read {told(text)}: it names a file of another machine; expected file:///PATH")
    return os.path.abspath(urllib.request.url2pathname(parts.path))  # noqa: PTH100  # as above


def told(address: str) -> str:
    """Return an address for messages and files: without user, password and query, and as text that UTF-8 can hold.

    >>> told("https://nurse:secret@host/mole.jpg?token=abc"), told("s3://bucket/a.tar"), told("/data/a.jpg")
    ('https://host/mole.jpg', 's3://bucket/a.tar', '/data/a.jpg')
    """
    text = address.encode(errors="backslashreplace").decode()
    if "://" not in text:
        return text
    # It knows protocols of letters alone, and not s3.
    protocol, _, rest = text.partition("://")
    text = f"{protocol}://{without_password(f'store://{rest}').removeprefix('store://')}"
    return re.split(r"[?#]", text)[0] if protocol_of(text) in ("http", "https") else text


def last_name(address: str) -> str:
    """Return the last part of an address, without a query: for its ending."""
    path = told(address).rstrip("/")
    return path.rpartition("/")[2] if is_remote(address) else os.path.basename(path)  # noqa: PTH119  # text, as above


def child(folder: str, name: str) -> str:
    """Return the address of what is called *name* in a folder."""
    return f"{folder.rstrip('/')}/{name}" if is_remote(folder) else os.path.join(folder, name)  # noqa: PTH118  # text


def beside(file: str, text: str) -> str:
    """Return the address that a list or a table, which lies at *file*, means by *text*.

    A path is relative to the folder of that file. What came from a store names nothing of this machine: a stranger's
    list must not choose which of its files are read.

    Raises what `address_from_text` raises, and InputError if a list in a store names a file of this machine.
    """
    if is_remote(text):
        address = address_from_text(text)
        if is_remote(file) and not is_remote(address):
            raise InputError(
                f"cannot read what {told(file)} names: {told(text)} is a file of this machine, expected one of a "
                "store; copy the list to this machine if it is yours"
            )
        return address
    if not is_remote(file):
        return address_from_text(os.path.join(os.path.dirname(file), text))  # noqa: PTH118, PTH120  # text, as above
    protocol = protocol_of(file)
    host, _, path = re.split(r"[?#]", file)[0][len(f"{protocol}://") :].partition("/")
    folder = f"/{posixpath.dirname(path)}"
    return address_from_text(f"{protocol}://{host}{_within(folder, text, protocol)}")


def _within(folder: str, text: str, protocol: str | None) -> str:
    """Join within a store; a query may hold slashes that are no folders."""
    path, query = text, ""
    if protocol in ("http", "https"):
        path = re.split(r"[?#]", text)[0]
        query = text[len(path) :]
    # normpath keeps two leading slashes, which would begin another host or an empty name.
    return f"/{posixpath.normpath(posixpath.join(folder, path)).lstrip('/')}{query}"
