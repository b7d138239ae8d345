"""What the runtime takes for granted of foreign libraries, read from its own source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

__all__ = ["Expectation", "cuda_names", "enum_members", "expectations", "pycuda_names", "written_attributes"]

_RUNTIME = Path(__file__).resolve().parents[3] / "runtime" / "skinseg_runtime"
_API = _RUNTIME / "engines" / "tensorrt_api.py"
_VERSIONS = ("10.3", "10.7", "10.16", "11.4", "tensorrt_rtx")
_KEPT = {"Builder", "OnnxParser", "ParserError", "Runtime", "EngineInspector"}  # have no I in front at NVIDIA
_MODULE = "TensorRt"


class Expectation(TypedDict):
    """*kind*: NVIDIA's class, "" for the module. *arguments*: in order, None for an attribute.

    *versions*: those that have the member; all others must not.
    """

    kind: str
    member: str
    arguments: list[str] | None
    versions: list[str]


def expectations() -> list[Expectation]:
    """Return every member of the Protocols in tensorrt_api.py."""
    found = [wanted for protocol in _protocols() for wanted in _members(protocol)]
    everywhere = {(wanted["kind"], wanted["member"], str(wanted["arguments"])) for wanted in found}
    assert len(everywhere) == len(found), "tensorrt_api.py names something twice"
    return found


def _protocols() -> Iterator[ast.ClassDef]:
    for node in ast.parse(_API.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            yield node


def _members(protocol: ast.ClassDef) -> Iterator[Expectation]:
    plain = protocol.name.removeprefix("Newer")
    kind = "" if plain == _MODULE else plain if plain in _KEPT else f"I{plain}"
    versions = _versions(ast.get_docstring(protocol) or "")
    for node in protocol.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield Expectation(kind=kind, member=node.target.id, arguments=None, versions=versions)
        elif isinstance(node, ast.FunctionDef):
            names = [argument.arg for argument in node.args.args[1:]]
            yield Expectation(
                kind=kind, member=node.name, arguments=None if node.decorator_list else names, versions=versions
            )


def _versions(docstring: str) -> list[str]:
    """Return the versions before the colon of a docstring such as "10.16, 11.4 and `tensorrt_rtx`: ...", else all."""
    named = re.fullmatch(r"[\d.]+|`\w+`", (parts := re.split(r", | and ", docstring.partition(":")[0]))[0])
    return [part.strip("`") for part in parts] if named else list(_VERSIONS)


def enum_members() -> list[Expectation]:
    """Return every member of an enumeration that the runtime's source names, such as `trt.DataType.UINT8`."""
    kinds = {wanted["member"]: wanted["versions"] for wanted in expectations() if not wanted["kind"]}
    found = {
        (node.value.attr, node.attr)
        for node in _nodes(_RUNTIME)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr in kinds
    }
    members = sorted((kind, member) for kind, member in found if member.isupper())
    return [Expectation(kind=kind, member=name, arguments=None, versions=kinds[kind]) for kind, name in members]


def written_attributes() -> list[Expectation]:
    """Return the attributes that the runtime sets on what TensorRT made, such as `config.progress_monitor`."""
    stored = {node.attr for node in _nodes(_RUNTIME) if isinstance(node, ast.Attribute) and _is_foreign_store(node)}
    return [
        wanted
        for wanted in expectations()
        if wanted["kind"] and wanted["arguments"] is None and wanted["member"] in stored
    ]


def _is_foreign_store(node: ast.Attribute) -> bool:
    return isinstance(node.ctx, ast.Store) and not (isinstance(node.value, ast.Name) and node.value.id == "self")


def cuda_names() -> dict[str, list[int]]:
    """Return every name of NVIDIA's in cuda_bindings.py, with the numbers of arguments it is called with."""
    found: dict[str, list[int]] = {}
    for node in _nodes(_RUNTIME / "cuda_memory" / "cuda_bindings.py"):
        if isinstance(node, ast.Attribute) and _is_cuda(node.attr):
            found.setdefault(node.attr, [])
        elif isinstance(node, ast.Constant) and _is_cuda(node.value):
            found.setdefault(str(node.value), [])
        elif isinstance(node, ast.Call):
            _note_call(node, found)
    return found


def _note_call(call: ast.Call, found: dict[str, list[int]]) -> None:
    """Note `rt.cudaName(...)`, `_call(rt, "cudaName", ...)` and `self._run("cudaName", ...)`."""
    if isinstance(call.func, ast.Attribute) and _is_cuda(call.func.attr):
        found.setdefault(call.func.attr, []).append(len(call.args))
    if ast.unparse(call.func) not in ("_call", "self._run"):
        return
    for position, argument in enumerate(call.args):
        if isinstance(argument, ast.Constant) and _is_cuda(argument.value):
            found.setdefault(str(argument.value), []).append(len(call.args) - position - 1)


def _is_cuda(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"cuda[A-Z]\w+", value) is not None


def pycuda_names() -> list[str]:
    """Return what the runtime takes from `pycuda.driver`, such as "mem_alloc" and "host_alloc_flags.DEVICEMAP"."""
    found = set()
    for name in ("pycuda_driver.py", "pycuda_stack.py"):
        for node in _nodes(_RUNTIME / "cuda_memory" / name):
            if isinstance(node, ast.Attribute):
                match = re.match(r"(?:self\._)?cuda\.(\w+(?:\.[A-Z]\w+)?)", ast.unparse(node))
                found |= {match[1]} if match else set()
    return sorted(found)


def _nodes(where: Path) -> Iterator[ast.AST]:
    for path in [where] if where.is_file() else sorted(where.rglob("*.py")):
        yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))
