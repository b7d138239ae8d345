"""Live frames over HTTP: answered at once or dropped, never queued, never kept."""

from flask import Blueprint, Response, jsonify, request

from skinseg_demo.pages.api_description import documented
from skinseg_demo.pages.described_pictures import FRAME
from skinseg_demo.pages.pictures import outlining
from skinseg_demo.refusals import Refused
from skinseg_demo.security.rate_limits import rate_limited
from skinseg_demo.security.roles import for_phones
from skinseg_edge.errors import PictureTooLarge

__all__ = ["blueprint", "frame"]

blueprint = Blueprint("frames", __name__)

_FRAME_BYTES = 400_000


@blueprint.post("/api/frames")
@for_phones
@documented(FRAME)
@rate_limited("live frames", 900, 60)
def frame() -> Response:
    """Return outlines and hints for a small JPEG.

    Raises Refused with 503 if a picture is being outlined, PictureTooLarge or PictureUnreadable if it is no such frame.
    """
    request.max_content_length = _FRAME_BYTES + 1
    jpeg = request.get_data()
    if len(jpeg) > _FRAME_BYTES:
        raise PictureTooLarge(
            f"cannot outline the frame: it has more than {_FRAME_BYTES // 1000} kB; send a smaller one"
        )
    answer = outlining().outline_frame(jpeg)
    if answer is None:
        raise Refused(
            503, "FrameDropped", "cannot outline this frame: the box is at a picture; send the next", retry_after_s=1
        )
    return jsonify(answer.to_json())
