"""`__all__` equals what shows: at the face of every package, and in every module that has one."""

import ast
import importlib
from types import ModuleType

import pytest

from tests.project.house import modules, source_of


def _declared(module: str) -> list[str] | None:
    """Return the names in `__all__`, or None where the module has none."""
    for node in ast.parse(source_of(module)).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.expr() as value):
                return [str(name) for name in ast.literal_eval(value)]
            case ast.AnnAssign(target=ast.Name(id="__all__"), value=ast.expr() as value):
                return [str(name) for name in ast.literal_eval(value)]
    return None


def _defined(module: str) -> set[str]:
    """Return the public functions and classes that a module defines at its top level."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    body = ast.parse(source_of(module)).body
    return {node.name for node in body if isinstance(node, kinds) and not node.name.startswith("_")}


@pytest.mark.parametrize("module", [name for name in modules() if _declared(name) is not None])
def test_a_module_with_a_face_declares_every_public_function_and_class_it_defines(module: str) -> None:
    declared = _declared(module) or []

    assert len(declared) == len(set(declared))
    assert _defined(module) - set(declared) - {"main"} == set()


@pytest.mark.parametrize("package", [name for name, path in modules().items() if path.name == "__init__.py"])
def test_the_face_of_a_package_shows_what_it_declares_and_nothing_else(package: str) -> None:
    face = importlib.import_module(package)
    declared: list[str] = getattr(face, "__all__", [])  # a face without one declares nothing
    shown = {name for name in vars(face) if not name.startswith("_") and not isinstance(vars(face)[name], ModuleType)}

    assert [name for name in declared if not hasattr(face, name)] == []
    assert shown - set(declared) - {"TYPE_CHECKING", "Any"} == set()
