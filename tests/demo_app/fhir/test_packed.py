"""A package that was carried away becomes a file that a FHIR server takes; a damaged or hostile one is refused."""

import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from skinseg_demo.fhir.__main__ import main
from skinseg_demo.fhir.packed import transaction_of_package
from skinseg_demo.sending.packages import Package, write_package
from skinseg_edge.errors import InputError
from tests.demo_app.fhir.bundles import valid
from tests.demo_app.fhir.conftest import Followed


@pytest.fixture(scope="module")
def package(followed: Followed, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The package of the followed case."""
    return write_package(followed.store, followed.case_id, tmp_path_factory.mktemp("package") / "case.zip")


def _changed(package: Package, path: Path, changes: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(package.path) as source, zipfile.ZipFile(path, "w", method) as target:
        for name in source.namelist():
            target.writestr(name, changes.get(name, source.read(name)))
    return path


def test_the_command_writes_the_transaction_that_the_box_would_send(
    followed: Followed, package: Package, tmp_path: Path
) -> None:
    result = CliRunner().invoke(main, [str(package.path), "-o", str(tmp_path / "case.json")])

    assert result.exit_code == 0, result.stderr
    assert result.stdout.strip() == str(tmp_path / "case.json")
    assert json.loads((tmp_path / "case.json").read_bytes()) == valid(followed.bundle)
    assert (tmp_path / "case.json").stat().st_mode & 0o077 == 0


def test_the_command_replaces_nothing_without_force(package: Package, tmp_path: Path) -> None:
    (tmp_path / "case.json").write_text("mine", encoding="utf-8")

    result = CliRunner().invoke(main, [str(package.path), "-o", str(tmp_path / "case.json")])

    assert result.exit_code == 2
    assert "add --force" in result.stderr
    assert (tmp_path / "case.json").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("length", [0, 100, 40_000, -30])
def test_a_package_that_is_cut_off_is_refused(package: Package, tmp_path: Path, length: int) -> None:
    (tmp_path / "cut.zip").write_bytes(package.path.read_bytes()[:length])

    with pytest.raises(InputError, match=r"cannot read .*cut.zip: it is no package of a case, or a damaged one"):
        transaction_of_package(tmp_path / "cut.zip")


def test_a_package_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.zip: No such file or directory; export the case again"):
        transaction_of_package(tmp_path / "none.zip")


def test_a_compressed_package_is_refused_before_it_grows(package: Package, tmp_path: Path) -> None:
    path = _changed(package, tmp_path / "small.zip", {"case.json": b"0" * 10_000_000}, zipfile.ZIP_DEFLATED)

    with pytest.raises(InputError, match="its files are compressed"):
        transaction_of_package(path)


def _bundle(url: str, size: object, times: int = 1) -> bytes:
    attached = {"contentType": "image/jpeg", "url": url, "size": size}
    identifier = [{"system": "https://skinseg.invalid/fhir/photo", "value": "a"}]
    media = {"resourceType": "Media", "identifier": identifier, "content": [attached] * times}
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": media}]}).encode()


@pytest.mark.parametrize(
    ("bundle", "words"),
    [
        (b"{}", "the bundle has no entry"),
        (b"[1]", "expected an object"),
        (b'{"entry": [{"resource": {"resourceType": "Media"}}]}', "an entry has no name of this program"),
        (_bundle("pictures/../../../etc/passwd", 7), "no package of a case"),
        (_bundle("reports/none.pdf", 7), "no package of a case"),
        (_bundle("reports/none.pdf", []), "no package of a case"),
        (_bundle("reports/none.pdf", 10**9), "tells of more than it holds"),
    ],
)
def test_a_bundle_that_this_program_did_not_make_is_refused(
    package: Package, tmp_path: Path, bundle: bytes, words: str
) -> None:
    path = _changed(package, tmp_path / "other.zip", {"fhir.json": bundle})

    with pytest.raises(InputError, match=words):
        transaction_of_package(path)


def test_a_bundle_that_tells_one_file_a_thousand_times_is_refused(package: Package, tmp_path: Path) -> None:
    with zipfile.ZipFile(package.path) as archive:
        picture = next(info for info in archive.infolist() if info.filename.endswith("original.jpg"))
    path = _changed(package, tmp_path / "other.zip", {"fhir.json": _bundle(picture.filename, picture.file_size, 1000)})

    with pytest.raises(InputError, match="tells of more than it holds"):
        transaction_of_package(path)
