"""Code of a user's own is run when asked for by name, and at no other time."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from skinseg_edge import networks
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import FileMissing, InputError, UnknownName
from skinseg_edge.networks import registry
from skinseg_edge.networks.checkpoint import load_checkpoint, save_checkpoint
from skinseg_edge.networks.user_networks import import_user_networks

_OWN = """
from pathlib import Path
from torch import nn
from skinseg_edge.networks import register

class Own(nn.Conv2d):
    def __init__(self, classes: int = 1) -> None:
        super().__init__(3, classes, 1)

register("own", Own)
with Path(__file__).with_name("runs.txt").open("a") as file:
    file.write("ran\\n")
"""


@pytest.fixture(autouse=True)
def _a_registry_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "_factories", dict(registry._factories))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("skinseg_user_", "clinic")):
            del sys.modules[name]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.py"
    path.write_text(_OWN)
    return path


def test_a_file_registers_its_networks(own: Path) -> None:
    assert import_user_networks(str(own)) == ("own",)
    assert "own" in networks.names()
    assert networks.create("own", 3) is not None


def test_a_file_runs_once_however_often_and_by_whatever_path_it_is_asked_for(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_user_networks(str(own))
    monkeypatch.chdir(own.parent)
    assert import_user_networks("own.py") == ()
    assert (own.parent / "runs.txt").read_text() == "ran\n"


def test_a_module_of_an_installed_package_registers_its_networks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clinic").mkdir()
    (tmp_path / "clinic" / "__init__.py").touch()
    (tmp_path / "clinic" / "nets.py").write_text(_OWN)
    monkeypatch.syspath_prepend(tmp_path)
    assert import_user_networks("clinic.nets") == ("own",)


def test_a_missing_file_or_module_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match=r"absent\.py: there is no such file; name a \.py file or an installed"):
        import_user_networks(str(tmp_path / "absent.py"))
    with pytest.raises(FileMissing, match=r"clinic\.nets: there is no module clinic; install its package"):
        import_user_networks("clinic.nets")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import nowhere_at_all", "it stops with ModuleNotFoundError: No module named 'nowhere_at_all'; mend it first"),
        ("def", r"it stops with SyntaxError: invalid syntax"),
        ("raise SystemExit", "it stops with SystemExit: no reason given"),
        ("raise ValueError('a\\nb')", "it stops with ValueError: a; mend it first"),
        ("x = 1", r"it registers none; let it call skinseg_edge\.networks\.register"),
        (_OWN.replace('"own"', '"unet"'), "cannot register network 'unet': the name is taken"),
    ],
)
def test_code_that_cannot_be_used_is_told_in_one_sentence(tmp_path: Path, code: str, words: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text(code)
    with pytest.raises(InputError, match=words) as caught:
        import_user_networks(str(path))
    assert "\n" not in str(caught.value)


def test_code_that_failed_can_be_mended_and_tried_again(own: Path) -> None:
    own.write_text("raise ValueError")
    with pytest.raises(InputError, match="ValueError"):
        import_user_networks(str(own))
    own.write_text(_OWN)
    assert import_user_networks(str(own)) == ("own",)


def test_a_checkpoint_never_imports_what_it_names(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(own.parent)  # where `own.py` lies
    monkeypatch.syspath_prepend(own.parent)
    state = networks.create("unet", base=4).state_dict()
    for name in ("own", "own.py", str(own)):
        path = own.parent / "foreign.safetensors"
        contract = ModelContract(input_hw=(32, 32))
        save_checkpoint(path, state, network_name=name, contract=contract, overwrite=True)
        with pytest.raises(UnknownName, match="own"):
            load_checkpoint(path)
    assert not (own.parent / "runs.txt").exists()
