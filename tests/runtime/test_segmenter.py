"""The walk from a photo to its mask, and that every door leads to the same one."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import skinseg_runtime.segmenter as segmenter_module
from skinseg_edge.bundle import Bundle
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import (
    BundleUnusable,
    ContractInvalid,
    FileMissing,
    IntegrityFailed,
    PictureTooLarge,
    PictureUnreadable,
)
from skinseg_edge.image_io import Picture, decode, encode_png
from skinseg_edge.metrics import iou
from skinseg_runtime import Segmenter
from tests.runtime.tiny_bundle import photo_and_mask, three_class_model, write_bundle


def jpeg(pixels: NDArray[np.uint8], orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=92, exif=exif)
    return stream.getvalue()


def test_a_photo_gives_its_mask_at_its_own_size(bundle: Path) -> None:
    photo, mask = photo_and_mask()
    with Segmenter.open(bundle) as segmenter:
        result = segmenter.segment(photo)

    assert result.mask.shape == (240, 320)
    assert result.mask.dtype == np.bool_
    assert iou(result.mask, mask) > 0.97  # the network sees 96 x 64 of 320 x 240 pixels
    assert result.probability.shape == (240, 320)
    assert result.probability.dtype == np.float32
    assert np.array_equal(result.probability >= 0.5, result.mask)
    assert result.network_probability.shape == (1, 64, 96)
    assert result.photo_hw == (240, 320)
    assert [lesion.area_px for lesion in result.lesions] == [int(result.mask.sum())]
    assert np.array_equal(result.class_map, result.mask.astype(np.uint8))


def test_every_step_is_timed(bundle: Path) -> None:
    photo, _ = photo_and_mask()
    timings = Segmenter.open(bundle).segment(photo).timings_ms
    assert list(timings) == ["decode", "preprocess", "inference", "postprocess"]
    assert all(0 <= ms < 60_000 for ms in timings.values())


def test_a_path_its_bytes_and_its_pixels_give_the_same_mask(bundle: Path, tmp_path: Path) -> None:
    photo, _ = photo_and_mask()
    path = tmp_path / "mole.png"
    path.write_bytes(encode_png(photo))
    segmenter = Segmenter.open(bundle)

    masks = [segmenter.segment(source).mask for source in (path, str(path), path.read_bytes(), photo)]

    assert all(np.array_equal(mask, masks[0]) for mask in masks)


def test_what_is_at_photo_size_is_made_only_when_asked_for(bundle: Path) -> None:
    photo, _ = photo_and_mask()
    result = Segmenter.open(bundle).segment(photo)
    assert not {"probability", "class_map", "_outcome"} & set(vars(result))
    assert result.mask is result.mask


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_turned_by_any_exif_tag_gives_the_same_mask_in_the_same_place(bundle: Path, orientation: int) -> None:
    # A large photo, so that it is decoded at a reduced scale on the way.
    photo, mask = photo_and_mask((720, 960))
    stored = {
        1: photo,
        2: photo[:, ::-1],
        3: photo[::-1, ::-1],
        4: photo[::-1],
        5: photo.transpose(1, 0, 2),
        6: np.rot90(photo, 1),
        7: np.rot90(photo.transpose(1, 0, 2), 2),
        8: np.rot90(photo, -1),
    }[orientation]
    data = jpeg(np.ascontiguousarray(stored), orientation)
    segmenter = Segmenter.open(bundle)

    turned, upright = segmenter.segment(data), segmenter.segment(jpeg(photo))

    assert turned.photo_hw == (720, 960)
    assert iou(turned.mask, upright.mask) > 0.99
    assert iou(turned.mask, mask) > 0.97
    (lesion,) = turned.lesions
    assert lesion.centroid == pytest.approx(upright.lesions[0].centroid, abs=2)


def test_a_camera_photo_is_decoded_small_and_measured_large(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo, mask = photo_and_mask((1536, 2048))
    seen: list[Picture] = []

    def watched(source: bytes, *, at_least_hw: tuple[int, int], max_pixels: int) -> Picture:
        seen.append(decode(source, at_least_hw=at_least_hw, max_pixels=max_pixels))
        return seen[-1]

    monkeypatch.setattr(segmenter_module, "decode", watched)
    result = Segmenter.open(bundle).segment(jpeg(photo))

    assert seen[0].reduction == 8
    assert seen[0].pixels.shape == (192, 256, 3)
    assert result.mask.shape == (1536, 2048)
    assert iou(result.mask, mask) > 0.97


def test_several_threads_share_one_segmenter(bundle: Path) -> None:
    photos = [np.roll(photo_and_mask()[0], shift, axis=1) for shift in range(0, 40, 4)]
    segmenter = Segmenter.open(bundle)
    alone = [segmenter.segment(photo).mask for photo in photos]
    with ThreadPoolExecutor(4) as pool:
        together = [result.mask for result in pool.map(segmenter.segment, photos)]
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))


def test_a_network_of_several_classes_gives_a_class_map(tmp_path: Path) -> None:
    contract = ModelContract(input_hw=(64, 96), classes=("background", "red", "blue"))
    folder = write_bundle(tmp_path / "three.skinseg", contract=contract, model=three_class_model(), golden=None)
    photo = np.full((128, 192, 3), 30, np.uint8)
    photo[20:60, 20:80, 0] = 220
    photo[70:120, 100:180, 2] = 220

    result = Segmenter.open(folder).segment(photo)

    assert (result.class_map[25:55, 25:75] == 1).all()
    assert (result.class_map[75:115, 105:175] == 2).all()
    assert np.array_equal(result.mask, result.class_map > 0)
    assert [lesion.centroid[0] > 90 for lesion in result.lesions] == [True, False]


class Constant:
    """An engine of another making: no base class, the shape is enough."""

    name = "constant"

    def __init__(self, input_hw: tuple[int, int] = (32, 32), classes: int = 1) -> None:
        self.input_hw = input_hw
        self.classes = classes
        self.closed = False

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        assert images.flags.c_contiguous
        return np.full((len(images), self.classes, *self.input_hw), 0.75, np.float32)

    def close(self) -> None:
        self.closed = True


def test_any_engine_of_the_right_shape_serves_and_is_closed() -> None:
    engine = Constant()
    with Segmenter(ModelContract(input_hw=(32, 32)), engine) as segmenter:
        # A photo of the input's size is not resized: the turned array must still arrive contiguous.
        assert segmenter.segment(np.zeros((32, 32, 3), np.uint8).transpose(1, 0, 2)).mask.all()
    assert engine.closed


@pytest.mark.parametrize("engine", [Constant((32, 48)), Constant(classes=2)])
def test_an_engine_that_does_not_fit_the_contract_is_refused_with_both_shapes(engine: Constant) -> None:
    with pytest.raises(ContractInvalid, match=r"its input is \(32, .*the contract says \(32, 32\) with 1"):
        Segmenter(ModelContract(input_hw=(32, 32)), engine)


def test_an_open_bundle_serves_as_well_as_its_path(bundle: Path) -> None:
    assert Segmenter.open(Bundle.open(bundle)).contract == ModelContract(input_hw=(64, 96))


def test_a_trusted_key_that_comes_too_late_is_refused_and_not_ignored(bundle: Path) -> None:
    with pytest.raises(ValueError, match=r"tiny\.skinseg is open already, too late for a trusted key"):
        Segmenter.open(Bundle.open(bundle), trusted_key=b"any key")


def test_untrained_weights_are_refused_unless_asked_for(tmp_path: Path) -> None:
    fresh = write_bundle(tmp_path / "fresh.skinseg", trained=False)
    with pytest.raises(BundleUnusable, match=r"its network is untrained.*; export a trained checkpoint"):
        Segmenter.open(fresh)
    Segmenter.open(fresh, allow_untrained=True).close()


def test_a_model_that_was_swapped_is_refused_before_it_is_loaded(bundle: Path) -> None:
    (bundle / "model.onnx").write_bytes(three_class_model())
    with pytest.raises(IntegrityFailed, match=r"model\.onnx"):
        Segmenter.open(bundle)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((9, 9), np.uint8), r"\(9, 9\) uint8, expected \(H, W, 3\) uint8 RGB"),
        (np.zeros((9, 9, 4), np.uint8), r"\(9, 9, 4\)"),
        (np.zeros((0, 9, 3), np.uint8), r"\(0, 9, 3\)"),
        (np.zeros((9, 9, 3), np.float32), "float32"),
    ],
)
def test_an_array_that_is_no_photo_is_refused(bundle: Path, array: NDArray[np.uint8], words: str) -> None:
    with pytest.raises(PictureUnreadable, match=words):
        Segmenter.open(bundle).segment(array)


def test_bad_files_are_refused_by_kind(bundle: Path, photo: Path, tmp_path: Path) -> None:
    segmenter = Segmenter.open(bundle)
    with pytest.raises(FileMissing, match=r"nowhere\.jpg"):
        segmenter.segment(tmp_path / "nowhere.jpg")
    with pytest.raises(PictureUnreadable):
        segmenter.segment(b"")
    with pytest.raises(PictureUnreadable):
        segmenter.segment(photo.read_bytes()[:-400])
    segmenter.max_pixels = 1000
    with pytest.raises(PictureTooLarge, match="1,000"):
        segmenter.segment(photo)


def test_a_real_photo_of_camera_size_gives_at_a_reduced_scale_what_it_gives_whole(
    bundle: Path, real_data: Path
) -> None:
    path = real_data / "full_size" / "ISIC_0014302.jpg"  # 4288 x 2848
    segmenter = Segmenter.open(bundle)
    whole = decode(path)

    reduced_mask, whole_mask = segmenter.segment(path).mask, segmenter.segment(whole.pixels).mask

    assert reduced_mask.shape == whole.full_hw == (2848, 4288)
    assert iou(reduced_mask, whole_mask) > 0.98
