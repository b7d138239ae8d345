"""How long skinseg-batch takes to find out which pictures there are, and in how much memory, for each kind of source.

Makes sources of drawn names (tiny files: listing reads no picture) and lists each in a process of its own. Memory is
what that process holds at most beyond what it held before listing.

    python benchmarks/batch_sources.py [--pictures 2000] [--times 10] [--kinds folder,list,tar,parquet]
"""

import argparse
import datetime
import io
import os
import platform
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

KINDS = ("folder", "list", "tar", "parquet")


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Measure how sources are listed.")
    parser.add_argument("--pictures", type=int, default=2_000)
    parser.add_argument("--times", type=int, default=10, help="how many times as many the second source has")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--list", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.list:
        say(listed(arguments.list))
        return
    say(f"{datetime.date.today()}, {platform.machine()} {platform.system()}, load {os.getloadavg()[0]:.0f}\n")
    say("| source | pictures | processor us a picture | MiB while listing |")
    say("|---|---:|---:|---:|")
    for kind in arguments.kinds.split(","):
        for number in (arguments.pictures, arguments.pictures * arguments.times):
            with tempfile.TemporaryDirectory() as folder:
                source = made(kind, Path(folder), number)
                finished = subprocess.run(
                    [sys.executable, __file__, "--list", str(source)], capture_output=True, text=True, check=True
                )
            say(f"| {kind} | {number:,} | {finished.stdout.strip()} |")


def listed(source: str) -> str:
    """List a source and return what that took."""
    import pyarrow.parquet  # loaded before, so that its size is not counted

    from skinseg_runtime.batch.sources import source_from_text

    _ = pyarrow.parquet
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    number = sum(1 for _ in source_from_text(source).items())
    seconds = time.process_time() - begun
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return f"{1e6 * seconds / number:.0f} | {more / 1024:.1f}"


def made(kind: str, folder: Path, number: int) -> Path:
    """Make a source of *number* pictures of one byte."""
    names = [f"patient-{index // 500:05}/photo-{index:08}.jpg" for index in range(number)]
    if kind == "folder":
        for name in names:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(b"x")
        return folder
    path = folder / f"pictures.{'txt' if kind == 'list' else kind}"
    if kind == "list":
        path.write_text("\n".join(names))
    elif kind == "tar":
        with tarfile.open(path, "w") as tar:
            for name in names:
                info = tarfile.TarInfo(name)
                info.size = 1
                tar.addfile(info, io.BytesIO(b"x"))
                tar.members.clear()  # type: ignore[attr-defined]  # or it keeps them all
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({"image": [b"x"] * number, "name": names}), path, row_group_size=1000)
    return path


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
