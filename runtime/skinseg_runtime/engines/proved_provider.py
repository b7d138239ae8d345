"""An engine of another provider than the processor's, opened and proved: its golden cases run before any photo does.

Such a provider has its own kernels, some of them in half precision or for a GPU, and nothing of it was accepted where
the bundle was made. The proof takes as long as 8 to 16 photos, so it is made at every opening and no record is kept.
"""

import logging
from contextlib import ExitStack

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import ParityFailed
from skinseg_edge.manifest_parts import Artefact
from skinseg_runtime.engine_build.proof import golden_failure
from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine
from skinseg_runtime.engines.onnxruntime_providers import Provider
from skinseg_runtime.segmenter import Segmenter
from skinseg_runtime.verification import golden_outcomes

__all__ = ["open_proved"]

_log = logging.getLogger(__name__)


def open_proved(
    bundle: Bundle, artefact: Artefact, provider: Provider, precision: str, threads: int | None
) -> OnnxRuntimeEngine:
    """Open *artefact* of *bundle*, its ONNX file in *precision*, on *provider*, and run the golden cases through it.

    Raises ToolMissing if the provider cannot run here, ParityFailed if its masks are not those of the bundle, and what
    `OnnxRuntimeEngine` raises.
    """
    engine = OnnxRuntimeEngine(
        bundle.read(artefact.path), bundle.contract, source=artefact.path, threads=threads, provider=provider
    )
    with ExitStack() as undo:
        undo.callback(engine.close)
        outcomes = list(golden_outcomes(bundle, Segmenter(bundle.contract, engine), precision=precision))
        failure = golden_failure(outcomes)
        if failure is not None:
            raise ParityFailed(
                f"cannot run {artefact.path} with the engine {provider.engine}: {failure}; use the engine onnxruntime "
                "or another precision"
            )
        undo.pop_all()
    _log.info("%s gave the masks of all %d golden cases", provider.engine, len(outcomes))
    return engine
