"""The Python of docs/triton.md."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[4] / "docs" / "triton.md"


def client_blocks() -> list[str]:
    """Return the page's blocks of Python: the client, the configuration of a plan."""
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
