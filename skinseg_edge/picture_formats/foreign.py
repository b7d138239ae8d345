"""The names of formats that are not read here, so that whoever holds such a file learns what it is."""

__all__ = ["foreign_name"]

_PHONE = "; on the phone choose the camera format 'Most Compatible', or save the picture as JPEG"
_CONVERT = "; save it as JPEG or PNG"
# The brands of ISO base media files ("ftyp" at byte 4), the frame of HEIC, AVIF and of most videos.
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_BEGINNINGS = (
    (b"GIF8", "a GIF", _CONVERT),
    (b"%PDF", "a PDF document", "; save the picture in it as JPEG or PNG"),
    (b"\xff\x0a", "a JPEG XL picture", _CONVERT),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture", _CONVERT),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture", _CONVERT),
    (b"PK\x03\x04", "a ZIP archive", "; unpack it"),
    (b"<", "a web page or drawing in text form", "; download or save the picture itself"),
)


def foreign_name(data: bytes) -> tuple[str, str] | None:
    """Return what *data* is and what to do about it ("; ..."), or None for bytes that nobody here knows."""
    if data[4:8] == b"ftyp":
        return _iso_media(data)
    return next(((what, advice) for beginning, what, advice in _BEGINNINGS if data.startswith(beginning)), None)


def _iso_media(data: bytes) -> tuple[str, str]:
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, min(int.from_bytes(data[:4], "big"), 256), 4))}
    if brands & {b"avif", b"avis"}:
        return "an AVIF picture", _CONVERT
    if brands & set(_HEIC_BRANDS):
        return "a HEIC picture, as iPhones take them", _PHONE
    return "a video", "; save a frame of it as JPEG or PNG"
