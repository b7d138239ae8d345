"""A DICOM file put together byte by byte, without pydicom: an RGB photograph of 8 bits, explicit little-endian."""

import struct

__all__ = ["dicom_photograph"]


def dicom_photograph(rows: int, columns: int, pixels: bytes, *, patient: bytes = b"") -> bytes:
    """Return a file of *pixels*, said to be *rows* x *columns*; *patient*: a name of even length."""
    # Each element: its group, its number, its kind and its value.
    elements = [
        (2, 0x10, b"UI", b"1.2.840.10008.1.2.1\0"),
        (8, 0x16, b"UI", b"1.2.840.10008.5.1.4.1.1.77.1.4"),
        *([(0x10, 0x10, b"PN", patient)] if patient else []),
        (0x28, 2, b"US", b"\3\0"),
        (0x28, 4, b"CS", b"RGB "),
        (0x28, 0x10, b"US", struct.pack("<H", rows)),
        (0x28, 0x11, b"US", struct.pack("<H", columns)),
        (0x28, 0x100, b"US", b"\x08\0"),
    ]
    written = (struct.pack("<HH2sH", *kind, len(value)) + value for *kind, value in elements)
    return (
        bytes(128) + b"DICM" + b"".join(written) + struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, len(pixels)) + pixels
    )
