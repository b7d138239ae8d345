"""A picture's way through the box: received, stripped, decoded apart from the server, outlined, told as JSON."""

__all__: list[str] = []
