"""The FHIR bundle out of a package that somebody carried away: whole, in one file, for any server."""

import zipfile
from pathlib import Path
from typing import NoReturn

from skinseg_demo.fhir.bundle import as_transaction
from skinseg_demo.fhir.files import inlined, inlined_size
from skinseg_edge.errors import InputError
from skinseg_edge.strict_json import parse_object

__all__ = ["transaction_of_package"]

_MEND = "export the case again"


def transaction_of_package(package: Path) -> bytes:
    """Return the transaction that brings the case of *package* to a server, with its pictures in it.

    Raises InputError if the file is not there, or no package of a case.
    """
    try:
        with zipfile.ZipFile(package) as archive:
            if any(info.compress_size != info.file_size for info in archive.infolist()):
                _refuse(package, "its files are compressed, which those of a package are not")
            data = archive.read("fhir.json")
            transaction = as_transaction(parse_object(data, f"{package}", mend=_MEND, error_class=InputError))
            if inlined_size(transaction) > 4 * package.stat().st_size:  # base64 adds a third
                _refuse(package, "its bundle tells of more than it holds")
            return b"".join(inlined(transaction, archive.open))
    except OSError as error:
        _refuse(package, error.strerror or str(error))
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, TypeError, KeyError) as error:
        # What zipfile raises for a ZIP that is cut off, written over, encrypted, or lacks a member; and odd sizes.
        _refuse(package, f"it is no package of a case, or a damaged one ({error})")


def _refuse(package: Path, why: str) -> NoReturn:
    raise InputError(f"cannot read {package}: {why}; {_MEND}")
