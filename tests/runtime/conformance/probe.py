"""Runs in a process of its own, beside one version of NVIDIA's bindings: says what they lack of what is expected.

`python -m tests.runtime.conformance.probe WHAT VERSION MODULE`, with JSON on stdin; the answer is a list of sentences.
"""

import importlib
import inspect
import json
import sys
from enum import Enum
from typing import Any

from tests.runtime.conformance.signatures import argument_names, fits, overloads
from tests.runtime.conformance.surface import Expectation

__all__ = ["complaints"]


def complaints(what: str, version: str, module: Any, request: Any) -> list[str]:
    """Return what differs; *what*: "members", "enums", "written", "trt fakes", "cuda", "cuda fakes", "pycuda",

    "pycuda fakes".
    """
    if what == "members":
        return [line for wanted in request for line in _member(version, module, wanted)]
    if what == "enums":
        return [line for wanted in request for line in _enum(version, module, wanted)]
    if what == "written":
        return [line for wanted in request for line in _written(version, module, wanted)]
    if what == "trt fakes":
        return _trt_fakes(version, module)
    if what == "cuda":
        return _cuda(module, request)
    if what == "cuda fakes":
        return _cuda_fakes(module)
    if what == "pycuda fakes":
        return _pycuda_fakes(module)
    return [f"pycuda.driver has no {name}" for name in request if not _has(module, name)]


def _member(version: str, module: Any, wanted: Expectation) -> list[str]:
    found = _fitting(module, wanted)
    expected = version in wanted["versions"]
    if found == expected:
        return []
    arguments = "" if wanted["arguments"] is None else f"({', '.join(wanted['arguments'])})"
    name = f"{wanted['kind'] or 'the module'}.{wanted['member']}{arguments}"
    return [f"{version} has no {name}" if expected else f"{version} has {name}, which is said to be missing there"]


def _fitting(module: Any, wanted: Expectation) -> bool:
    owner = getattr(module, wanted["kind"], None) if wanted["kind"] else module
    found = getattr(owner, wanted["member"], None)
    if found is None or wanted["arguments"] is None:
        return found is not None
    return _takes(found, wanted["member"], wanted["arguments"])


def _takes(found: Any, name: str, arguments: list[str]) -> bool:
    if isinstance(found, type):
        name, found = "__init__", found.__init__  # type: ignore[misc]  # whose docstring is read, no more
    return any(fits(arguments, overload) for overload in overloads(name, found.__doc__ or ""))


def _enum(version: str, module: Any, wanted: Expectation) -> list[str]:
    if version not in wanted["versions"] or wanted["member"] in getattr(module, wanted["kind"]).__members__:
        return []
    return [f"{version} has no {wanted['kind']}.{wanted['member']}"]


def _written(version: str, module: Any, wanted: Expectation) -> list[str]:
    if version not in wanted["versions"]:
        return []
    found = getattr(getattr(module, wanted["kind"]), wanted["member"])
    if not isinstance(found, property) or found.fset is not None:
        return []
    return [f"{version} lets nobody set {wanted['kind']}.{wanted['member']}"]


def _trt_fakes(version: str, module: Any) -> list[str]:
    from tests.fake_device.trt_module import module_names

    fakes = module_names(str(module.__version__), is_rtx=version == "tensorrt_rtx")
    found = [f"{version} has no {name}, the fake has" for name in fakes if not hasattr(module, name)]
    classes = [name for name, fake in fakes.items() if isinstance(fake, type) and hasattr(module, name)]
    return found + [line for name in classes for line in _class_of(name, fakes[name], getattr(module, name))]


def _class_of(name: str, fake: type, real: Any) -> list[str]:
    if issubclass(fake, Enum):
        members = {member: int(value) for member, value in real.__members__.items()}
        mine = {member: int(value.value) for member, value in fake.__members__.items()}
        return [
            f"{name}.{member} is {members.get(member)}, not {mine[member]}" for member in mine.keys() - members.keys()
        ] + [
            f"{name}.{member} is {members[member]}, not {mine[member]}"
            for member in mine.keys() & members.keys()
            if members[member] != mine[member]
        ]
    public = [member for kind in fake.__mro__[:-1] for member in vars(kind) if not member.startswith("_")]
    return [line for member in dict.fromkeys(public) for line in _method(name, member, fake, real)]


def _method(name: str, member: str, fake: type, real: Any) -> list[str]:
    if not hasattr(real, member):
        return [f"{name} has no {member}, the fake has"]
    mine = inspect.getattr_static(fake, member)
    if not inspect.isfunction(mine):
        return []
    names = list(inspect.signature(mine).parameters)[1:]
    known = overloads(member, getattr(real, member).__doc__ or "")
    if any([argument for argument, _ in overload][: len(names)] == names for overload in known):
        return []
    return [f"{name}.{member} takes {known}, the fake takes {names}"]


def _cuda(module: Any, names: dict[str, list[int]]) -> list[str]:
    enums = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, int)]
    members = {member for kind in enums for member in getattr(kind, "__members__", {})}
    found = [f"cuda.bindings has no {name}" for name in names if not hasattr(module, name) and name not in members]
    for name, counts in names.items():
        call = getattr(module, name, None)
        if not counts or call is None:
            continue
        known = argument_names(name, call.__doc__ or "")
        found += [f"{name} takes {known}, not {count} arguments" for count in counts if count != len(known)]
    return found


def _cuda_fakes(module: Any) -> list[str]:
    from tests.fake_device.on_path.cuda.bindings import runtime as fake

    found = []
    for name, mine in vars(fake).items():
        if not name.startswith("cuda"):
            continue
        real = getattr(module, name, None)
        if real is None:
            found.append(f"cuda.bindings has no {name}, the fake has")
        elif inspect.isfunction(mine):
            names = list(inspect.signature(mine).parameters)
            known = argument_names(name, real.__doc__ or "")
            found += [f"{name} takes {known}, the fake takes {names}"] if names != known else []
        elif isinstance(mine, type) and issubclass(mine, Enum):
            found += [
                f"{name}.{member.name} differs"
                for member in mine
                if int(getattr(real, member.name)) != int(member.value)
            ]
        elif isinstance(mine, int) and int(real) != mine:
            found.append(f"{name} is {int(real)}, not {mine}")
    return found


def _pycuda_fakes(module: Any) -> list[str]:
    from tests.fake_device.on_path.pycuda import driver as fake

    own = {name: mine for name, mine in vars(fake).items() if getattr(mine, "__module__", "") == fake.__name__}
    public = [name for name in own if not name.startswith("_")]
    members = [
        f"{name}.{member}"
        for name in public
        if isinstance(own[name], type)
        for kind in own[name].__mro__
        if kind.__module__ == fake.__name__
        for member in vars(kind)
        if not member.startswith("_")
    ]
    return [f"pycuda.driver has no {name}, the fake has" for name in (*public, *members) if not _has(module, name)]


def _has(module: Any, dotted: str) -> bool:
    for part in dotted.split("."):
        if not hasattr(module, part):
            return False
        module = getattr(module, part)
    return True


if __name__ == "__main__":
    answer = complaints(sys.argv[1], sys.argv[2], importlib.import_module(sys.argv[3]), json.load(sys.stdin))
    print(json.dumps(answer))  # noqa: T201  # the answer
