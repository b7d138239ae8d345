"""Hides in child processes what FAKE_DEVICE says is not installed; Python runs this file at its start."""

import ctypes
import sys

try:
    from tests.fake_device.absence import hide
    from tests.fake_device.fake_libcuda import library_opener
    from tests.fake_device.settings import settings_from
except ImportError:  # a child without this repository on its path wants none of it
    pass
else:
    ctypes.CDLL = library_opener(ctypes.CDLL)  # type: ignore[assignment, misc]  # for the whole child
    sys.meta_path.insert(0, hide(settings_from().missing))
