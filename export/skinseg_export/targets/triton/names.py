"""What a model may be called on a server.

Triton itself refuses no more than an empty name, `..` and `/`, and takes what follows a dot for the name of a backend
where the configuration names none. A name is also a folder, a part of a URL and a label of metrics: letters, digits,
`_` and `-` mean the same in all of them.
"""

import re
import unicodedata

from skinseg_edge.errors import InputError
from skinseg_edge.strict_json import shown

__all__ = ["check_model_name", "model_name_from"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_OTHER = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST = 100


def check_model_name(name: str) -> None:
    """Check that a server can serve a model of this name.

    Raises InputError if it is not 1 to 100 letters, digits, `_` and `-`, a letter or digit first.
    """
    if _NAME.fullmatch(name) is None:
        raise InputError(
            f"cannot serve a model called {shown(name)}: expected 1 to {_LONGEST} letters, digits, '_' and '-', "
            "a letter or digit first; choose another name for the bundle"
        )


def model_name_from(bundle_name: str, network: str) -> str:
    """Return the name that a bundle's model has on a server; that of its *network* where its own leaves nothing.

    Accents are dropped, and what else may not stand becomes one `_`.

    >>> model_name_from("Lésion (v1.2)", "scsonet"), model_name_from("病変", "scsonet")
    ('Lesion_v1_2', 'scsonet')

    Raises InputError if neither leaves anything.
    """
    name = _plain(bundle_name) or _plain(network)
    if not name:
        raise InputError(
            f"cannot serve the bundle {shown(bundle_name)}: its name has no letter or digit of ASCII that a server's "
            "model could be called by; choose another name with -o"
        )
    return name


def _plain(text: str) -> str:
    without_accents = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _OTHER.sub("_", without_accents).strip("_-")[:_LONGEST]
