"""JSON from outside, read so that nothing slips through, and JSON of ours, written in one possible way.

Refused: bytes that are not UTF-8, a key that comes twice, NaN and infinities, numbers too long for any use, nesting
beyond 32 levels, lone surrogates. `Fields` then takes an object apart field by field and names what does not fit.
"""

import json
import math
import reprlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NoReturn, TypeVar

from skinseg_edge.errors import BundleUnusable, SkinsegError

__all__ = ["Fields", "canonical_bytes", "is_json", "parse_object", "shown"]

_Choice = TypeVar("_Choice", bound=str)

_DEEPEST = 32
_LONGEST_NUMBER = 40
_MEND = "so the bundle is damaged or no bundle; copy or export it again"

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = _repr.maxlong = 60


def shown(value: object) -> str:
    """Return a value for an error message: its repr, cut to a readable length."""
    return _repr.repr(value)


def parse_object(
    data: bytes, what: str, *, mend: str = _MEND, error_class: type[SkinsegError] = BundleUnusable
) -> dict[str, object]:
    """Read one JSON object.

    *what*: name of the document in messages. *mend*: how they end. *error_class*: what is raised for a document that is
    no part of a bundle.

    Raises *error_class* if data is no strict JSON (see the module's head) or no object.
    """
    try:
        document: object = json.loads(
            data.decode(),
            object_pairs_hook=_object_without_twins,
            parse_constant=_refuse_constant,
            parse_float=_finite_float,
            parse_int=_short_int,
        )
    except UnicodeDecodeError as error:
        raise error_class(f"cannot read {what}: byte {error.start} is not UTF-8, {mend}") from error
    except RecursionError as error:
        raise error_class(f"cannot read {what}: it is nested deeper than {_DEEPEST} levels, {mend}") from error
    except ValueError as error:
        raise error_class(f"cannot read {what}: it is no strict JSON ({error}), {mend}") from error
    if not isinstance(document, dict):
        raise error_class(f"cannot read {what}: got a JSON {type(document).__name__}, expected an object, {mend}")
    if not is_json(document):
        raise error_class(
            f"cannot read {what}: it is nested deeper than {_DEEPEST} levels or holds half a character, {mend}"
        )
    return document


def canonical_bytes(document: Mapping[str, object]) -> bytes:
    """Write a document in the one way that has a reproducible hash: sorted keys, indent 2, UTF-8, a final newline."""
    return (json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def is_json(value: object) -> bool:
    """Answer whether a value has a JSON form: finite numbers, whole characters, text keys, at most 32 levels."""
    level: list[object] = [value]
    for _ in range(_DEEPEST + 1):
        if not all(_is_json_here(part) for part in level):
            return False
        level = [child for part in level for child in _children(part)]
        if not level:
            return True
    return False


class Fields:
    """A JSON object taken apart field by field.

    *where*: how messages name the object, such as `artefacts[2]`. *names*: all fields it must have; no other may come.
    *what*: the document that the object is a part of. *error_class*: what is raised for a document that is no part of a
    bundle.

    Raises *error_class* from every method if the field is not of the asked type.
    """

    def __init__(
        self,
        document: object,
        where: str,
        names: Sequence[str],
        *,
        what: str = "the manifest",
        error_class: type[SkinsegError] = BundleUnusable,
    ) -> None:
        """Check that the fields are those named."""
        self._where, self._what, self._error_class = where, what, error_class
        if not isinstance(document, Mapping):
            raise error_class(f"cannot read {what}: {where} is {shown(document)}, expected an object")
        missing = [name for name in names if name not in document]
        foreign = [name for name in document if name not in names]
        for verdict, fields in (("missing", missing), ("unknown", foreign)):
            if fields:
                raise error_class(f"cannot read {what}: field {shown(fields[0])} of {where} is {verdict}")
        self._values: dict[str, object] = {name: document[name] for name in names}

    def value(self, name: str) -> object:
        """Return a field as it came."""
        return self._values[name]

    def text(self, name: str) -> str:
        """Return a field that is text."""
        value = self._values[name]
        return value if isinstance(value, str) else self._refuse(name, "text")

    def text_or_none(self, name: str) -> str | None:
        """Return a field that is text or null."""
        value = self._values[name]
        return value if value is None or isinstance(value, str) else self._refuse(name, "text or null")

    def flag(self, name: str) -> bool:
        """Return a field that is true or false."""
        value = self._values[name]
        return value if isinstance(value, bool) else self._refuse(name, "true or false")

    def whole(self, name: str) -> int:
        """Return a field that is a whole number."""
        value = self._values[name]
        return value if isinstance(value, int) and not isinstance(value, bool) else self._refuse(name, "a whole number")

    def number(self, name: str) -> float:
        """Return a field that is a number."""
        value = self._values[name]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        return self._refuse(name, "a number")

    def mapping(self, name: str) -> dict[str, object]:
        """Return a field that is an object."""
        value = self._values[name]
        return value if isinstance(value, dict) else self._refuse(name, "an object")

    def texts(self, name: str) -> dict[str, str]:
        """Return a field that is an object of texts."""
        texts: dict[str, str] = {}
        for key, value in self.mapping(name).items():
            texts[key] = value if isinstance(value, str) else self._refuse(name, "an object of texts")
        return texts

    def scalars(self, name: str) -> dict[str, float | str | bool]:
        """Return a field that is an object of numbers, texts and truths."""
        scalars: dict[str, float | str | bool] = {}
        for key, value in self.mapping(name).items():
            if not isinstance(value, int | float | str):
                self._refuse(name, "an object of numbers, texts and truths")
            scalars[key] = value
        return scalars

    def choice(self, name: str, options: Sequence[_Choice]) -> _Choice:
        """Return a field that is one of the options."""
        for option in options:
            if option == self._values[name]:
                return option
        return self._refuse(name, " or ".join(repr(option) for option in options))

    def items(self, name: str) -> list[object]:
        """Return a field that is a list."""
        value = self._values[name]
        return value if isinstance(value, list) else self._refuse(name, "a list")

    def mappings(self, name: str) -> list[dict[str, object]]:
        """Return a field that is a list of objects."""
        return [
            item if isinstance(item, dict) else self._refuse(name, "a list of objects") for item in self.items(name)
        ]

    def _refuse(self, name: str, expected: str) -> NoReturn:
        raise self._error_class(
            f"cannot read {self._what}: field '{name}' of {self._where} is {shown(self._values[name])}, "
            f"expected {expected}"
        )


def _object_without_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) < len(pairs):
        twin = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {shown(twin)} comes twice")
    return document


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")


def _finite_float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"the number {shown(digits)} is too large")
    return number


def _short_int(digits: str) -> int:
    # int() needs quadratic time, and Python 3.10 sets it no limit.
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError(f"a whole number has {len(digits)} digits")
    return int(digits)


def _is_json_here(value: object) -> bool:
    if isinstance(value, str):
        return _is_whole_text(value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_whole_text(key) for key in value)
    return value is None or isinstance(value, int | list | tuple)


def _children(value: object) -> Sequence[object]:
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, list | tuple) else ()


def _is_whole_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
