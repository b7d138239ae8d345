"""The report on a bundle's TensorRT files as a page, and as the one sentence that a command says."""

from collections.abc import Mapping, Sequence

from skinseg_export.tables import Cell, Table, markdown_of
from skinseg_export.targets.tensorrt.engine_text import EngineText
from skinseg_export.targets.tensorrt.operators import ParserReport
from skinseg_export.targets.tensorrt.report import FileReport, TensorRtReport

__all__ = ["page_of", "summary_of"]

_NOT_RUN = "Nothing here has run on a GPU: an engine's masks and its speed are found on the device, by `skinseg-build`."
_DOCUMENTED = "Parsers of TensorRT: by their documentation, which is no proof. TensorRT-RTX parsed and built for real."
_UNDOCUMENTED = "Kernels are read from text inside the engine that NVIDIA does not document; a next release may differ."
_COMPUTED = "documented, but run on no Jetson; a DLA takes none. Files in half precision and 8 bits store theirs."
_ON_THE_DEVICE = "`skinseg-build` builds and proves an engine on the device. NVIDIA's own tool builds the same:"
_NOT_READABLE = "not readable"
_MEMORY = ("activation_bytes", "weights_bytes", "scratch_bytes")


def page_of(report: TensorRtReport) -> str:
    """Return the page in Markdown: who reads the files, what their engines hold, how a device builds them.

    *report* has one file or more.
    """
    tables = [_parser_table(report.files), _engine_table(report), *_eight_bit_tables(report.files)]
    lines = "\n".join(str(each.plan["equivalent"]) for each in report.files)
    commands = f"**On the device**\n\n{_ON_THE_DEVICE}\n\n```text\n{lines}\n```\n"
    return f"# TensorRT\n\n{_NOT_RUN}\n\n{markdown_of(tables)}\n{commands}"


def summary_of(report: TensorRtReport) -> str:
    """Say in one sentence what the report finds; it has one file or more."""
    against = [
        f"{each.path} on {parser.version}"
        for each in report.files
        for parser in each.parsers
        if not parser.is_supported
    ]
    versions = ", ".join(parser.version for parser in report.files[0].parsers)
    parsers = (
        f"its documentation speaks against {', '.join(against)}"
        if against
        else f"every file is documented to be read by {versions}"
    )
    built = next((each for each in report.files if each.size is not None), None)
    engine = "" if built is None else f"; the engine of {built.path} has {_arithmetic(built.kernels)}"
    return f"TensorRT: {parsers}{engine} (tensorrt/report.md)"


def _parser_table(files: Sequence[FileReport]) -> Table:
    parsers = files[0].parsers
    columns = ("file", "opset", *(f"TensorRT {parser.version}" for parser in parsers))
    rows: list[tuple[Cell, ...]] = [
        (each.path, each.parsers[0].opset, *map(_shortened, each.parsers)) for each in files
    ]
    sources = (f"{parser.version}: {parser.source}" for parser in parsers)
    computed = (
        f"{each.path} computes the kernel of {each.computed_kernels} convolutions for each picture: {_COMPUTED}"
        for each in files
        if each.computed_kernels
    )
    return Table("Who reads the files", columns, tuple(rows), (_DOCUMENTED, *sources, *computed))


def _shortened(parser: ParserReport) -> str:
    if len(parser.restricted) <= 1:
        return parser.words()
    return f"{parser.restricted[0]}, and {len(parser.restricted) - 1} more nodes (report.json)"


def _engine_table(report: TensorRtReport) -> Table:
    targets = ", ".join(report.compute_capabilities)
    title = f"Engines of TensorRT-RTX {report.rtx_version or '(not installed)'} for compute capability {targets}"
    memory = ("activation MiB", "weights MiB", "scratch MiB")
    columns = ("file", "engine MiB", *memory, "kernels by type", "what multiplies, by type")
    return Table(title, columns, tuple(_engine_row(each) for each in report.files), (_UNDOCUMENTED,))


def _engine_row(each: FileReport) -> tuple[Cell, ...]:
    if each.size is None:
        return (each.path, None, None, None, None, None, each.why_none)
    memory = each.memory or {}
    kernels = _NOT_READABLE if each.kernels is None else _counted(each.kernels.types())
    sizes = (each.size, *(memory.get(name) for name in _MEMORY))
    return (each.path, *map(_mib, sizes), kernels, _arithmetic(each.kernels))


def _arithmetic(kernels: EngineText | None) -> str:
    if kernels is None:
        return f"kernels that are {_NOT_READABLE}"
    return "; ".join(f"{kind}s: {_counted(types)}" for kind, types in kernels.arithmetic().items()) or "none"


def _counted(types: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in types.items())


def _mib(size: int | None) -> str | None:
    return None if size is None else f"{size / 2**20:.2f}"


def _eight_bit_tables(files: Sequence[FileReport]) -> list[Table]:
    rows: list[tuple[Cell, ...]] = []
    for each in files:
        bits = each.eight_bits
        if bits is not None:
            others = ", ".join(f"{name} ({type_})" for name, type_ in bits.others.items()) or "none"
            rows.append((each.path, bits.ordered, bits.ordered - len(bits.others), others))
    return [Table("What runs in 8 bits", ("file", "ordered", "in 8 bits", "others"), tuple(rows))] if rows else []
