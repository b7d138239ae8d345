"""The GStreamer line of a camera on a Jetson's ribbon cable."""

from skinseg_runtime.video.stream_names import FrameSize

__all__ = ["csi_pipeline"]

_SIZE = FrameSize(1920, 1080, 30)  # which the IMX219 and the IMX477, the cameras of the developer kits, both have


def csi_pipeline(sensor: int, size: FrameSize | None = None) -> str:
    """Return the pipeline that NVIDIA's guide gives for OpenCV, with a sink that keeps the newest frame only.

    *sensor*: its number, 0 or 1 on a developer kit. The image processor (nvarguscamerasrc) gives NV12 in the GPU's
    memory; nvvidconv brings it to main memory, where OpenCV wants BGR (Jetson Linux Developer Guide, "Accelerated
    GStreamer").

    >>> csi_pipeline(1, FrameSize(1280, 720, 60)).split(" ! ")[:2]
    ['nvarguscamerasrc sensor-id=1', 'video/x-raw(memory:NVMM), width=1280, height=720, framerate=60/1, format=NV12']
    """
    asked = size or _SIZE
    return " ! ".join(
        (
            f"nvarguscamerasrc sensor-id={sensor}",
            f"video/x-raw(memory:NVMM), width={asked.width}, height={asked.height}, "
            f"framerate={asked.rate or _SIZE.rate}/1, format=NV12",
            "nvvidconv",
            "video/x-raw, format=BGRx",
            "videoconvert",
            "video/x-raw, format=BGR",
            "appsink drop=true max-buffers=1 sync=false",
        )
    )
