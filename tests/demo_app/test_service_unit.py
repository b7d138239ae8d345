"""The unit of systemd, which no test can start here."""

import configparser
from pathlib import Path

from skinseg_demo.serving.server import GRACE_S

_UNIT = Path(__file__).resolve().parent.parent.parent / "docs" / "demo" / "skinseg-demo.service"


def test_the_service_comes_back_is_shut_in_and_has_time_to_finish() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names keep their capitals
    unit.read_string(_UNIT.read_text(encoding="utf-8"))

    service = unit["Service"]

    assert (service["Restart"], service["ProtectSystem"], service["User"]) == ("always", "strict", "skinseg")
    assert service["Environment"] == f"SKINSEG_STATE_DIR=/var/lib/{service['StateDirectory']}"
    assert (service["StateDirectoryMode"], service["UMask"]) == ("0700", "0077")
    assert int(service["TimeoutStopSec"]) > GRACE_S
