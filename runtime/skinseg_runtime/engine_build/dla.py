"""The deep learning accelerators (DLA) of a Jetson Orin: where a network may run on one, and which layers then do.

An option for experts: a DLA spares the GPU and power, and is rarely faster. Where TensorRT has it and where not is from
NVIDIA's page "Working with DLA" of TensorRT 11.4.1. Nothing here was tried on a Jetson.
"""

from dataclasses import dataclass
from itertools import groupby

from skinseg_edge.errors import BuildFailed
from skinseg_runtime.engines.tensorrt_api import BuilderConfig, Layer, NetworkDefinition, TensorRt
from skinseg_runtime.engines.tensorrt_library import version_numbers
from skinseg_runtime.jetpack import JetPack

__all__ = ["DlaLayer", "DlaReport", "apply", "refusal"]

_ORIN = "tegra234"
_NO_DLA = {"tegra264": "Jetson Thor has none", "tegra194": "Jetson Xavier needs JetPack 5, which is not supported"}
# "Only 16 DLA loadables can be loaded concurrently per core": page "DLA Supported Layers and Restrictions".
_MOST_STRETCHES = 16
# Weights are no work; they go where the layers go that read them.
_NO_WORK = frozenset({"CONSTANT"})


@dataclass(frozen=True)
class DlaLayer:
    """*type*: NVIDIA's name of the kind, such as "CONVOLUTION"."""

    name: str
    type: str
    on_dla: bool


@dataclass(frozen=True)
class DlaReport:
    """Where each layer of a network may run, in the order of the network, as TensorRT says before it builds."""

    core: int
    layers: tuple[DlaLayer, ...]

    @property
    def fallen_back(self) -> tuple[DlaLayer, ...]:
        """The layers that stay on the GPU."""
        return tuple(layer for layer in self.layers if not layer.on_dla)

    @property
    def stretches(self) -> int:
        """How often the network enters the DLA; each is a program of its own, and a way there and back."""
        return sum(on_dla for on_dla, _ in groupby(layer.on_dla for layer in self.layers))

    @property
    def sentence(self) -> str:
        """Return the report in a line."""
        kept = len(self.layers) - len(self.fallen_back)
        return f"{kept} of {len(self.layers)} layers on DLA {self.core}, entered {self.stretches} times"

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`."""
        layers = [{"name": layer.name, "type": layer.type, "on_dla": layer.on_dla} for layer in self.layers]
        return {"core": self.core, "stretches": self.stretches, "layers": layers}


def refusal(
    tensorrt: str, board: JetPack | None, *, core: int = 0, engine: str = "trt", precision: str = "fp16"
) -> str | None:
    """Return why nothing can be built for a DLA here, as half a sentence; None if it can be tried.

    *tensorrt*: its version, such as "10.3.0". *board*: what `read_jetpack` gave. *core*: number of the DLA, from 0.
    *engine*, *precision*: what would be built.

    >>> refusal("10.16.2", None)
    'only a Jetson Orin has a DLA, and this is none'
    """
    if engine != "trt":
        return f"{engine} has no DLA, only the engine trt has"
    if precision == "fp32":
        return "a DLA computes in fp16 or int8, not in fp32"
    return _board_refusal(board, core) or _version_refusal(tensorrt, board)


def apply(trt: TensorRt, config: BuilderConfig, network: NetworkDefinition, core: int) -> DlaReport:
    """Send every layer that may to the DLA *core*, the rest to the GPU.

    Raises BuildFailed if an input has a free axis, if more layers would stay on the GPU than leave it, or if the
    network would enter the DLA more than 16 times.
    """
    _check_shapes(network, core)
    config.default_device_type = trt.DeviceType.DLA
    config.DLA_core = core
    config.set_flag(trt.BuilderFlag.GPU_FALLBACK)
    layers = [network.get_layer(index) for index in range(network.num_layers)]
    told = [DlaLayer(layer.name, _type(layer), bool(config.can_run_on_DLA(layer))) for layer in layers]
    report = DlaReport(core, tuple(layer for layer in told if layer.type not in _NO_WORK))
    _check_worth(report)
    return report


def _board_refusal(board: JetPack | None, core: int) -> str | None:
    if board is None:
        return "only a Jetson Orin has a DLA, and this is none"
    if board.soc is None:
        return "only a Jetson Orin has a DLA, and a container hides which Jetson this is: build on the board itself"
    if board.soc != _ORIN:
        return f"only a Jetson Orin has a DLA: {_NO_DLA.get(board.soc, f'this is a {board.soc}')}"
    if board.module is None:
        return None
    name, cores = board.module.name, board.module.dla_cores
    if not cores:
        return f"the {name} has no DLA, only Orin NX and AGX Orin have"
    return None if 0 <= core < cores else f"the {name} has the DLA cores 0 to {cores - 1}, and {core} was asked for"


def _version_refusal(tensorrt: str, board: JetPack | None) -> str | None:
    version = version_numbers(tensorrt)
    if version < (10, 0):
        return f"TensorRT {tensorrt} is not supported, the first that is, is 10.3"
    if version < (10, 8):
        return None
    if version < (11, 4, 1):
        return f"TensorRT {tensorrt} has no DLA on a Jetson: 10.7 was the last that had, 11.4.1 is the next that has"
    return _newest_refusal(tensorrt, board)


def _newest_refusal(tensorrt: str, board: JetPack | None) -> str | None:
    """From 11.4.1 on: AGX Orin alone, from JetPack 7.2.2 on."""
    name = board.module.name if board and board.module else (board.board if board else None) or ""
    if name and "AGX" not in name:
        return f"TensorRT {tensorrt} has DLA on AGX Orin alone, and this is a {name}"
    if board and board.jetpack and version_numbers(board.jetpack) < (7, 2, 2):
        return f"TensorRT {tensorrt} has DLA from JetPack 7.2.2 on, and this is JetPack {board.jetpack}"
    return None


def _check_shapes(network: NetworkDefinition, core: int) -> None:
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        if any(length < 0 for length in tensor.shape):
            raise BuildFailed(
                f"cannot build for DLA {core}: the input {tensor.name} has the shape {tuple(tensor.shape)} with a free "
                "axis, and a DLA runs fixed shapes only; build with one batch size, or leave --dla out"
            )


def _check_worth(report: DlaReport) -> None:
    if 2 * len(report.fallen_back) > len(report.layers):
        names = ", ".join(f"{layer.name} ({layer.type})" for layer in report.fallen_back)
        share = f"{len(report.fallen_back)} of {len(report.layers)}"
        raise BuildFailed(
            f"cannot build for DLA {report.core}: {share} layers would stay on the GPU, expected at most half: "
            f"{names}; leave --dla out, this network is not plain enough"
        )
    if report.stretches > _MOST_STRETCHES:
        raise BuildFailed(
            f"cannot build for DLA {report.core}: the network would enter it {report.stretches} times, expected at "
            f"most {_MOST_STRETCHES}, which is what a core can hold; leave --dla out"
        )


def _type(layer: Layer) -> str:
    return str(layer.type).rpartition(".")[2]
