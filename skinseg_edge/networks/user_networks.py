"""A user's own networks: import the code that registers them, when a person asks for it by name.

Only `--import` on a command line, or a call of this function, runs such code. A checkpoint names its network and its
options and nothing more, so opening somebody's checkpoint never imports anything.
"""

import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from skinseg_edge.errors import FileMissing, InputError
from skinseg_edge.networks.registry import names

__all__ = ["import_user_networks"]


def import_user_networks(module_or_file: str) -> tuple[str, ...]:
    """Import a module that calls `skinseg_edge.networks.register`, and return the names it added, sorted.

    *module_or_file*: a dotted module of an installed package (`clinic.networks`), or a `.py` file, which may lie
    anywhere. It runs with all rights of this process, once; a second call adds nothing.

    Raises FileMissing if there is no such file or module, InputError if it fails or registers no network.
    """
    is_file = module_or_file.endswith(".py")
    name = _name_of_file(module_or_file) if is_file else module_or_file
    if name in sys.modules:
        return ()
    before = set(names())
    try:
        if is_file:
            _run_file(name, Path(module_or_file))
        else:
            importlib.import_module(name)
    except (Exception, SystemExit) as error:  # whatever a user's code may raise
        raise _as_input_error(module_or_file, name, error) from error
    added = tuple(sorted(set(names()) - before))
    if not added:
        raise InputError(
            f"cannot take networks from {module_or_file}: it registers none; let it call "
            "skinseg_edge.networks.register(name, network_class)"
        )
    return added


def _name_of_file(file: str) -> str:
    path = Path(file).resolve()
    if not path.is_file():
        raise FileMissing(f"cannot import {file}: there is no such file; name a .py file or an installed module")
    # Two files of one name in two folders are two modules.
    return f"skinseg_user_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"


def _run_file(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise AssertionError(f"python has no loader for {path}, which ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look their module up while it runs
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _as_input_error(asked: str, name: str, error: BaseException) -> InputError:
    if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
        return FileMissing(
            f"cannot import {asked}: there is no module {error.name}; install its package, or name the .py file"
        )
    reason = str(error).strip().splitlines() or ["no reason given"]
    return InputError(f"cannot import {asked}: it stops with {type(error).__name__}: {reason[0]}; mend it first")
