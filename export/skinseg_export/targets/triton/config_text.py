"""The protobuf text format, as much of it as a config.pbtxt needs: written in one possible way, read without mercy.

A message is a dict: text, whole numbers and truths as they are, the name of an enum as text, a message in a message as
a dict, whatever is repeated as a list. Refused on reading: a field that `MODEL_CONFIG` does not know, a value of
another kind, a field twice that may stand once, and whatever else is out of place.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from skinseg_edge.errors import VerificationFailed
from skinseg_edge.strict_json import shown
from skinseg_export.targets.triton.config_schema import MODEL_CONFIG, FieldRule

__all__ = ["Message", "Value", "message_from_text", "text_from_message"]

Value: TypeAlias = "str | int | Message | Sequence[str | int | Message]"  # a truth is an int to Python
Message: TypeAlias = dict[str, Value]

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+|\#[^\n]*)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>-?[0-9]{1,19}(?![A-Za-z0-9_.]))"""
    r"""|(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?P<mark>[{}\[\]:,;])"""
)
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|([abfnrtv\\'\"?]))|\\(.)", re.DOTALL)
_ESCAPED = dict(zip(b"abfnrtv\\'\"?", b"\a\b\f\n\r\t\v\\'\"?", strict=True))


def text_from_message(message: Mapping[str, Value], rules: Mapping[str, FieldRule] = MODEL_CONFIG) -> str:
    r"""Write *message*, its fields in the order of the dict.

    >>> print(text_from_message({"name": "lesion", "input": [{"name": "image", "dims": [256, 256, 3]}]}), end="")
    name: "lesion"
    input {
      name: "image"
      dims: [ 256, 256, 3 ]
    }
    """
    return "".join(f"{line}\n" for line in _lines(message, rules))


def message_from_text(text: str) -> Message:
    """Read a whole config.pbtxt.

    Raises VerificationFailed naming the line and what was expected there.
    """
    reader = _Reader(_tokens(text))
    return reader.message(MODEL_CONFIG, end="")


def _lines(message: Mapping[str, Value], rules: Mapping[str, FieldRule]) -> Iterator[str]:
    for name, value in message.items():
        rule = rules[name]
        if rule.kind == "message":
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, dict):
                    yield f"{name} {{"
                    yield from (f"  {line}" for line in _lines(part, rule.fields))
                    yield "}"
        elif isinstance(value, list):
            yield f"{name}: [ {', '.join(_written(part, rule) for part in value)} ]"
        else:
            yield f"{name}: {_written(value, rule)}"


def _written(value: object, rule: FieldRule) -> str:
    if rule.kind == "bool":
        return "true" if value else "false"
    return _quoted(str(value)) if rule.kind == "string" else str(value)


def _quoted(text: str) -> str:
    """Return *text* in quotes; what is not printable ASCII as the octal numbers of its bytes in UTF-8."""
    plain = {ord("\\"): "\\\\", ord('"'): '\\"', ord("\n"): "\\n"}
    return (
        '"'
        + "".join(plain.get(byte, chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}") for byte in text.encode())
        + '"'
    )


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    line: int


def _tokens(text: str) -> Iterator[_Token]:
    """Take *text* apart; ends with a token of kind "end"."""
    place, line = 0, 1
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            _refuse(line, f"{shown(text[place : place + 20])} stands there", "a field, a value or a brace")
        if match.lastgroup != "space":
            yield _Token(str(match.lastgroup), match[0], line)
        line += match[0].count("\n")
        place = match.end()
    yield _Token("end", "", line)


class _Reader:
    """Walks over tokens, one ahead."""

    def __init__(self, tokens: Iterator[_Token]) -> None:
        self._tokens = tokens
        self._next = next(tokens)

    def message(self, rules: Mapping[str, FieldRule], *, end: str) -> Message:
        """Read fields up to *end*, a brace or "" for the end of the text."""
        found: dict[str, list[str | int | Message]] = {}
        while self._next.text != end or (self._next.kind == "end") != (end == ""):
            name = self._take("word", "the name of a field")
            rule = rules.get(name.text)
            if rule is None:
                _refuse(name.line, f"the field is {shown(name.text)}", f"one of {', '.join(rules)}")
            values = self._values(rule)
            if not rule.repeated and (name.text in found or len(values) != 1):
                _refuse(name.line, f"{name.text} has several values", "one")
            found.setdefault(name.text, []).extend(values)
            if self._next.text in (",", ";") and self._next.kind == "mark":
                self._advance()
        self._advance()
        return {name: values if rules[name].repeated else values[0] for name, values in found.items()}

    def _values(self, rule: FieldRule) -> list[str | int | Message]:
        """Read what follows the name of a field: one value, or several in brackets."""
        if self._next.text == ":":
            self._advance()
        elif rule.kind != "message":
            _refuse(self._next.line, f"{shown(self._next.text)} stands there", "':'")
        if self._next.text != "[" or self._next.kind != "mark":
            return [self._value(rule)]
        self._advance()
        values: list[str | int | Message] = []
        while not (self._next.kind == "mark" and self._next.text == "]"):
            if values:
                self._mark(",")
            values.append(self._value(rule))
        self._advance()
        return values

    def _value(self, rule: FieldRule) -> str | int | Message:
        if rule.kind == "message":
            self._mark("{")
            return self.message(rule.fields, end="}")
        if rule.kind == "string":
            return self._text()
        if rule.kind == "int":
            return int(self._take("number", "a whole number").text)
        word = self._take("word", "a word")
        allowed = ("true", "false") if rule.kind == "bool" else rule.names
        if word.text not in allowed:
            _refuse(word.line, f"{shown(word.text)} stands there", f"one of {', '.join(allowed)}")
        return word.text == "true" if rule.kind == "bool" else word.text

    def _text(self) -> str:
        """Read one text, or several that stand one after another and are one."""
        token = self._take("text", "a text in quotes")
        data = _unescaped(token)
        while self._next.kind == "text":
            token = self._advance()
            data += _unescaped(token)
        try:
            return data.decode()
        except UnicodeDecodeError:
            _refuse(token.line, f"the text {shown(token.text)} is not UTF-8", "UTF-8")

    def _mark(self, mark: str) -> None:
        if self._take("mark", shown(mark)).text != mark:
            _refuse(self._next.line, "another mark stands there", shown(mark))

    def _take(self, kind: str, expected: str) -> _Token:
        if self._next.kind != kind:
            came = "the text ends" if self._next.kind == "end" else f"{shown(self._next.text)} stands there"
            _refuse(self._next.line, came, expected)
        return self._advance()

    def _advance(self) -> _Token:
        token = self._next
        self._next = next(self._tokens, token)
        return token


def _unescaped(token: _Token) -> bytes:
    def replaced(match: re.Match[bytes]) -> bytes:
        octal, hexadecimal, letter, foreign = match.groups()
        if foreign is not None or (octal is not None and int(octal, 8) > 255):
            _refuse(token.line, f"the text {shown(token.text)} has an unknown escape", "one of protobuf's text format")
        if letter is not None:
            return bytes([_ESCAPED[letter[0]]])
        return bytes([int(octal, 8) if octal is not None else int(hexadecimal, 16)])

    return _ESCAPE.sub(replaced, token.text[1:-1].encode())


def _refuse(line: int, came: str, expected: str) -> NoReturn:
    raise VerificationFailed(
        f"cannot read config.pbtxt: in line {line} {came}, expected {expected}; export the model again"
    )
