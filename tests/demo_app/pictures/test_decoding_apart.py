"""The processes that decode: what takes one down takes nothing else with it."""

import os
import signal
import struct
import time
import zlib
from collections.abc import Iterator

import numpy as np
import pytest

from skinseg_demo.pictures.decoding_apart import DecodingProcesses
from skinseg_edge.errors import DeviceBusy, InputError, PictureTooLarge, PictureUnreadable
from skinseg_edge.image_io import decode
from tests.demo_app.pictures.uploads import disc_photo, encoded, exif_with_secrets

_MOST = 60_000_000
_PHOTO = disc_photo((120, 160))[0]


@pytest.fixture(scope="module")
def processes() -> Iterator[DecodingProcesses]:
    """One process."""
    made = DecodingProcesses(1)
    made.start()
    yield made
    made.stop()


def _chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def _png_of_nothing(width: int, height: int) -> bytes:
    """A small file with a great many black pixels, of 16 bits and four channels, as the largest in memory."""
    inflater = zlib.compressobj(1)
    rows = bytes((1 + width * 8) * 100)
    pixels = b"".join(inflater.compress(rows) for _ in range(height // 100)) + inflater.flush()
    header = struct.pack(">IIBBBBB", width, height, 16, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def test_it_gives_what_the_decoder_gives_and_a_copy_for_screens(processes: DecodingProcesses) -> None:
    data = encoded(_PHOTO, exif=exif_with_secrets(6))

    decoded = processes.decode(data, max_pixels=_MOST, working_side=80, as_png=True)

    np.testing.assert_array_equal(decoded.pixels, decode(data).pixels)
    np.testing.assert_array_equal(decode(decoded.png).pixels, decoded.pixels)
    assert decode(decoded.working_jpeg).full_hw == (80, 60)
    assert b"Exif" not in decoded.working_jpeg


def test_a_picture_smaller_than_the_screen_is_not_enlarged(processes: DecodingProcesses) -> None:
    decoded = processes.decode(encoded(_PHOTO), max_pixels=_MOST, working_side=2048)

    assert decode(decoded.working_jpeg).full_hw == (120, 160)


def test_a_bomb_is_refused_by_its_header(processes: DecodingProcesses) -> None:
    with pytest.raises(PictureTooLarge, match="its header says 3000 x 1000 = 3,000,000 pixels, the limit is 1,000,000"):
        processes.decode(_png_of_nothing(3000, 1000), max_pixels=1_000_000)


def test_what_needs_more_memory_than_allowed_is_refused_and_the_next_picture_is_decoded() -> None:
    narrow = DecodingProcesses(1, memory_bytes=700_000_000)
    bomb = _png_of_nothing(8000, 5000)  # 320 MB of pixels, from a file of 350 kB
    try:
        with pytest.raises(InputError, match=r"^cannot (read|decode) the picture: "):
            narrow.decode(bomb, max_pixels=_MOST)
        assert narrow.decode(encoded(_PHOTO), max_pixels=_MOST).pixels.shape == (120, 160, 3)
    finally:
        narrow.stop()


def test_a_damaged_picture_is_told_in_the_decoders_own_words(processes: DecodingProcesses) -> None:
    data = bytearray(encoded(_PHOTO, "PNG"))
    data[60] ^= 0xFF

    with pytest.raises(PictureUnreadable, match="does not match its checksum"):
        processes.decode(bytes(data), max_pixels=_MOST)


def test_a_picture_that_takes_too_long_is_given_up_and_the_next_one_decoded() -> None:
    hasty = DecodingProcesses(1, limit_s=0.001)  # no process starts as fast
    try:
        with pytest.raises(
            PictureUnreadable, match=r"it took longer than 0\.001 s, which no photo of a phone's camera"
        ):
            hasty.decode(encoded(_PHOTO), max_pixels=_MOST)
        hasty._children[0]._limit_s = 60
        assert hasty.decode(encoded(_PHOTO), max_pixels=_MOST).pixels.shape == (120, 160, 3)
    finally:
        hasty.stop()


def test_a_process_that_was_killed_is_replaced(processes: DecodingProcesses) -> None:
    before = processes._children[0].start()
    os.kill(before.pid, signal.SIGKILL)
    before.wait()

    assert processes.decode(encoded(_PHOTO), max_pixels=_MOST).pixels.shape == (120, 160, 3)
    assert processes._children[0].start().pid != before.pid


def test_a_frame_that_finds_no_free_process_is_dropped_and_a_picture_is_told_to_come_back() -> None:
    none = DecodingProcesses(0, limit_s=0.01)

    assert none.decode_if_idle(encoded(_PHOTO), max_pixels=_MOST) is None
    with pytest.raises(DeviceBusy, match="others are being decoded; send it again in some seconds"):
        none.decode(encoded(_PHOTO), max_pixels=_MOST)


def test_the_processes_end_when_they_are_told_to() -> None:
    made = DecodingProcesses(1)
    made.start()
    child = made._children[0].start()

    made.stop()

    assert child.returncode == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


def test_a_process_whose_server_is_gone_ends_by_itself() -> None:
    made = DecodingProcesses(1)
    child = made._children[0].start()
    assert child.stdin is not None

    child.stdin.close()

    until = time.monotonic() + 30
    while child.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    code = child.returncode
    made.stop()
    assert code == 0
