"""Network options and class names as they are typed on a command line.

>>> options_from_texts(["base=16", "cam=false", "local=dilated", "widths=[8, 16]"])
{'base': 16, 'cam': False, 'local': 'dilated', 'widths': [8, 16]}
>>> classes_from_text("skin, lesion")
('skin', 'lesion')
"""

import json
from collections.abc import Sequence

from skinseg_edge.errors import InputError
from skinseg_edge.strict_json import is_json

__all__ = ["classes_from_text", "options_from_texts"]


def options_from_texts(texts: Sequence[str]) -> dict[str, object]:
    """Turn each `KEY=VALUE` into an option: VALUE is JSON, and what is no JSON is a string.

    Raises InputError if a text has no `=` or no key, or a key comes twice.
    """
    options: dict[str, object] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not key.isidentifier():
            raise InputError(f"cannot read the network option {text!r}: expected KEY=VALUE, such as base=32")
        if key in options:
            raise InputError(f"cannot read the network options: {key} comes twice; give it once")
        options[key] = _value(value.strip())
    return options


def classes_from_text(text: str) -> tuple[str, ...]:
    """Turn `A,B,C` into class names, background first.

    Raises InputError if a name is empty or comes twice.
    """
    classes = tuple(name.strip() for name in text.split(","))
    if not all(classes) or len(set(classes)) < len(classes):
        raise InputError(f"cannot read the classes {text!r}: expected different names, such as skin,lesion")
    return classes


def _value(text: str) -> object:
    lowered = text.lower()
    if lowered in ("true", "false"):  # as Python writes them, too
        return lowered == "true"
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if is_json(value) else text  # Python's own reader takes NaN and 1e999, which no checkpoint can hold
