"""Pictures as phones and dermoscopes may take them, made from the ones at hand.

One warp moves, turns, scales, stretches, tilts and mirrors photo and mask together; then light, colour, focus and
compression change the photo alone. Everything is drawn from the generator that is passed in, so a picture's
augmentation depends on seed, epoch and index only, never on the number of workers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["NONE", "PAPER", "PHONE", "PHONE_AND_RING", "AugmentationPolicy", "augment"]

Photo = NDArray[np.uint8]

_SHADOW_SIDE = 64  # px; shadows are smooth, so they are drawn small and spread over the photo
_NORMAL_QUANTILES = np.array([NormalDist().inv_cdf((level + 0.5) / 256) for level in range(256)])


@dataclass(frozen=True, kw_only=True)
class AugmentationPolicy:
    """How far pictures may be changed. A probability of 0 switches a change off.

    *flip*: probability of mirroring left-right and up-down. *rotation*: probability of a turn, by up to
    *rotation_degrees*. *scale*: range of ordinary zoom (1 = unchanged, 2 = twice as large); *far_scale*, drawn with
    probability *far_probability*, covers lesions that are tiny or fill the frame.
    *stretch*: largest factor between the axes. *shift*: largest move, as a part of the side. *tilt*: largest move of
    a corner, as a part of the side, from holding a phone at an angle.
    *ring*: probability of the dark surround of a dermoscope, round and off centre, in which nothing is lesion.
    *light*: probability of each exposure, contrast, gamma and shadow change. *colour*: of a cast or saturation change.
    *blur*: of lost focus, shaking or low resolution. *noise*, *jpeg*: of sensor noise and of strong compression.
    """

    flip: tuple[float, float] = (0.0, 0.0)
    rotation: float = 0.0
    rotation_degrees: float = 180.0
    scale: tuple[float, float] = (1.0, 1.0)
    far_scale: tuple[float, float] = (1.0, 1.0)
    far_probability: float = 0.0
    stretch: float = 1.0
    shift: float = 0.0
    tilt: float = 0.0
    ring: float = 0.0
    light: float = 0.0
    colour: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    jpeg: float = 0.0


NONE = AugmentationPolicy()
PAPER = AugmentationPolicy(flip=(0.5, 0.5), rotation=0.5)
PHONE = AugmentationPolicy(
    flip=(0.5, 0.5),
    rotation=0.9,
    scale=(0.75, 1.35),
    far_scale=(0.3, 2.2),
    far_probability=0.2,
    stretch=1.4,
    shift=0.12,
    tilt=0.06,
    light=0.4,
    colour=0.4,
    blur=0.2,
    noise=0.2,
    jpeg=0.2,
)
PHONE_AND_RING = replace(PHONE, ring=0.3)


def augment(
    photo: Photo,
    mask: Photo,
    side: int,
    policy: AugmentationPolicy,
    rng: np.random.Generator,
    *,
    soft: bool = True,
    mirrored: Sequence[int] = (),
) -> tuple[Photo, Photo]:
    """Return a changed photo and mask, both *side* x *side* px.

    *photo*: (H, W, 3) uint8 RGB. *mask*: (H, W) uint8, 0 or 255. The mask comes back as (side, side) uint8 with soft
    edges (0 to 255). Unless *soft*, it holds class numbers, and each pixel takes the class it came from: between 2 and
    4 there is no 3. *mirrored*: what each class is in a mirror; a left cheek becomes a right one. () = what it was.
    Where the warp looks beyond the picture, photo and mask are both mirrored, so they still agree.
    """
    warp = _warp(photo.shape[:2], side, policy, rng)
    photo = _warped(photo, warp, side, cv2.INTER_LINEAR)
    mask = _warped(mask, warp, side, cv2.INTER_LINEAR if soft else cv2.INTER_NEAREST)
    if mirrored and np.linalg.det(warp) < 0:
        mask = np.asarray(mirrored, np.uint8)[mask]
    if rng.random() < policy.ring:
        photo, mask = _ring(photo, mask, rng)
    for change, probability in (
        (_light, policy.light),
        (_shadow, policy.light / 2),
        (_colour, policy.colour),
        (_blur, policy.blur),
        (_noise, policy.noise),
        (_jpeg, policy.jpeg),
    ):
        if rng.random() < probability:
            photo = change(photo, rng)
    return photo, mask


def _warp(hw: tuple[int, ...], side: int, policy: AugmentationPolicy, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the 3 x 3 matrix that carries picture coordinates to output coordinates."""
    rows, columns = hw[0], hw[1]
    far = rng.random() < policy.far_probability
    zoom = _log_uniform(policy.far_scale if far else policy.scale, rng)
    stretch = _log_uniform((1 / policy.stretch, policy.stretch), rng) ** 0.5
    turned = rng.random() < policy.rotation
    angle = np.deg2rad(rng.uniform(-policy.rotation_degrees, policy.rotation_degrees)) if turned else 0.0
    mirror_x = -1 if rng.random() < policy.flip[0] else 1
    mirror_y = -1 if rng.random() < policy.flip[1] else 1
    to_unit = np.array([[2 / columns, 0, -1], [0, 2 / rows, -1], [0, 0, 1]])
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    grow = np.diag([zoom * stretch * mirror_x, zoom / stretch * mirror_y, 1.0])
    move = np.eye(3)
    move[:2, 2] = rng.uniform(-2 * policy.shift, 2 * policy.shift, 2)
    tilt = np.eye(3)
    tilt[2, :2] = rng.uniform(-policy.tilt, policy.tilt, 2)
    # Pixel centres are at integers, so the unit square's edge lies half a pixel outside.
    half_in, half_out = _translation(0.5), _translation(-0.5)
    from_unit = np.array([[side / 2, 0, side / 2], [0, side / 2, side / 2], [0, 0, 1]])
    product: NDArray[np.float64] = half_out @ from_unit @ move @ tilt @ grow @ turn @ to_unit @ half_in
    return product


