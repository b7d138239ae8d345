"""Say which tracked files do not belong in the repository, or are not as they should be.

    python scripts/hygiene.py        prints one line a fault, exits 1 when there is any

A file over 8 MB (data and engines do not belong here), a path of somebody's machine (it works nowhere else), a text
file without a newline at its end, or with spaces at the end of a line.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["LARGEST_FILE", "faults", "tracked_files"]

ROOT = Path(__file__).resolve().parent.parent
LARGEST_FILE = 8 * 1024 * 1024  # bytes: the shipped weights fit, a data set or an engine does not

# Written in pieces, so that this file does not accuse itself.
_MACHINE_PATH = re.compile(
    "(?<![\\w.])/(?:" + "|".join(["work", "root", "home/[a-z]", "Users/[A-Z" + "a-z]"]) + r")[\w./-]*/"
)
_FOREIGN_TEXT = {"LICENSE"}  # kept byte for byte as its authors publish it


def tracked_files(root: Path = ROOT) -> list[Path]:
    """List the files that git tracks, or would track once added, relative to the root.

    Raises:
        subprocess.CalledProcessError: root is no git working tree.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return sorted(path for path in map(Path, filter(None, listed.split("\0"))) if (root / path).is_file())


def faults(path: Path, content: bytes) -> Iterator[str]:
    """Yield one line for each fault of a file.

    Args:
        path: relative to the root, for the message.
        content: the bytes of the file.
    """
    if len(content) > LARGEST_FILE:
        yield f"{path}: {len(content)} bytes, expected at most {LARGEST_FILE}; keep data and engines outside"
        return
    if b"\0" in content or path.name in _FOREIGN_TEXT:
        return
    text = content.decode("utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _MACHINE_PATH.search(line):
            yield f"{path}:{number}: {found.group()} is a path of one machine; say it relative to the repository"
        if line != line.rstrip() and path.suffix != ".svg":
            yield f"{path}:{number}: spaces at the end of the line; run: make format"
    if text and not text.endswith("\n"):
        yield f"{path}: no newline at the end of the file; add one"


def main() -> int:
    """Print the faults of all tracked files."""
    found = [fault for path in tracked_files() for fault in faults(path, (ROOT / path).read_bytes())]
    print("\n".join(found) if found else "every tracked file belongs here")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
