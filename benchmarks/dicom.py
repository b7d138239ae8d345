"""What a photograph in a DICOM file costs: to decode in each form, with pydicom's pixels; SEG and SR; a hostile head.

    python benchmarks/dicom.py PHOTO.jpg [--repeats 5]

Prints tables of processor time, medians. Needs the extra `dicom`.
"""

import argparse
import io
import statistics
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from skinseg_edge import image_io
from skinseg_edge.errors import PictureUnreadable
from skinseg_runtime.dicom import Network, objects_of_photo
from skinseg_runtime.measurements import measure
from tests.edge.drawn_dicom import dataset_of, encapsulated, file_of

EMPTY_ITEM = b"\xfe\xff\x00\xe0\x00\x00\x00\x00"
SEQUENCE_END = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
NETWORK = Network(name="benchmark", bundle_sha256="0" * 64)


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Measure reading and writing of DICOM files.")
    parser.add_argument("photo", type=Path, help="a JPEG photo")
    parser.add_argument("--repeats", type=int, default=5, help="runs a figure is the median of")
    arguments = parser.parse_args()
    jpeg = arguments.photo.read_bytes()
    photo = image_io.decode(jpeg).pixels
    plain = processor_ms(lambda: image_io.decode(jpeg), arguments.repeats)
    lines = [
        f"Photo of {photo.shape[1]} x {photo.shape[0]} px; the plain JPEG decodes in {plain:.0f} ms of processor.",
        "",
        "| DICOM file | MB | decode, ms | of the JPEG's | largest difference to pydicom, levels |",
        "| :-- | --: | --: | --: | --: |",
    ]
    for name, data in forms(photo, jpeg):
        ms = processor_ms(lambda data=data: image_io.decode(data), arguments.repeats)  # type: ignore[misc]  # bound at once
        lines.append(f"| {name} | {len(data) / 1e6:.1f} | {ms:.0f} | {ms / plain:.1f} | {apart_from_pydicom(data)} |")
    sys.stdout.write("\n".join([*lines, "", *objects(photo, arguments.repeats), "", *hostile_head()]) + "\n")


def processor_ms(work: Callable[[], object], repeats: int) -> float:
    """Return the median processor time of *work*, ms."""
    taken = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        taken.append((time.process_time() - started) * 1000)
    return statistics.median(taken)


def forms(photo: NDArray[np.uint8], jpeg: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the photo in each form."""
    yield "uncompressed, RGB", file_of(dataset_of(photo), syntax=ExplicitVRLittleEndian)
    luma = np.asarray(convert_color_space(photo, "RGB", "YBR_FULL"), np.uint8)
    yield "uncompressed, YBR_FULL", file_of(dataset_of(luma, photometric="YBR_FULL"))
    yield "the JPEG itself, YBR_FULL_422", encapsulated(dataset_of(photo), jpeg, JPEGBaseline8Bit, "YBR_FULL_422")
    for name, syntax in (("JPEG-LS", JPEGLSLossless), ("RLE", RLELossless)):
        dataset = dataset_of(photo)
        dataset.compress(syntax, generate_instance_uid=False)
        yield name, file_of(dataset, syntax=syntax)
    out = io.BytesIO()
    Image.fromarray(photo).save(out, "JPEG2000", no_jp2=True, mct=1, irreversible=False)
    yield "JPEG 2000, lossless", encapsulated(dataset_of(photo), out.getvalue(), JPEG2000Lossless, "YBR_RCT")


def apart_from_pydicom(data: bytes) -> int:
    """Return how far our pixels and pydicom's lie apart at most, levels of 255."""
    theirs = pydicom.dcmread(io.BytesIO(data)).pixel_array  # R, G, B: pydicom converts, too
    return int(np.abs(image_io.decode(data).pixels.astype(int) - theirs).max())


def objects(photo: NDArray[np.uint8], repeats: int) -> list[str]:
    """Measure SEG and SR of one ellipse on the photo."""
    drawn = np.zeros(photo.shape[:2], np.uint8)
    rows, columns = photo.shape[:2]
    cv2.ellipse(drawn, (columns // 2, rows // 2), (columns // 5, rows // 6), 30, 0, 360, 1, -1)
    mask = np.asarray(drawn == 1, np.bool_)
    lesions, data = measure(mask), file_of(dataset_of(photo))
    made = objects_of_photo(data, "photo", mask, lesions, NETWORK)  # once: highdicom is imported
    ms = processor_ms(lambda: objects_of_photo(data, "photo", mask, lesions, NETWORK), repeats)
    sizes = ", ".join(f"{len(one) / 1000:.0f} kB" for one in made.values())
    return [f"SEG and SR of one lesion take {ms:.0f} ms of processor and are {sizes}."]


def hostile_head() -> list[str]:
    """Measure what 4 MB of empty items in a sequence take before they are refused, here and in pydicom."""
    whole = file_of(dataset_of(np.zeros((8, 8, 3), np.uint8)))
    start = whole.index(b"\x08\x00\x08\x00CS")
    sequence = b"\x08\x00\x06\x00SQ\x00\x00\xff\xff\xff\xff" + EMPTY_ITEM * 500_000 + SEQUENCE_END
    data = whole[:start] + sequence + whole[start:]

    def ours() -> None:
        try:
            image_io.decode(data)
        except PictureUnreadable:
            return
        raise SystemExit("the hostile file was read")

    def theirs() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)

    return [
        f"A head of {len(data) / 1e6:.0f} MB of empty items takes {peak_mb(ours):.0f} MB here until it is refused, and "
        f"{peak_mb(theirs):.0f} MB when pydicom reads it."
    ]


def peak_mb(work: Callable[[], None]) -> float:
    """Return how much Python allocated at most while *work* ran, MB."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


if __name__ == "__main__":
    main()
