"""What the installed OpenCV was built with; the wheels of PyPI differ here from JetPack's and from each other."""

import os
import re
import sys
from collections.abc import Mapping

import cv2

from skinseg_edge.errors import ToolMissing

__all__ = ["check_gstreamer", "check_window"]

_GUI = re.compile(r"^\s*GUI:\s*(\S.*)?$", re.MULTILINE)
_GSTREAMER = re.compile(r"^\s*GStreamer:\s*YES", re.MULTILINE)


def check_gstreamer(name: str, build: str | None = None) -> None:
    """Check that this OpenCV reads GStreamer pipelines; *name*: the stream. *build*: OpenCV's own words about itself.

    Raises ToolMissing if it does not.
    """
    if not _GSTREAMER.search(build if build is not None else cv2.getBuildInformation()):
        raise ToolMissing(
            f"cannot open {name}: this OpenCV ({cv2.__version__}) was built without GStreamer, as all of PyPI's are; "
            "use the system's (JetPack and apt have it as python3-opencv, in a virtual environment made with "
            "--system-site-packages and without opencv-python-headless)"
        )


def check_window(
    build: str | None = None, environment: Mapping[str, str] | None = None, platform: str = sys.platform
) -> None:
    """Check that a window can be opened. *build*: OpenCV's own words; *environment*, *platform*: of this process.

    Raises ToolMissing if this OpenCV has no windows, or there is no screen for them.
    """
    found = _GUI.search(build if build is not None else cv2.getBuildInformation())
    if found is not None and (found.group(1) or "").strip().upper() == "NONE":
        raise ToolMissing(
            "cannot show frames: this OpenCV was built without windows; run pip uninstall opencv-python-headless, then "
            "pip install opencv-python, or leave --display out and --record instead"
        )
    given = os.environ if environment is None else environment
    # Without a screen, Qt ends the whole process.
    if platform.startswith("linux") and not (given.get("DISPLAY") or given.get("WAYLAND_DISPLAY")):
        raise ToolMissing(
            "cannot show frames: there is no screen (neither DISPLAY nor WAYLAND_DISPLAY is set); run it on the "
            "device's own desktop, or leave --display out and --record instead"
        )
