"""`python -m skinseg_demo.fhir`: a package that was exported or carried away, as a file that a FHIR server takes."""

from __future__ import annotations

from pathlib import Path

import click

from skinseg_demo.fhir.packed import transaction_of_package
from skinseg_edge.atomic_files import write_bytes_atomically
from skinseg_edge.command_line import Ui, command

__all__ = ["main"]


@command(
    "python -m skinseg_demo.fhir",
    "skinseg.fhir/1",
    examples=(
        "python -m skinseg_demo.fhir case-2026-0001-0123456789ab.zip -o case.json",
        "python -m skinseg_demo.fhir /media/stick/case-2026-0001-0123456789ab.zip -o case.json --force",
    ),
)
@click.argument("package", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Where the bundle is written.")
@click.option("--force", is_flag=True, help="Replace what is there.")
def main(ui: Ui, package: Path, output: Path, force: bool) -> int:
    """Write the FHIR transaction of a case in PACKAGE, a ZIP of the demo, with its photos and reports in it.

    The file holds pictures of a patient and is not encrypted; only this user may read it.
    """
    data = transaction_of_package(package)
    write_bytes_atomically(output, data, overwrite=force, mode=0o600)
    return ui.result({"bundle": str(output), "bytes": len(data)}, str(output))


if __name__ == "__main__":
    main()
