"""What is known of a bundle's Core ML packages before an Apple device has seen them; as JSON and as a page."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from skinseg_export.tables import Cell, Table, markdown_of
from skinseg_export.targets.coreml.options import CoremlOptions
from skinseg_export.targets.coreml.structure import Structure

__all__ = ["REPORT_SCHEMA", "CoremlReport", "PackageReport"]

REPORT_SCHEMA = "skinseg.coreml-report/1"

_NOT_RUN = (
    "No Apple device has run these packages. Their numbers are those of the programs, evaluated operator by operator "
    "on the machine that made the bundle: weights, layout, normalisation, thresholds and the storage of every value "
    "are proved, Apple's kernels are not. `coreml-check/` makes a receipt of a device, "
    "`skinseg-verify --receipt` reads it."
)
_UNITS = "Compute units are chosen when a package is loaded (MLModelConfiguration.computeUnits); these are recommended."
_HELD = "Values that half precision cannot hold (beyond 32768 on the export's pictures) are computed in float32."
_FIGURES = ("max_error", "mean_error", "dice", "mean_dice", "worst_dice")


@dataclass(frozen=True)
class PackageReport:
    """One package of the bundle. *size*: of all its files, bytes. *kept*: values that stay in float32.

    *structure*: None if it could not be read. *checks*: the manifest's figures. *failure*: why it was refused, or "".
    """

    artefact: str
    path: str
    options: CoremlOptions
    size: int
    kept: tuple[str, ...]
    structure: Structure | None
    checks: Mapping[str, float | str | bool]
    failure: str = ""


@dataclass(frozen=True)
class CoremlReport:
    """*packages*: one or more. *coremltools*: the version that made them."""

    packages: tuple[PackageReport, ...]
    coremltools: str

    def to_json(self) -> dict[str, object]:
        """Return everything as plain values for `json.dumps`."""
        return {
            "schema": REPORT_SCHEMA,
            "coremltools": self.coremltools,
            "run_on_an_apple_device": False,
            "packages": [_package(each) for each in self.packages],
        }

    def page(self) -> str:
        """Return the page in Markdown: what the packages are, what was found, which operators they have."""
        tables = [_package_table(self.packages), _figure_table(self.packages), _operator_table(self.packages)]
        refused = [f"- **{each.artefact}**: {each.failure}" for each in self.packages if each.failure]
        ending = "\n## Refused\n\n" + "\n".join(refused) + "\n" if refused else ""
        return f"# Core ML\n\n{_NOT_RUN}\n\n{markdown_of(tables)}{ending}"

    def summary(self) -> str:
        """Say in one sentence what was made and found."""
        found = ", ".join(f"{each.path} {_verdict(each)}" for each in self.packages)
        kept = max(len(each.kept) for each in self.packages)
        words = f"; {kept} values that half precision cannot hold are computed in float32" if kept else ""
        return f"Core ML by evaluation of the programs, not on an Apple device: {found}{words} (coreml/report.md)"


def _verdict(each: PackageReport) -> str:
    if each.failure:
        return "failed"
    dice = each.checks.get("mean_dice", each.checks.get("dice"))
    return f"(Dice {dice:.4f})" if isinstance(dice, float) and each.options.precision != "fp32" else "(exact)"


def _package(each: PackageReport) -> dict[str, object]:
    structure = each.structure
    return {
        "artefact": each.artefact,
        "path": each.path,
        "precision": each.options.precision,
        "ios": each.options.ios,
        "bytes": each.size,
        "computed_in_float32": list(each.kept),
        "structure": None
        if structure is None
        else {
            "specification_version": structure.specification_version,
            "sizes": [list(size) for size in structure.sizes],
            "weights_bytes": structure.weights_bytes,
            "compute_units": structure.compute_units,
            "casts": structure.casts,
            "types": dict(structure.types),
            "operators": [asdict(use) for use in structure.operators],
        },
        "checks": dict(each.checks),
        "failure": each.failure,
    }


def _package_table(packages: Sequence[PackageReport]) -> Table:
    columns = ("package", "precision", "iOS from", "sizes", "MiB", "compute units", "casts", "in float32")
    rows = [_package_row(each) for each in packages]
    return Table("Packages", columns, tuple(rows), (_UNITS, _HELD))


def _package_row(each: PackageReport) -> tuple[Cell, ...]:
    size, structure = f"{each.size / 2**20:.2f}", each.structure
    head = (each.path, each.options.precision, each.options.ios)
    if structure is None:
        return (*head, None, size, None, None, len(each.kept))
    sizes = ", ".join(f"{rows} x {columns}" for rows, columns in structure.sizes)
    return (*head, sizes, size, structure.compute_units, structure.casts, len(each.kept))


def _figure_table(packages: Sequence[PackageReport]) -> Table:
    columns = (
        "package",
        "status",
        "max error of p",
        "mean error of p",
        "worst golden Dice",
        "gate: mean Dice",
        "gate: worst Dice",
    )
    rows = tuple((each.path, "failed" if each.failure else "verified", *_figures(each)) for each in packages)
    return Table("Against the trained network", columns, rows)


def _figures(each: PackageReport) -> tuple[Cell, ...]:
    found = (each.checks.get(name) for name in _FIGURES)
    return tuple(f"{value:.4g}" if isinstance(value, float) else None for value in found)


def _operator_table(packages: Sequence[PackageReport]) -> Table:
    uses: dict[str, dict[str, int]] = {}
    since: dict[str, int | None] = {}
    for each in packages:
        for use in each.structure.operators if each.structure else ():
            uses.setdefault(use.kind, {})[each.path] = use.count
            since[use.kind] = use.since
    rows = tuple((kind, since[kind], *(uses[kind].get(each.path) for each in packages)) for kind in sorted(uses))
    return Table("Operators", ("operator", "iOS from", *(each.path for each in packages)), rows)
