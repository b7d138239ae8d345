"""An engine that is to be ready before a test begins."""

import time

from skinseg_demo.services import EngineService

__all__ = ["wait_until_settled"]


def wait_until_settled(engine: EngineService) -> None:
    """Wait until an engine that was started is ready or has failed, for a minute at most."""
    until = time.monotonic() + 60
    while engine.state in ("starting", "building"):
        assert time.monotonic() < until, "the network was not opened within a minute"
        time.sleep(0.01)
