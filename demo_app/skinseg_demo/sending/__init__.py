"""How cases leave the box: packed, handed to an endpoint, and tried again until it took them."""

from skinseg_demo.sending.endpoints import endpoint_from_text
from skinseg_demo.sending.sender import Sender

__all__ = ["Sender", "endpoint_from_text"]
