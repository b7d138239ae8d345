"""One module a picture format: its signature, its header, and whether its bytes are all there.

Each has `recognises`, `read_header` and `check_whole`; none decodes a pixel. `picture_header` chooses among them by
content.
"""

__all__: list[str] = []
