"""Commands, called from tests."""

import json
from pathlib import Path

import click
from click.testing import CliRunner, Result


def call(command: click.Command, *arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def only_object(text: str) -> dict[str, object]:
    document = json.loads(text)  # fails when anything stands before or after the object
    assert isinstance(document, dict)
    return document


def error_of(result: Result) -> dict[str, object]:
    error = only_object(result.stdout)["error"]
    assert isinstance(error, dict)
    return error
