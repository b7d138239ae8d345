"""`coreml-check/` in a bundle: a Swift package that makes a real device's receipt of the bundle's Core ML packages.

The sources in `swift/` go into the bundle as they are; what they need to know they read from the manifest. With them go
the golden photos as the network sees them, so that no resizing of the device's stands between them and the model, and
the trained network's masks of these, which `skinseg-verify --receipt` compares with. Nobody has run the sources yet:
here they are only parsed.
"""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.bundle import BundleDraft
from skinseg_edge.contract import ModelContract
from skinseg_edge.image_io import decode, encode_png
from skinseg_edge.preprocessing import place, to_network_input
from skinseg_export.golden import Golden
from skinseg_runtime.device_receipt import CHECK_FOLDER, RESOURCES_FOLDER
from skinseg_runtime.postprocessing import PostProcessing, mask_from_probability

__all__ = ["add_swift_package", "write_swift_package"]

_SWIFT = Path(__file__).resolve().with_name("swift")
_AS_IT_COMES = PostProcessing(fill_holes=False, smallest_of_photo=0, smallest_of_largest=0)


def add_swift_package(draft: BundleDraft, contract: ModelContract, golden: Iterable[Golden]) -> None:
    """Put the Swift package into the bundle, as `write_swift_package` writes it."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / CHECK_FOLDER
        write_swift_package(folder, contract, golden)
        draft.add_folder(CHECK_FOLDER, folder)


def write_swift_package(folder: Path, contract: ModelContract, golden: Iterable[Golden]) -> None:
    """Write the Swift package to *folder*, which must not exist.

    *golden*: the bundle's golden cases, under the names they have there. Of each, `Resources/NAME.ppm` is the photo as
    the network sees it, (H, W, 3) RGB of the contract's input_hw, and `Resources/NAME.mask.png` the trained network's
    mask at that size, 0 or 255.

    Raises FileExistsError if the folder exists.
    """
    folder.mkdir(parents=True)
    # Named one by one, so that nothing travels that a Mac's tools have left between the sources.
    for source in (_SWIFT / "Package.swift", _SWIFT / "README.md", *sorted(_SWIFT.glob("Sources/*/*.swift"))):
        target = folder / source.relative_to(_SWIFT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    resources = folder / RESOURCES_FOLDER
    resources.mkdir()
    for case in golden:
        photo = decode(case.image, at_least_hw=contract.input_hw)
        seen = to_network_input(photo.pixels, contract, photo_hw=photo.full_hw).pixels
        (resources / f"{case.name}.ppm").write_bytes(_ppm(seen))
        (resources / f"{case.name}.mask.png").write_bytes(encode_png(_network_mask(case.probability, contract)))


def _network_mask(probability: NDArray[np.float32], contract: ModelContract) -> NDArray[np.bool_]:
    """Return (input rows, input columns) bool: what the device decides, before any cleaning.

    *probability*: (K, input rows, input columns) float32.
    """
    return mask_from_probability(probability, place(contract.input_hw, contract), contract, _AS_IT_COMES)


def _ppm(pixels: NDArray[np.uint8]) -> bytes:
    """Return (H, W, 3) uint8 RGB as a PPM file: plain bytes, which no system's colour management changes."""
    rows, columns, _ = pixels.shape
    return f"P6\n{columns} {rows}\n255\n".encode() + np.ascontiguousarray(pixels).tobytes()
