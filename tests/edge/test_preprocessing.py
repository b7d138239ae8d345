"""Where a photo meets the network's input, and the way back, at sizes that divide badly."""

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract, ResizeRule
from skinseg_edge.metrics import dice
from skinseg_edge.preprocessing import (
    Placement,
    place,
    resize_pixels,
    to_network_input,
    to_network_labels,
    to_network_mask,
)

RULES: list[ResizeRule] = ["stretch", "letterbox", "crop"]
ODD_SIZES = [(97, 131), (131, 97), (257, 255), (333, 1001), (1001, 333), (64, 64), (31, 17)]


def contract_of(resize: ResizeRule, input_hw: tuple[int, int] = (64, 64), pad_value: int = 128) -> ModelContract:
    return ModelContract(input_hw=input_hw, resize=resize, pad_value=pad_value)


def disc(hw: tuple[int, int], centre_xy: tuple[float, float], radius: float) -> NDArray[np.bool_]:
    y, x = np.mgrid[: hw[0], : hw[1]]
    inside: NDArray[np.bool_] = (x - centre_xy[0]) ** 2 + (y - centre_xy[1]) ** 2 <= radius**2
    return inside


def as_photo(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.repeat(np.where(mask, np.uint8(255), np.uint8(0))[:, :, None], 3, axis=2)


@pytest.mark.parametrize(
    ("resize", "photo_hw", "input_hw", "photo_box", "input_box"),
    [
        ("stretch", (97, 131), (64, 64), (0, 0, 97, 131), (0, 0, 64, 64)),
        # 64 / 131 x 97 = 47.4 rows, so 47; 17 rows of border: 8 above, 9 below.
        ("letterbox", (97, 131), (64, 64), (0, 0, 97, 131), (8, 0, 55, 64)),
        ("letterbox", (131, 97), (64, 64), (0, 0, 131, 97), (0, 8, 64, 55)),
        ("letterbox", (50, 50), (64, 96), (0, 0, 50, 50), (0, 16, 64, 80)),
        # One row of 5000 columns would get 0.01 rows; it keeps one.
        ("letterbox", (1, 5000), (64, 64), (0, 0, 1, 5000), (31, 0, 32, 64)),
        # The whole short side, and as much of the long one.
        ("crop", (97, 131), (64, 64), (0, 17, 97, 114), (0, 0, 64, 64)),
        ("crop", (131, 97), (64, 64), (17, 0, 114, 97), (0, 0, 64, 64)),
        # Scale is max(64 / 100, 96 / 200) = 0.64: 100 rows and 150 columns are seen.
        ("crop", (100, 200), (64, 96), (0, 25, 100, 175), (0, 0, 64, 96)),
        ("crop", (1, 5000), (64, 64), (0, 2499, 1, 2500), (0, 0, 64, 64)),
    ],
)
def test_placement(
    resize: ResizeRule,
    photo_hw: tuple[int, int],
    input_hw: tuple[int, int],
    photo_box: tuple[int, int, int, int],
    input_box: tuple[int, int, int, int],
) -> None:
    assert place(photo_hw, contract_of(resize, input_hw)) == Placement(photo_hw, input_hw, photo_box, input_box)


@pytest.mark.parametrize("resize", RULES)
@pytest.mark.parametrize("photo_hw", [*ODD_SIZES, (1, 1), (1, 900), (900, 1), (2, 3)])
def test_every_size_fills_its_box_and_comes_back_whole(resize: ResizeRule, photo_hw: tuple[int, int]) -> None:
    contract = contract_of(resize, (64, 48))
    photo = np.full((*photo_hw, 3), 200, np.uint8)

    network_input = to_network_input(photo, contract)

    assert network_input.pixels.shape == (64, 48, 3)
    assert network_input.pixels.flags.c_contiguous
    top, left, bottom, right = network_input.placement.input_box
    assert (network_input.pixels[top:bottom, left:right] == 200).all()
    assert network_input.placement.to_photo(np.ones((64, 48), np.float32)).shape == photo_hw


@pytest.mark.parametrize("resize", RULES)
@pytest.mark.parametrize("photo_hw", ODD_SIZES)
def test_a_disc_returns_from_the_network_to_where_it_was(resize: ResizeRule, photo_hw: tuple[int, int]) -> None:
    contract = contract_of(resize, (256, 256))
    centre = (photo_hw[1] * 0.5 + 1, photo_hw[0] * 0.5 - 2)
    lesion = disc(photo_hw, centre, 0.3 * min(photo_hw))

    seen = to_network_input(as_photo(lesion), contract)
    returned = seen.placement.to_photo(seen.pixels[:, :, 0].astype(np.float32) / np.float32(255))

    there = returned >= 0.5
    assert dice(there, lesion) > 0.98
    # No drift: half a pixel of the coarser of the two grids would show here.
    moved = np.argwhere(there).mean(axis=0) - np.argwhere(lesion).mean(axis=0)
    coarser = max(1.0, max(photo_hw) / 256)
    assert np.abs(moved).max() < 0.2 * coarser


def test_a_level_ramp_returns_without_an_offset() -> None:
    # Level = column: after shrinking by 4 and back, the middle is unchanged if pixel centres are kept.
    ramp = np.repeat(np.tile(np.arange(256, dtype=np.uint8), (64, 1))[:, :, None], 3, axis=2)
    contract = contract_of("stretch", (64, 64))

    seen = to_network_input(ramp, contract)
    returned = seen.placement.to_photo(seen.pixels[:, :, 0].astype(np.float32))

    assert np.abs(returned[:, 8:-8] - ramp[:, 8:-8, 0]).max() <= 1.0


def test_letterbox_borders_have_the_level_of_the_contract() -> None:
    seen = to_network_input(np.zeros((10, 40, 3), np.uint8), contract_of("letterbox", (64, 64), pad_value=77))

    assert (seen.pixels[:24] == 77).all()
    assert (seen.pixels[24:40] == 0).all()
    assert (seen.pixels[40:] == 77).all()


def test_what_the_network_says_about_the_border_does_not_reach_the_photo() -> None:
    placement = place((10, 40), contract_of("letterbox", (64, 64)))
    network_map = np.ones((64, 64), np.float32)
    network_map[24:40] = 0

    assert placement.to_photo(network_map).max() == 0


def test_what_a_crop_leaves_out_is_no_lesion() -> None:
    placement = place((40, 100), contract_of("crop", (64, 64)))

    returned = placement.to_photo(np.ones((64, 64), np.float32))

    assert (returned[:, 30:70] == 1).all()
    assert returned[:, :30].max() == returned[:, 70:].max() == 0


@pytest.mark.parametrize("resize", RULES)
@pytest.mark.parametrize("photo_hw", [(801, 1203), (1203, 801), (799, 799)])
def test_a_reduced_decoding_is_placed_as_the_whole_photo(resize: ResizeRule, photo_hw: tuple[int, int]) -> None:
    contract = contract_of(resize, (128, 128))
    lesion = disc(photo_hw, (photo_hw[1] * 0.45, photo_hw[0] * 0.55), 0.25 * min(photo_hw))
    photo = as_photo(lesion)
    reduced = resize_pixels(photo, (-(-photo_hw[0] // 4), -(-photo_hw[1] // 4)))  # rounded up, as libjpeg does

    from_whole, from_reduced = to_network_input(photo, contract), to_network_input(reduced, contract, photo_hw=photo_hw)

    assert from_reduced.placement == from_whole.placement
    assert np.abs(from_reduced.pixels.astype(int) - from_whole.pixels).mean() < 1.0
    returned = from_reduced.placement.to_photo(from_reduced.pixels[:, :, 0].astype(np.float32) / np.float32(255))
    assert dice(returned >= 0.5, lesion) > 0.98


def test_shrinking_averages_so_that_fine_stripes_become_grey() -> None:
    stripes = np.zeros((640, 640, 3), np.uint8)
    stripes[:, ::2] = 255

    assert np.abs(resize_pixels(stripes, (64, 64)).astype(int) - 128).max() <= 1


def test_shrinking_averages_even_while_the_other_axis_grows() -> None:
    stripes = np.zeros((40, 640, 3), np.uint8)
    stripes[:, ::2] = 255

    assert np.abs(resize_pixels(stripes, (64, 64)).astype(int) - 128).max() <= 1


def test_growing_is_bilinear() -> None:
    edge = np.array([[0, 100]], np.uint8)

    # Pixel centres of four columns over two: -0.25, 0.25, 0.75, 1.25, held at the ends.
    assert resize_pixels(edge, (1, 4)).tolist() == [[0, 25, 75, 100]]


def test_a_photo_of_the_inputs_size_is_not_touched() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)

    for resize in RULES:
        assert np.array_equal(to_network_input(photo, contract_of(resize)).pixels, photo)


@pytest.mark.parametrize(
    ("shape", "dtype"), [((8, 8), np.uint8), ((8, 8, 4), np.uint8), ((8, 8, 3), np.float32), ((0, 8, 3), np.uint8)]
)
def test_what_is_no_rgb_photo_is_refused_with_its_shape(shape: tuple[int, ...], dtype: type) -> None:
    with pytest.raises(ValueError, match=r"a photo is \(H, W, 3\) uint8 with H, W > 0; got \("):
        to_network_input(np.zeros(shape, dtype), contract_of("stretch"))


def test_a_map_of_another_size_is_refused_with_both_shapes() -> None:
    with pytest.raises(ValueError, match=r"the map is \(32, 32\), the network's input is \(64, 64\)"):
        place((100, 100), contract_of("stretch")).to_photo(np.zeros((32, 32), np.float32))


@pytest.mark.parametrize("resize", ["stretch", "letterbox", "crop"])
@pytest.mark.parametrize("photo_hw", [(90, 150), (151, 89), (64, 64)])
def test_a_mask_goes_where_its_photo_goes(resize: ResizeRule, photo_hw: tuple[int, int]) -> None:
    contract = ModelContract(input_hw=(64, 64), resize=resize, pad_value=0)
    mask = np.zeros(photo_hw, np.bool_)
    mask[20:70, 30:80] = True
    white = np.where(mask[..., None], np.uint8(255), np.uint8(0)).repeat(3, axis=2)
    assert np.array_equal(to_network_mask(mask, contract), to_network_input(white, contract).pixels[..., 0])


@pytest.mark.parametrize("resize", RULES)
@pytest.mark.parametrize("photo_hw", [*ODD_SIZES, (1, 1), (1, 900), (900, 1)])
def test_a_class_map_goes_where_its_photo_goes(resize: ResizeRule, photo_hw: tuple[int, int]) -> None:
    contract = contract_of(resize, (64, 48), pad_value=0)
    lesion = disc(photo_hw, (photo_hw[1] * 0.45, photo_hw[0] * 0.55), 0.25 * min(photo_hw))

    labels = to_network_labels(lesion.astype(np.uint8) * np.uint8(5), contract)

    seen = to_network_input(as_photo(lesion), contract).pixels[:, :, 0]
    assert labels.shape == (64, 48)
    assert labels.flags.c_contiguous
    assert set(np.unique(labels)) <= {0, 5}
    assert (labels[seen == 255] == 5).all()
    assert (labels[seen == 0] == 0).all()


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (16, list(range(16))),
        (48, list(range(1, 48, 3))),  # the middle one of each three
        (32, list(range(1, 32, 2))),  # the centre lies between two: the right-hand one
        (8, [n // 2 for n in range(16)]),
        (1, [0] * 16),
    ],
)
def test_a_class_is_taken_from_under_the_pixels_centre(width: int, expected: list[int]) -> None:
    row = np.arange(width, dtype=np.uint8)[None, :]
    assert to_network_labels(row, contract_of("stretch", (16, 16)))[7].tolist() == expected
    assert to_network_labels(row.T, contract_of("stretch", (16, 16)))[:, 7].tolist() == expected


def test_borders_of_a_class_map_are_background_and_a_crop_shows_its_middle() -> None:
    tall = np.full((20, 10), 3, np.uint8)
    assert to_network_labels(tall, contract_of("letterbox", (16, 16)))[0].tolist() == [0] * 4 + [3] * 8 + [0] * 4
    tall[:5], tall[15:] = 1, 2
    assert np.unique(to_network_labels(tall, contract_of("crop", (16, 16)))).tolist() == [3]


@pytest.mark.parametrize(
    ("shape", "dtype"), [((8, 8, 3), np.uint8), ((8, 8), np.int64), ((8, 8), np.bool_), ((0, 8), np.uint8)]
)
def test_what_is_no_class_map_is_refused_with_its_shape(shape: tuple[int, ...], dtype: type) -> None:
    with pytest.raises(ValueError, match=r"a class map is \(H, W\) uint8 with H, W > 0; got \("):
        to_network_labels(np.zeros(shape, dtype), contract_of("stretch"))
