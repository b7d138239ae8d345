"""The settings that every session of ONNX Runtime is opened with."""

from typing import Any

from skinseg_runtime.engines.onnxruntime_providers import PROCESSOR
from skinseg_runtime.engines.onnxruntime_session import open_session
from tests.runtime.tiny_bundle import binary_model


def test_threads_sleep_while_the_next_photo_is_decoded() -> None:
    session: Any = open_session(binary_model(), "a model", 2, PROCESSOR)

    options = session.get_session_options()

    assert options.intra_op_num_threads == 2
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
