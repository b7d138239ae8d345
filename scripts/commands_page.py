"""Write docs/commands.md from the real `--help` of every command, or check that it is current.

Alone it writes the page; with `--check` it exits 1 when the page differs from what would be written.
"""

import os
import subprocess
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["PAGE", "commands", "help_text", "page", "run_command"]

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "commands.md"

_OPENING = """\
# Commands

Made by `make docs` from the real `--help` of each command; a test fails while it is stale. Do not edit.

Exit codes of all: 0 done and verified, 1 made but failed verification, 2 wrong use or bad input, 3 a needed tool or
device is missing, 130 interrupted. Results go to stdout, progress and warnings to stderr.
"""

# A console script, but from the source tree: it works before and after installation alike.
_LAUNCHER = """\
import importlib, sys
name, module, attribute = sys.argv[1:4]
sys.argv = [name, *sys.argv[4:]]
sys.exit(getattr(importlib.import_module(module), attribute)())
"""


def commands() -> dict[str, str]:
    """Read the commands from pyproject.toml: name -> `module:attribute`, in the order they stand there."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        scripts = tomllib.load(file)["project"]["scripts"]
    return {str(name): str(target) for name, target in scripts.items()}


def run_command(
    name: str, *arguments: str, cwd: Path = ROOT, python: tuple[str, ...] = ()
) -> "subprocess.CompletedProcess[str]":
    """Run a command of this project in a fresh interpreter, 100 columns wide, without colour.

    Args:
        name: as in pyproject.toml, for example "skinseg-run".
        arguments: what a person would type after it.
        cwd: the folder it runs in.
        python: options of the interpreter, for example ("-X", "importtime").
    """
    module, attribute = commands()[name].split(":")
    roots = os.pathsep.join(str(ROOT / root) for root in (".", "export", "runtime", "demo_app"))
    return subprocess.run(
        [sys.executable, *python, "-c", _LAUNCHER, name, module, attribute, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": roots, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"},
        capture_output=True,
        text=True,
        check=False,
    )


def help_text(name: str) -> str:
    """Return what `NAME --help` prints.

    Raises:
        RuntimeError: the command does not exit with 0.
    """
    finished = run_command(name, "--help")
    if finished.returncode != 0:
        raise RuntimeError(f"{name} --help ended with {finished.returncode}, expected 0:\n{finished.stderr}")
    return finished.stdout


def page() -> str:
    """Return the whole page as Markdown."""
    sections = [f"\n## {name}\n\n```text\n{_without_trailing_spaces(help_text(name))}\n```\n" for name in commands()]
    return _OPENING + "".join(sections)


def _without_trailing_spaces(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def main(arguments: list[str]) -> int:
    """Write the page, or with `--check` compare it with the one that lies there."""
    fresh = page()
    if arguments == ["--check"]:
        if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == fresh:
            return 0
        print(f"{PAGE.relative_to(ROOT)} is not what the commands say now; run: make docs", file=sys.stderr)
        return 1
    PAGE.parent.mkdir(exist_ok=True)
    temporary = PAGE.with_suffix(".tmp")
    temporary.write_text(fresh, encoding="utf-8")
    temporary.replace(PAGE)
    print(PAGE.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