def _translation(offset: float) -> NDArray[np.float64]:
    return np.array([[1, 0, offset], [0, 1, offset], [0, 0, 1]], np.float64)


def _log_uniform(bounds: tuple[float, float], rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(bounds[0]), np.log(bounds[1]))))


def _warped(picture: Photo, warp: NDArray[np.float64], side: int, interpolation: int) -> Photo:
    changed = cv2.warpPerspective(picture, warp, (side, side), flags=interpolation, borderMode=cv2.BORDER_REFLECT_101)
    return changed.astype(np.uint8, copy=False)


def _ring(photo: Photo, mask: Photo, rng: np.random.Generator) -> tuple[Photo, Photo]:
    """Darken what lies outside a circle (an ellipse, once a photo has been stretched) and take it out of the mask."""
    y, x = _unit_square(photo.shape[:2])
    move_x, move_y = rng.uniform(-0.15, 0.15, 2).tolist()  # plain floats leave float32 as it is
    stretch = _log_uniform((0.75, 1.33), rng) ** 0.5
    radius = rng.uniform(0.85, 1.3)  # 1 touches the sides, 1.41 the corners
    distance = np.sqrt(((x - move_x) * stretch) ** 2 + ((y - move_y) / stretch) ** 2)
    seen = np.clip((radius - distance) / rng.uniform(0.01, 0.2) + 0.5, 0, 1)
    parts = np.rint(seen * 255).astype(np.uint8)  # bytes from here on: large float arrays cost more than sums on them
    surround = rng.uniform(0, 40, 3) * (rng.random() < 0.7)
    hidden = cv2.transform(255 - parts, surround[:, None] / 255)  # one channel becomes three
    lit = cv2.multiply(photo, cv2.merge([parts] * 3), scale=1 / 255)
    return np.asarray(cv2.add(lit, hidden), np.uint8), np.where(parts >= 128, mask, np.uint8(0))


