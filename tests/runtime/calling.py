"""Commands and fresh interpreters, called from tests."""

import json
import os
import subprocess
import sys
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


def fresh_python(code: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", code, *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)
