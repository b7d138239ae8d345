"""How light the runtime is: import, process start to first mask, peak memory, size of the base install.

Each figure comes from new processes, ours and the usual torch script in turn; medians. The script: Pillow decodes and
shrinks the photo, torch runs the same network from its checkpoint in eager mode, Pillow carries the answer to the
photo's size: the probability bilinearly, which gives the outline that ours has, or the finished mask to the nearest
pixel, which is its lightest way. Ours makes `.mask` and `.lesions`. Importing ours means `Segmenter`, with all that it
needs but ONNX Runtime. Peak memory is the system's high-water mark of the process (Linux). The base install is a new
virtual environment with this project and what it needs, compiled modules included, pip not; pip fetches it (about
100 MB), unless --no-install.

    pip install -e '.[export]' && skinseg-export scsonet -o scsonet.skinseg
    python benchmarks/footprint.py scsonet.skinseg scsonet [PHOTO of 12 megapixels] [--repeats 7] [--no-install]
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_ROOT = Path(__file__).resolve().parent.parent
_MB = 1_000_000
_DRAWN_HW = (3024, 4032)

_ENDING = """
from skinseg_runtime.machine import peak_memory_mib
print(json.dumps({"processor_s": processor, "peak_mib": peak_memory_mib()}), flush=True)
"""

_NOTHING = """
import json, time
processor = time.process_time()
print("ready", flush=True)
"""

_IMPORT = """
import json, time
import skinseg_runtime
skinseg_runtime.Segmenter
processor = time.process_time()
print("ready", flush=True)
"""

_OURS = """
import json, sys, time
from skinseg_runtime import Segmenter
with Segmenter.open(sys.argv[1], engine="onnxruntime") as segmenter:
    result = segmenter.segment(sys.argv[3])
    shape, lesions = result.mask.shape, result.lesions
processor = time.process_time()
print("ready", flush=True)
"""

_SCRIPT = """
import json, sys, time
import numpy as np
import torch
from PIL import Image
from skinseg_edge import load_checkpoint
checkpoint = load_checkpoint(sys.argv[2])
contract = checkpoint.contract
photo = Image.open(sys.argv[3]).convert("RGB")
small = photo.resize(contract.input_hw[::-1], Image.Resampling.BILINEAR)
mean, std = (torch.tensor(three).view(1, 3, 1, 1) for three in (contract.mean, contract.std))
pixels = torch.from_numpy(np.asarray(small).transpose(2, 0, 1)[None].astype(np.float32) / 255)
with torch.inference_mode():
    probability = torch.sigmoid(checkpoint.network((pixels - mean) / std))[0, 0].numpy()
if sys.argv[4] == "nearest":
    levels = np.where(probability >= contract.threshold, np.uint8(255), np.uint8(0))
    mask = np.asarray(Image.fromarray(levels).resize(photo.size, Image.Resampling.NEAREST))
else:
    mask = np.asarray(Image.fromarray(probability).resize(photo.size, Image.Resampling.BILINEAR)) >= contract.threshold
processor = time.process_time()
print("ready", flush=True)
"""

_PROCESSES = {
    "nothing": (_NOTHING, ""),
    "import": (_IMPORT, ""),
    "ours": (_OURS, ""),
    "script, bilinear probability": (_SCRIPT, "bilinear"),
    "script, nearest mask": (_SCRIPT, "nearest"),
}


class Run(NamedTuple):
    """*ready_s*: from the process's start to its first mask, wall clock; *processor_s*: of that; *peak_mib*: in all."""

    ready_s: float
    processor_s: float
    peak_mib: float


class Figure(NamedTuple):
    """*value*: what was found, in *unit*; the goal is at most, or at least, *limit*."""

    words: str
    value: float
    limit: float
    unit: str
    is_most: bool = True


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Measure start, memory and size of the runtime.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("checkpoint", help="the shipped model or checkpoint file that the bundle was made of")
    parser.add_argument("photo", nargs="?", type=Path, help="a JPEG photo; a drawn one when left out")
    parser.add_argument("--repeats", type=int, default=7, help="processes a figure is the median of")
    parser.add_argument("--no-install", action="store_true", help="leave the base install out")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        photo = arguments.photo or drawn_photo(Path(scratch) / "drawn.jpg")
        compiled = Path(scratch) / "compiled"
        found = in_turn([str(arguments.bundle), arguments.checkpoint, str(photo)], arguments.repeats, compiled)
        say(f"{datetime.date.today()}, {platform.machine()} {platform.system()}, {os.cpu_count()} cores\n")
        say("| process | ready, s (processor) | peak, MiB |\n|---|---:|---:|")
        for name, run in found.items():
            say(f"| {name} | {run.ready_s:.2f} ({run.processor_s:.2f}) | {run.peak_mib:.0f} |")
        say("\n| goal | limit | found | |\n|---|---|---:|---|")
        for figure in figures(found):
            say(verdict(figure))
        if not arguments.no_install:
            say(verdict(Figure("base install on disk", installed_mb(Path(scratch) / "venv"), 350, " MB")))


