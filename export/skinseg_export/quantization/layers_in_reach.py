"""Which layers an export takes to 8 bits, and by which ranges: the same questions for trained and for fresh weights."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from skinseg_edge.contract import ModelContract
from skinseg_edge.networks.quantizable_layers import LayerChoice, quantizable_layers
from skinseg_edge.progress import Progress
from skinseg_edge.quantization_scales import LARGEST_REACH
from skinseg_export.export_options import ExportOptions
from skinseg_export.forked_answers import forked_answers
from skinseg_export.quantization.fingerprint import Fingerprint, fingerprint_of
from skinseg_export.quantization.measured_ranges import measured_ranges
from skinseg_export.quantization.preparation import Calibration
from skinseg_export.quantization.qdq import convolutions_of
from skinseg_export.quantization.ranges import Ranges
from skinseg_export.targets.onnx.build import OnnxFiles

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

__all__ = ["NO_LAYER", "LayersInReach", "layers_ahead", "layers_in_reach"]

NO_LAYER = "no layer of this network can be quantized: use fp16"


@dataclass(frozen=True)
class LayersInReach:
    """*choice*: of the network's layers. *convolutions*: layer -> its nodes of *single*, for those that it has.

    *fingerprint*: of the calibration pictures, the preprocessing and the graph.
    """

    single: "ModelProto"
    calibration: Calibration
    fingerprint: Fingerprint
    choice: LayerChoice
    convolutions: Mapping[str, Sequence["NodeProto"]]

    @property
    def names(self) -> tuple[str, ...]:
        """The layers that are quantized, in the network's order; none where no layer can be."""
        return tuple(layer for layer in self.choice.quantizable if layer in self.convolutions)

    def ranges(
        self,
        options: ExportOptions,
        training: Mapping[str, object],
        progress: Progress,
        *,
        largest: Mapping[str, float] | None = None,
    ) -> tuple[Ranges, str]:
        """Return the ranges of every input of theirs, by method, and a remark or "": see `measured_ranges`.

        Raises ToolMissing, InputError as it does.
        """
        return measured_ranges(
            self.convolutions,
            self.single,
            self.calibration.images,
            self.fingerprint,
            quantizer=options.quantizer,
            cache=options.calibration_cache,
            training=training,
            progress=progress,
            largest=largest,
        )


@contextmanager
def layers_ahead(network: nn.Module, contract: ModelContract) -> Iterator[Callable[[], LayerChoice]]:
    """Choose the layers of *network* that may be in 8 bits beside the block; what it gets waits for them.

    What the block gets raises what `quantizable_layers` does.
    """
    hw = contract.input_hw
    with forked_answers(lambda side: quantizable_layers(network, side), [hw]) as answers:
        yield lambda: (answers() or [quantizable_layers(network, hw)])[0]


def layers_in_reach(
    choice: LayerChoice, contract: ModelContract, files: OnnxFiles, calibration: Calibration
) -> LayersInReach:
    """Return which layers of *choice*, the network's, are taken to 8 bits, and their convolutions in its fp32 file.

    Raises InputError if a picture for calibration cannot be used.
    """
    single = files.single.typed_source
    choice = _within_reach(choice, files)
    return LayersInReach(
        single=single,
        calibration=calibration,
        fingerprint=fingerprint_of(calibration.pictures, contract, single.SerializeToString()),
        choice=choice,
        convolutions=convolutions_of(single, choice.quantizable),
    )


def _within_reach(choice: LayerChoice, files: OnnxFiles) -> LayerChoice:
    """Leave alone what reads values that no step of half precision takes to 8 bits, or that are not finite."""
    reaches = {} if files.scan is None else files.scan.reaches
    makers = {name: node.name for node in files.single.typed_source.graph.node for name in node.output}
    far: dict[str, str] = {}
    for layer, nodes in convolutions_of(files.single.typed_source, choice.quantizable).items():
        reach = max(reaches.get(makers.get(node.input[0], ""), 0.0) for node in nodes)
        if not reach <= LARGEST_REACH:
            far[layer] = f"its input reaches {reach:.3g} on calibration pictures, 8 bits at most {LARGEST_REACH:.3g}"
    quantizable = tuple(layer for layer in choice.quantizable if layer not in far)
    return LayerChoice(quantizable=quantizable, left_alone={**choice.left_alone, **far})
