"""What every test may ask for."""

import os
import signal
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_works() -> None:
    # A shell starts what runs in its background with SIGINT ignored, and children inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real pictures: SKINSEG_DATA, else ../shared/data; the test is skipped where neither is there."""
    folder = Path(os.environ.get("SKINSEG_DATA") or _ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"needs real pictures: there is no folder {folder} (SKINSEG_DATA may name another)")
    return folder