def _unit_square(hw: tuple[int, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return rows (H, 1) and columns (1, W) from -1 to 1, float32, to be broadcast: far cheaper than a whole grid."""
    y = np.linspace(-1, 1, hw[0], dtype=np.float32)
    x = np.linspace(-1, 1, hw[1], dtype=np.float32)
    return y[:, None], x[None, :]


def _light(photo: Photo, rng: np.random.Generator) -> Photo:
    """Change exposure (up to 1/2 stop), contrast and gamma through one table of 256 levels."""
    levels = np.linspace(0, 1, 256)
    levels = np.clip(levels * 2 ** rng.uniform(-0.6, 0.5), 0, 1) ** np.exp(rng.uniform(-0.35, 0.35))
    levels = (levels - 0.5) * rng.uniform(0.7, 1.3) + 0.5
    return cv2.LUT(photo, np.clip(levels * 255, 0, 255).astype(np.uint8)).astype(np.uint8, copy=False)


def _shadow(photo: Photo, rng: np.random.Generator) -> Photo:
    """Darken towards one side or towards the corners, as a hand, a lamp or a lens does."""
    y, x = _unit_square((_SHADOW_SIDE, _SHADOW_SIDE))
    if rng.random() < 0.5:
        angle = rng.uniform(0, 2 * np.pi)
        fall = 0.5 + 0.5 * np.tanh(2 * (x * np.cos(angle) + y * np.sin(angle) + rng.uniform(-0.6, 0.6)))
    else:
        fall = np.clip((np.sqrt(x**2 + y**2) - rng.uniform(0.5, 1.0)) * 2, 0, 1)
    gain = (1 - rng.uniform(0.15, 0.7) * fall).astype(np.float32)
    whole = cv2.resize(gain, (photo.shape[1], photo.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.multiply(photo, cv2.merge([whole] * 3), dtype=cv2.CV_8U), np.uint8)


def _colour(photo: Photo, rng: np.random.Generator) -> Photo:
    """Change white balance and saturation: other lamps, other cameras, other skin."""
    gains = np.exp(rng.normal(0, 0.1, 3))
    saturation = rng.uniform(0.6, 1.4)
    # grey + saturation * (colour - grey), each channel times its gain, as one matrix.
    mixing = np.full((3, 3), (1 - saturation) / 3) + saturation * np.eye(3)
    return np.asarray(cv2.transform(photo, gains[:, None] * mixing), np.uint8)


def _blur(photo: Photo, rng: np.random.Generator) -> Photo:
    """Lose focus, shake, or drop resolution; each scaled to the side of the picture."""
    side = photo.shape[0]
    kind = rng.integers(3)
    if kind == 0:
        return cv2.GaussianBlur(photo, (0, 0), rng.uniform(0.3, 0.012 * side)).astype(np.uint8, copy=False)
    if kind == 1:
        length = int(rng.integers(3, max(4, side // 24)))
        kernel = cv2.warpAffine(
            np.outer(np.eye(length)[length // 2], np.ones(length)),
            cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), rng.uniform(0, 180), 1),
            (length, length),
        )
        return cv2.filter2D(photo, -1, kernel / kernel.sum()).astype(np.uint8, copy=False)
    smaller = max(16, int(side / rng.uniform(1.5, 3)))
    small = cv2.resize(photo, (smaller, smaller), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)


def _noise(photo: Photo, rng: np.random.Generator) -> Photo:
    """Add sensor noise: a random byte for each value, and a table of 256 quantiles that makes it normal."""
    strength = rng.uniform(2, 14)
    table = np.rint(_NORMAL_QUANTILES * strength).astype(np.int16)
    noise = cv2.LUT(rng.integers(0, 256, photo.shape, np.uint8), table)
    return np.asarray(cv2.add(photo, noise, dtype=cv2.CV_8U), np.uint8)


def _jpeg(photo: Photo, rng: np.random.Generator) -> Photo:
    _, coded = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 80))])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
