"""The measurements of a photograph as a DICOM Structured Report: TID 1500, with a planar region of the SEG a lesion."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from skinseg_edge._version import __version__
from skinseg_edge.picture_formats.dicom_names import DERMOSCOPIC
from skinseg_runtime.dicom.identity import MANUFACTURER, Network, uid_of
from skinseg_runtime.dicom.seg import finished, labels_of
from skinseg_runtime.dicom.source import body_sites
from skinseg_runtime.measurements import Lesion

if TYPE_CHECKING:
    from highdicom.sr import Measurement, ObservationContext, PlanarROIMeasurementsAndQualitativeEvaluations
    from pydicom.dataset import Dataset
    from pydicom.sr.coding import Code

__all__ = ["WORDING", "sr_from"]

WORDING = "A measuring aid, not a diagnosis."
"""The sentence that every report holds."""

_SERIES_NUMBER = 9002


class _Figure(NamedTuple):
    """A *value* of what *keyword* names in CID 7469 and 7470 of PS3.16; *unit*: mm, mm2 or {pixels}."""

    keyword: str
    value: float
    unit: str


class _Entry(NamedTuple):
    """What is reported of a segment: its *number* in the SEG, its *label* and its *figures*."""

    number: int
    label: str
    figures: tuple[_Figure, ...]


def sr_from(lesions: Sequence[Lesion], seg: Dataset, source: Dataset, network: Network) -> Dataset:
    """Report the sizes of *lesions*, the largest first, whose outlines are in *seg*.

    *lesions*: with a scale (`measurements.completed`) in mm and mm2, else in pixels. *seg*, *source*: from `seg_from`
    and `source_from`. Long and short axis are the largest and the smallest distance between two parallel lines that
    enclose the lesion, the perimeter is Crofton's: see `measurements.Lesion`. Of lesions that share a segment the sum
    of their areas is told. Without a lesion the one area is 0.
    """
    from highdicom.sr import ComprehensiveSR, MeasurementReport
    from pydicom.sr.codedict import codes

    entries = _entries(lesions)
    report = MeasurementReport(
        observation_context=_observer(network),
        procedure_reported=(
            codes.SCT.DermoscopicPhotography if source.SOPClassUID == DERMOSCOPIC else codes.SCT.PhotographyOfPatient
        ),
        imaging_measurements=[_group(entry, seg, source, network) for entry in entries],
        title=codes.cid7021.ImagingMeasurementReport,
    )
    words = _words(lesions)
    _append_comment(report[0], words)
    dataset = ComprehensiveSR(
        evidence=[source, seg],
        content=report[0],
        series_instance_uid=uid_of("sr series", source.SeriesInstanceUID, network.bundle_sha256),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=uid_of("sr", seg.SOPInstanceUID, words, json.dumps(entries)),
        instance_number=source.InstanceNumber,
        manufacturer=MANUFACTURER,
        is_complete=True,
        manufacturer_model_name=network.title,
        software_versions=__version__,
        device_serial_number=network.bundle_sha256[:64],
        series_description="Lesion measurements",
    )
    return finished(dataset, source)


def _entries(lesions: Sequence[Lesion]) -> list[_Entry]:
    labels = labels_of(lesions)
    last = len(labels)
    return [
        _Entry(number, label, _figures(lesions[number - 1 :] if number == last else [lesions[number - 1]]))
        for number, label in enumerate(labels, start=1)
    ]


def _figures(lesions: Sequence[Lesion]) -> tuple[_Figure, ...]:
    in_mm = bool(lesions) and all(lesion.area_mm2 is not None for lesion in lesions)
    area = sum((lesion.area_mm2 or 0.0) if in_mm else lesion.area_px for lesion in lesions)
    figures = [_Figure("Area", round(float(area), 2), "mm2" if in_mm else "{pixels}")]
    if len(lesions) == 1:
        for keyword, name in (("LongAxis", "max_diameter"), ("ShortAxis", "min_diameter"), ("Perimeter", "perimeter")):
            value: float = getattr(lesions[0], f"{name}_{'mm' if in_mm else 'px'}")
            figures.append(_Figure(keyword, round(float(value), 2), "mm" if in_mm else "{pixels}"))
    return tuple(figures)


def _group(
    entry: _Entry, seg: Dataset, source: Dataset, network: Network
) -> PlanarROIMeasurementsAndQualitativeEvaluations:
    from highdicom import sr
    from pydicom.sr.codedict import codes

    described = seg.SegmentSequence[entry.number - 1]
    algorithm = sr.AlgorithmIdentification(
        network.title, network.version, [f"{name}={value}" for name, value in network.parameters.items()]
    )
    frame = sr.ReferencedSegmentationFrame(
        seg.SOPClassUID,
        seg.SOPInstanceUID,
        frame_number=entry.number,
        segment_number=entry.number,
        source_image=sr.SourceImageForSegmentation(source.SOPClassUID, source.SOPInstanceUID),
    )
    # Of a reference to a frame the segment's number is no part (PS3.3, table C.18.4-1); dciodvfy calls it an error.
    del frame[0].ReferencedSOPSequence[0].ReferencedSegmentNumber
    return sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(described.TrackingUID, entry.label),
        referenced_segment=frame,
        finding_type=codes.cid7159.Lesion,
        finding_sites=[sr.FindingSite(site) for site in body_sites(source) or [codes.SCT.Skin]],
        algorithm_id=algorithm,
        measurements=[_measurement(figure) for figure in entry.figures],
    )


def _measurement(figure: _Figure) -> Measurement:
    from highdicom import sr
    from pydicom.sr.codedict import codes

    concept: Code = getattr(codes.SCT, figure.keyword)
    return sr.Measurement(name=concept, value=figure.value, unit=_unit(figure.unit))


def _unit(name: str) -> Code:
    from pydicom.sr.codedict import codes
    from pydicom.sr.coding import Code

    known = {"mm": codes.UCUM.Millimeter, "mm2": codes.UCUM.SquareMillimeter}
    return known.get(name) or Code("{pixels}", "UCUM", "pixels")


def _observer(network: Network) -> ObservationContext:
    """Tell the network as the device that observed."""
    from highdicom import sr
    from pydicom.sr.codedict import codes

    device = sr.DeviceObserverIdentifyingAttributes(
        uid=uid_of("device", network.bundle_sha256),
        name=network.title,
        manufacturer_name=MANUFACTURER,
        model_name=network.title,
        serial_number=network.bundle_sha256[:64],
    )
    return sr.ObservationContext(observer_device_context=sr.ObserverContext(codes.DCM.Device, device))


def _words(lesions: Sequence[Lesion]) -> str:
    """Say what the report is not, and how sure its sizes are."""
    if not lesions:
        return f"{WORDING} The network outlined no lesion, which does not say that there is none."
    scale, error = lesions[0].scale, lesions[0].relative_error
    if scale is None or error is None:
        return f"{WORDING} Sizes are in pixels of the photograph: its scale is not known."
    return (
        f"{WORDING} Scale: {scale.source}, {scale.mm_per_px:.6g} mm per pixel; a length is up to {error:.0%} longer or "
        "shorter by that alone, and what the outline is off comes on top."
    )


def _append_comment(container: Dataset, words: str) -> None:
    """Add a text to the report, as its template is extensible (TID 1500)."""
    from highdicom.sr import TextContentItem
    from pydicom.sr.codedict import codes

    container.ContentSequence.append(TextContentItem(name=codes.DCM.Comment, value=words, relationship_type="CONTAINS"))
