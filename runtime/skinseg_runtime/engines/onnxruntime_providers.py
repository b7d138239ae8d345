"""Where ONNX Runtime may compute: its providers, by the names that this project's engines have.

ONNX Runtime goes on with the processor where a provider is missing or cannot be set up, and says so on stderr at most.
A nurse would wait on a GPU that does nothing, so here that is an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from skinseg_edge.errors import ToolMissing
from skinseg_edge.known_names import unknown_name

__all__ = ["PROCESSOR", "PROVIDERS", "Provider", "provider_named"]


@dataclass(frozen=True, kw_only=True)
class Provider:
    """*engine*: how this project calls it. *onnx_name*: how ONNX Runtime does. *remedy*: how it is had.

    *fixed*: its options, in ONNX Runtime's spelling. *thread_option*: the option that takes a number of threads.
    """

    engine: str
    onnx_name: str
    remedy: str
    fixed: Mapping[str, str] = field(default_factory=dict)
    thread_option: str | None = None

    def options(self, threads: int) -> dict[str, str]:
        """Return the options of a session of *threads* threads."""
        return {**self.fixed, **({self.thread_option: str(threads)} if self.thread_option else {})}

    def check_available(self, available: Sequence[str]) -> None:
        """Check that this provider is one of those that the installed onnxruntime has.

        Raises ToolMissing if it is not.
        """
        if self.onnx_name not in available:
            raise ToolMissing(
                f"cannot run the engine {self.engine}: the onnxruntime that is installed has {', '.join(available)}, "
                f"expected {self.onnx_name}; {self.remedy}"
            )

    def check_first(self, used: Sequence[str], source: str) -> None:
        """Check that a session of the model *source* computes here first, *used* being its providers in order.

        Raises ToolMissing if it does not.
        """
        if not used or used[0] != self.onnx_name:
            raise ToolMissing(
                f"cannot run {source} with the engine {self.engine}: ONNX Runtime could not set {self.onnx_name} up "
                f"and would go on with {', '.join(used) or 'nothing'}, expected it first; {self.remedy}"
            )


PROCESSOR = Provider(
    engine="onnxruntime", onnx_name="CPUExecutionProvider", remedy="install it with 'pip install onnxruntime'"
)
_ONE_PACKAGE = "only one package of ONNX Runtime may be installed, so uninstall onnxruntime first"
PROVIDERS = (
    Provider(
        engine="onnxruntime-cuda",
        onnx_name="CUDAExecutionProvider",
        remedy=f"install it with 'pip install onnxruntime-gpu' beside CUDA 12 and cuDNN 9; {_ONE_PACKAGE}",
        fixed={"use_tf32": "0"},  # 10 bits of a number would not give the masks that were accepted
    ),
    Provider(
        engine="onnxruntime-tensorrt",
        onnx_name="TensorrtExecutionProvider",
        remedy=f"install it with 'pip install onnxruntime-gpu' beside CUDA 12 and TensorRT 10; {_ONE_PACKAGE}",
    ),
    Provider(
        engine="onnxruntime-coreml",
        onnx_name="CoreMLExecutionProvider",
        remedy="it comes with 'pip install onnxruntime' on macOS, and nowhere else",
    ),
    Provider(
        engine="onnxruntime-openvino",
        onnx_name="OpenVINOExecutionProvider",
        remedy=f"install it with 'pip install onnxruntime-openvino' (x86-64 Linux and Windows); {_ONE_PACKAGE}",
        fixed={"device_type": "CPU", "precision": "FP32"},
        thread_option="num_of_threads",
    ),
)


def provider_named(engine: str) -> Provider:
    """Return the provider of the engine "onnxruntime-cuda" and the like.

    Raises UnknownName if there is none.

    >>> provider_named("onnxruntime-openvino").onnx_name
    'OpenVINOExecutionProvider'
    """
    for provider in PROVIDERS:
        if provider.engine == engine:
            return provider
    raise unknown_name("engine", engine, [provider.engine for provider in PROVIDERS])
