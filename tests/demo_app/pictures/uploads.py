"""What a phone sends, for tests: pictures with everything in them that phones put there, and the requests."""

import io
import struct
from typing import Any

import cv2
import numpy as np
from flask.testing import FlaskClient
from numpy.typing import NDArray
from PIL import Image
from werkzeug.test import TestResponse

from tests.demo_app.browsers import ORIGIN, csrf_of

__all__ = ["DISC", "SECRETS", "disc_photo", "encoded", "exif_with_secrets", "multipart", "send_frame", "upload"]

SKIN, DISC = (205, 165, 146), (96, 60, 50)

# What no stored file may hold: names, serials, and the degrees of a place as EXIF's rationals and as XMP's words.
SECRETS = (
    b"SerialNo-4711",
    b"CameraMaker-Q",
    b"Nurse Njeri",
    struct.pack(">6I", 52, 1, 31, 1, 7, 1),  # 52 degrees 31' 7"
    b"52,31.1234N",
    b"http://ns.adobe.com",
    b"+02:00",
)
_TIME = "2026:11:20 08:30:00"


def disc_photo(hw: tuple[int, int] = (360, 480)) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Draw a dark disc off the middle of a photo that is not square: every turn and flip moves it."""
    mask = np.zeros(hw, np.uint8)
    cv2.circle(mask, (round(hw[1] * 0.36), round(hw[0] * 0.58)), round(min(hw) * 0.24), 1, -1)
    photo = np.where(mask[:, :, None] == 1, DISC, SKIN).astype(np.uint8)
    return photo, mask == 1


def encoded(pixels: NDArray[np.uint8], picture_format: str = "JPEG", **options: Any) -> bytes:
    """Encode as Pillow does; *options*: of its `save`."""
    out = io.BytesIO()
    if picture_format == "JPEG":
        options = {"quality": 95, "subsampling": 0, **options}
    Image.fromarray(pixels).save(out, picture_format, **options)
    return out.getvalue()


def exif_with_secrets(orientation: int = 1) -> Image.Exif:
    """Make an EXIF block with time, place, camera, serial number, owner and the time zone."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "CameraMaker-Q"
    exif[0x013B] = "Nurse Njeri"
    details = exif.get_ifd(0x8769)
    details[0x9003] = _TIME
    details[0x9010] = "+02:00"
    details[0xA431] = "SerialNo-4711"
    details[0x927C] = b"maker's notes with SerialNo-4711"
    place = exif.get_ifd(0x8825)
    place[1], place[2] = "N", (52.0, 31.0, 7.0)
    return exif


def upload(client: FlaskClient, data: bytes, name: str = "picture.jpg", **form: str) -> TestResponse:
    """Send a picture as the capture page does."""
    content_type, body = multipart(data, name, **form)
    headers = {"Origin": ORIGIN, "X-CSRF-Token": csrf_of(client), "Content-Type": content_type}
    return client.post("/api/pictures", base_url=ORIGIN, headers=headers, data=body)


def multipart(data: bytes, name: str = "picture.jpg", **form: str) -> tuple[str, bytes]:
    """Return the content type and the body of a form with a picture; werkzeug's own leaves a large one open."""
    boundary = "----skinseg-7d1f"
    fields = [f'name="{key}"\r\n\r\n{value}'.encode() for key, value in form.items()]
    fields.append(f'name="picture"; filename="{name}"\r\nContent-Type: image/jpeg\r\n\r\n'.encode() + data)
    parts = (f"--{boundary}\r\nContent-Disposition: form-data; ".encode() + field + b"\r\n" for field in fields)
    return f"multipart/form-data; boundary={boundary}", b"".join(parts) + f"--{boundary}--\r\n".encode()


def send_frame(client: FlaskClient, data: bytes) -> TestResponse:
    """Send a live frame as the guided camera does."""
    headers = {"Origin": ORIGIN, "X-CSRF-Token": csrf_of(client), "Content-Type": "image/jpeg"}
    return client.post("/api/frames", base_url=ORIGIN, headers=headers, data=data)