def figures(found: Mapping[str, Run]) -> list[Figure]:
    """Return what is asked for: a wall clock and, beside its ratio, the processor's."""
    empty, light, ours, smooth, nearest = (found[name] for name in _PROCESSES)
    return [
        Figure("import, processor", light.processor_s - empty.processor_s, 0.25, " s"),
        Figure("import, wall clock", light.ready_s - empty.ready_s, 0.25, " s"),
        Figure("first mask: script / ours, wall clock", smooth.ready_s / ours.ready_s, 5, "", is_most=False),
        Figure("first mask: script / ours, processor", smooth.processor_s / ours.processor_s, 5, "", is_most=False),
        Figure("the same, nearest pixel, processor", nearest.processor_s / ours.processor_s, 5, "", is_most=False),
        Figure("peak memory", ours.peak_mib * (1 << 20) / _MB, 250, " MB"),
        Figure("peak memory: ours / script", ours.peak_mib / smooth.peak_mib, 0.25, ""),
        Figure("the same, nearest pixel", ours.peak_mib / nearest.peak_mib, 0.25, ""),
    ]


def in_turn(arguments: Sequence[str], repeats: int, compiled: Path) -> dict[str, Run]:
    """Return the medians of processes that take turns; the first of each fills the system's caches, and *compiled*."""
    runs: dict[str, list[Run]] = {name: [] for name in _PROCESSES}
    for turn in range(repeats + 1):
        for name, (code, way) in _PROCESSES.items():
            run = fresh(code, [*arguments, way], compiled)
            runs[name] += [run] if turn else []
    return {name: Run(*map(statistics.median, zip(*each, strict=True))) for name, each in runs.items()}


def fresh(code: str, arguments: Sequence[str], compiled: Path) -> Run:
    """Run code in a new interpreter that keeps its compiled modules in the folder *compiled*."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = {**inherited, "PYTHONPYCACHEPREFIX": str(compiled)}
    command = [sys.executable, "-c", code + _ENDING, *arguments]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as ran:
        assert ran.stdout is not None
        ready = ran.stdout.readline()
        waited = time.perf_counter() - started
        answer = ran.stdout.read()
    if ran.returncode or ready != "ready\n":
        raise SystemExit(f"cannot measure: a process ended with {ran.returncode}; see above")
    found = json.loads(answer)
    return Run(waited, found["processor_s"], found["peak_mib"])


def installed_mb(folder: Path) -> float:
    """Install this project's base into a new environment and return what it takes on disk, MB."""
    venv.create(folder, with_pip=False)
    python = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-qq", "--python", python]
    subprocess.run([*pip, "install", str(_ROOT)], check=True)
    files = (path.stat() for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(status.st_blocks * 512 for status in files) / _MB


def drawn_photo(path: Path) -> Path:
    """Draw a photo of 12 megapixels."""
    import cv2

    from skinseg_edge.datasets import synthetic_lesions

    photo = synthetic_lesions.draw(1, hw=_DRAWN_HW).photo
    path.write_bytes(cv2.imencode(".jpg", cv2.cvtColor(photo, cv2.COLOR_RGB2BGR))[1].tobytes())
    return path


def verdict(figure: Figure) -> str:
    """Format a goal's row."""
    passed = figure.value <= figure.limit if figure.is_most else figure.value >= figure.limit
    limit = f"{'<=' if figure.is_most else '>='} {figure.limit:g}{figure.unit}"
    return f"| {figure.words} | {limit} | {figure.value:.2f}{figure.unit} | {'pass' if passed else '**FAIL**'} |"


def say(line: str) -> None:
    """Print one line."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
