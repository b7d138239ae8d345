"""Receivers without a network: a folder that somebody carries away or synchronises, and e-mails ready to be sent.

The folder must be there: were it made, a disk that is not plugged in would look as if it were.
"""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import BinaryIO

from skinseg_demo.left_parts import remove_left_parts
from skinseg_demo.sending.endpoints import NotSent
from skinseg_demo.sending.packages import WORDING, Package
from skinseg_edge.atomic_files import sync_names

__all__ = ["FolderEndpoint", "MailEndpoint"]


class FolderEndpoint:
    """Puts each package into a folder, whole or not at all, under a name that holds its hash."""

    def __init__(self, folder: Path) -> None:
        """Put them into *folder*."""
        self._folder = folder

    def send(self, package: Package) -> None:
        """Copy the package; one that is there already stays.

        Raises NotSent.
        """

        def copy(target: BinaryIO) -> None:
            with package.path.open("rb") as source:
                shutil.copyfileobj(source, target, 1 << 20)

        _put(self._folder / package.name, copy)


class MailEndpoint:
    """Puts an e-mail file (.eml) with the package attached into a folder; a mail program opens it as a draft."""

    def __init__(self, folder: Path) -> None:
        """Put them into *folder*."""
        self._folder = folder

    def send(self, package: Package) -> None:
        """Write the e-mail; one that is there already stays.

        Raises NotSent.
        """
        _put(
            (self._folder / package.name).with_suffix(".eml"),
            lambda target: _write_all(target, _message(package).as_bytes()),
        )


def _message(package: Package) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["Subject"] = f"Skin lesion, case {package.number}"
    message["Date"] = format_datetime(package.changed_at)
    message["Message-ID"] = f"<{package.sha256[:32]}@skinseg.invalid>"  # the same for the same package
    message["X-Unsent"] = "1"
    message.set_content(
        f"Case {package.number} is attached: photos, outlines, measurements and history.\n"
        f"Its SHA-256 is {package.sha256}.\n\n{WORDING}\n"
    )
    message.add_attachment(package.path.read_bytes(), maintype="application", subtype="zip", filename=package.name)
    return message


def _put(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write a file that appears whole; Raises NotSent if its folder is not there or the system refuses."""
    if not path.parent.is_dir():
        raise NotSent(f"the folder {path.parent} is not there; plug in its disk, or make it")
    remove_left_parts(path.parent)
    if path.exists():  # only whole ones have this name
        return
    try:
        with _whole_file(path) as target:
            write(target)
    except OSError as error:
        raise NotSent(
            f"the folder {path.parent} takes no file: {error.strerror or error}; it is tried again"
        ) from error


@contextmanager
def _whole_file(path: Path) -> Iterator[BinaryIO]:
    temporary = path.with_name(f".skinseg-{secrets.token_hex(8)}.part")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.rename(path)
        sync_names(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _write_all(target: BinaryIO, data: bytes) -> None:
    target.write(data)
