"""Makes workers die: Python reads this file first wherever its folder is on the path.

A picture whose name says "kills-decoder" ends the process that decodes it, "kills-engine" that which holds the network,
as `kill -9` does; with "-once" only the first that tries, of which a file in KILLERS_MARKS remains.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

_CORE = "skinseg_runtime.batch.core"


class _Killers(importlib.abc.MetaPathFinder):
    """Finds the module that workers call, and has it kill."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _CORE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(fullname, str(spec.origin))
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        prepared, answered = module.prepared, module.answered

        def decode(data: Any, name: str, *others: Any) -> Any:
            _kill("decoder", [name])
            return prepared(data, name, *others)

        def ask(segmenter: Any, pictures: Any, work: Any) -> Any:
            _kill("engine", [picture.name for picture in pictures])
            return answered(segmenter, pictures, work)

        module.prepared, module.answered = decode, ask  # type: ignore[attr-defined]  # pyright: ignore


def _kill(which: str, names: list[str]) -> None:
    for name in names:
        if f"kills-{which}" not in name:
            continue
        mark = Path(os.environ["KILLERS_MARKS"]) / name
        if "-once" in name and mark.exists():
            continue
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


if "KILLERS_MARKS" in os.environ:  # not where tests are collected
    sys.meta_path.insert(0, _Killers())
