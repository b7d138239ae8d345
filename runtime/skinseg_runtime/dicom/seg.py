"""The outline of a photograph as a DICOM Segmentation (PS3.3, A.51): one bit a pixel, a segment a lesion."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skinseg_edge._version import __version__
from skinseg_edge.errors import ContractInvalid
from skinseg_runtime.dicom.identity import MANUFACTURER, Network, uid_of
from skinseg_runtime.dicom.source import body_sites, moment_of
from skinseg_runtime.measurements import Lesion

if TYPE_CHECKING:
    from highdicom.seg import SegmentDescription
    from pydicom.dataset import Dataset

__all__ = ["MOST_SEGMENTS", "finished", "labels_of", "seg_from"]

MOST_SEGMENTS = 16
"""More lesions share the last segment: each segment takes the whole picture's bits."""

_SERIES_NUMBER = 9001


def seg_from(mask: NDArray[np.bool_], lesions: Sequence[Lesion], source: Dataset, network: Network) -> Dataset:
    """Write *mask*, (H, W) bool, as a BINARY Segmentation of the photograph *source*.

    *lesions*: the regions of the mask, the largest first, as `Segmentation.lesions` has them. Each is a segment, of
    which the union is the mask, bit for bit; from the 16th on they share one. A mask without lesion gives one segment
    without a pixel. *source*: from `source_from`. *network*: what outlined it.

    Raises ContractInvalid if the mask has other rows and columns than the photograph.
    """
    from highdicom.seg import Segmentation

    if mask.shape != (source.Rows, source.Columns):
        raise ContractInvalid(
            f"cannot write a segmentation: the mask is {mask.shape}, the photograph {(source.Rows, source.Columns)}; "
            "give the mask of this photograph"
        )
    packed = hashlib.sha256(np.packbits(mask).tobytes()).hexdigest()
    instance = uid_of("seg", source.SOPInstanceUID, *network.parameters.values(), packed)
    dataset = Segmentation(
        source_images=[source],
        pixel_array=_numbered(mask, lesions),
        segmentation_type="BINARY",
        segment_descriptions=_descriptions(labels_of(lesions), source, network, instance),
        series_instance_uid=uid_of("seg series", source.SeriesInstanceUID, network.bundle_sha256),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=instance,
        instance_number=source.InstanceNumber,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=network.title,
        software_versions=__version__,
        device_serial_number=network.bundle_sha256[:64],
        content_label="LESION_OUTLINE",
        content_description="Outline by a network; a measuring aid, not a diagnosis",
        series_description="Lesion outline",
        omit_empty_frames=False,
    )
    dataset.PatientOrientation = source.PatientOrientation
    organization = uid_of("dimensions", instance)  # highdicom draws one, which would be another each time
    for item in (*dataset.DimensionOrganizationSequence, *dataset.DimensionIndexSequence):
        item.DimensionOrganizationUID = organization
    return finished(dataset, source)


def labels_of(lesions: Sequence[Lesion]) -> list[str]:
    """Return what each segment is called, in order."""
    if not lesions:
        return ["No lesion outlined"]
    names = [f"Lesion {number}" for number in range(1, len(lesions) + 1)]
    if len(names) <= MOST_SEGMENTS:
        return names
    return [*names[: MOST_SEGMENTS - 1], f"Lesions {MOST_SEGMENTS} to {len(names)}"]


def finished(dataset: Dataset, source: Dataset) -> Dataset:
    """Give an object its photograph's alphabet, and its moment, so that the same one comes out whenever it is made.

    Where the photograph tells no moment, that of making stays.
    """
    dataset.SpecificCharacterSet = source.SpecificCharacterSet
    moment = moment_of(source)
    if moment is not None:
        dataset.ContentDate, dataset.ContentTime = moment
        for keyword in ("InstanceCreationDate", "InstanceCreationTime"):
            if keyword in dataset:
                delattr(dataset, keyword)
        for item in dataset.get("ContributingEquipmentSequence", []):
            if "ContributionDateTime" in item:
                item.ContributionDateTime = f"{moment.date}{moment.time}"
    return dataset


def _numbered(mask: NDArray[np.bool_], lesions: Sequence[Lesion]) -> NDArray[np.uint8]:
    """Number each pixel with its segment, from 1; 0 is background."""
    numbers = mask.astype(np.uint8) * np.uint8(min(max(len(lesions), 1), MOST_SEGMENTS))
    for number, lesion in enumerate(lesions[: MOST_SEGMENTS - 1], start=1):
        x0, y0, x1, y1 = lesion.box
        numbers[y0:y1, x0:x1][lesion.region] = number
    return numbers


def _descriptions(labels: Sequence[str], source: Dataset, network: Network, instance: str) -> list[SegmentDescription]:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentDescription
    from pydicom.sr.codedict import codes

    algorithm = AlgorithmIdentificationSequence(
        name=network.title,
        family=codes.cid7162.ArtificialIntelligence,
        version=network.version,
        source=MANUFACTURER,
        parameters=network.parameters,
    )
    return [
        SegmentDescription(
            segment_number=number,
            segment_label=label,
            segmented_property_category=codes.cid7150.MorphologicallyAbnormalStructure,
            segmented_property_type=codes.cid7159.Lesion,
            algorithm_type="AUTOMATIC",
            algorithm_identification=algorithm,
            tracking_uid=uid_of("lesion", instance, str(number)),
            tracking_id=label,
            anatomic_regions=body_sites(source) or [codes.SCT.Skin],
        )
        for number, label in enumerate(labels, start=1)
    ]
