"""The acceptance gate as an export uses it: on validation pictures where there are some, else on the golden ones."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from skinseg_edge.atomic_files import refusing_output_errors, write_bytes_atomically
from skinseg_edge.contract import ModelContract
from skinseg_edge.progress import Progress
from skinseg_export.acceptance import AcceptanceBench, scope_of, subjects_of_golden
from skinseg_export.artefacts import Artefacts, Checks
from skinseg_export.figures.side_by_side import side_by_side_png
from skinseg_export.golden import Golden
from skinseg_runtime import Segmenter
from skinseg_runtime.acceptance import Acceptance, Subject, judge
from skinseg_runtime.engines import Engine

__all__ = ["ExportGate", "write_worst"]

_COREML = ("int8", "int4", "palettized", "w8a8")
_JUDGED = ("onnx-fp16", "onnx-int8", "onnx-auto", "coreml", *(f"coreml-{precision}" for precision in _COREML))
_HELD_TO = {"int4": "int8", "palettized": "int8", "w8a8": "int8"}  # the limits of what has 8 bits or fewer


class ExportGate:
    """Judges artefacts and keeps what it found in *artefacts*: every report, and the worst pictures of a refusal.

    *bench*: validation pictures; None judges on *golden*. *is_trained*: untrained networks are not judged, for there is
    no right mask of theirs.
    """

    def __init__(
        self,
        contract: ModelContract,
        artefacts: Artefacts,
        golden: Sequence[Golden],
        bench: AcceptanceBench | None,
        progress: Progress,
        *,
        is_trained: bool,
    ) -> None:
        self._contract = contract
        self._artefacts = artefacts
        self._subjects: AcceptanceBench | Mapping[str, Subject]
        self._subjects = bench or {subject.name: subject for subject in subjects_of_golden(golden)}
        self._source = bench.source if bench is not None else "golden pictures, drawn"
        self._progress = progress
        self._is_trained = is_trained

    def accept(self, name: str, precision: str, engine: Engine) -> Checks:
        """Return the gate's figures of the artefact *name*, whose network runs in *engine*.

        *precision*: out of `export_options.PRECISIONS`; what has fewer than 8 bits is held to the limits of 8.

        Raises ParityFailed naming the first limit that is broken, and the worst picture.
        """
        if not self._is_trained:
            return {}
        subjects = self._subjects
        listed = subjects.subjects() if isinstance(subjects, AcceptanceBench) else subjects.values()
        with self._progress(len(subjects), f"acceptance of {name}") as advance, self._segmenter(engine) as segmenter:
            limits = _HELD_TO.get(precision, precision)
            acceptance = judge(segmenter, listed, precision=limits, advance=advance)
        return self.accept_judged(name, replace(acceptance, precision=precision), engine)

    def accept_judged(self, name: str, acceptance: Acceptance, engine: Engine) -> Checks:
        """Return the figures of *acceptance*, which judged the artefact *name* in *engine*.

        Raises ParityFailed naming the first limit that is broken, and the worst picture.
        """
        self._artefacts.add_acceptance(name, acceptance, source=self._source, scope=scope_of(self._contract))
        if not acceptance.passed:
            picture = self._artefacts.draw(
                f"picture of what {name} did worst on",
                lambda: side_by_side_png(acceptance, self._subjects, self._segmenter(engine)),
            )
            self._artefacts.worst.update({} if picture is None else {name: picture})
        acceptance.check(name)
        return self._artefacts.judged[name]

    def _segmenter(self, engine: Engine) -> Segmenter:
        return Segmenter(self._contract, engine)


def write_worst(folder: Path, worst: Mapping[str, bytes]) -> dict[str, Path]:
    """Write the worst pictures of refused artefacts, artefact -> PNG bytes, to *folder*, and return where each lies.

    What an earlier export wrote there goes away: its refusal is not this export's.

    Raises OutputRefused if the system refuses.
    """
    paths = {name: folder / f"{name}.png" for name in worst}
    with refusing_output_errors(folder):
        for name in _JUDGED:
            (folder / f"{name}.png").unlink(missing_ok=True)
        if not worst and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    for name, picture in worst.items():
        write_bytes_atomically(paths[name], picture)
    return paths
