"""The groundwork of a bundle: the exported graph, torch's answers, and the files that every target is made of.

Torch's exporter keeps one core busy for seconds; what is asked of the network later is computed beside it.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_edge.networks.quantizable_layers import LayerChoice
from skinseg_edge.preprocessing import to_network_input
from skinseg_edge.progress import Progress
from skinseg_export.acceptance import AcceptanceBench
from skinseg_export.export_options import ExportOptions
from skinseg_export.golden import (
    GOLDEN_COUNT,
    Golden,
    Pictures,
    drawn_pictures,
    golden_from_pictures,
    spread_photos,
)
from skinseg_export.onnx_from_torch import OnnxExport, onnx_from_torch
from skinseg_export.parity import UNTRAINED_NOISE, named_pictures, noise_pictures
from skinseg_export.quantization.layers_in_reach import layers_ahead
from skinseg_export.quantization.preparation import Calibration, Sources, sources_of
from skinseg_export.quantization.untrained import drawn_calibration
from skinseg_export.targets.onnx.build import OnnxFiles, onnx_files
from skinseg_export.torch_engine import TorchEngine
from skinseg_runtime import Segmenter

__all__ = ["Groundwork"]


@dataclass
class Groundwork:
    """What an export begins with. *scratch*: an empty folder that goes away with it."""

    checkpoint: Checkpoint
    options: ExportOptions
    progress: Progress
    scratch: Path

    @property
    def identity(self) -> dict[str, str]:
        """What every artefact says about where it comes from."""
        return {"network": self.checkpoint.network_name, "checkpoint_sha256": self.checkpoint.sha256 or "none"}

    @cached_property
    def reference(self) -> TorchEngine:
        """The network that every artefact is held against."""
        return TorchEngine(self.checkpoint.network, self.checkpoint.contract)

    @cached_property
    def segmenter(self) -> Segmenter:
        """What gives the network's masks."""
        return Segmenter(self.checkpoint.contract, self.reference)

    @cached_property
    def sources(self) -> Sources:
        """The pictures that calibrate and that judge; the first look raises what `sources_of` does."""
        checkpoint, options = self.checkpoint, self.options
        draws = not checkpoint.trained and options.calibration is None and options.wants_quantized
        return sources_of(options, checkpoint, drawn_calibration(self.scratch) if draws else None)

    @cached_property
    def noise(self) -> tuple[NDArray[np.uint8], ...]:
        """Pictures of noise at network size: fewer for fresh weights, by which nobody is judged."""
        contract = self.checkpoint.contract
        return noise_pictures(contract) if self.checkpoint.trained else noise_pictures(contract, UNTRAINED_NOISE)

    def exported(self) -> tuple[OnnxExport, tuple[Golden, ...], LayerChoice | None]:
        """Export the network, and ask it beside that for all that will be asked of it.

        Return the golden cases, too, and the layers that 8 bits may take if 8 bits are wanted. Raises InputError if the
        network cannot be expressed.
        """
        checkpoint, candidates = self.checkpoint, iter(self._golden_candidates())
        first = tuple(islice(candidates, GOLDEN_COUNT))  # whatever they show, torch is asked about them
        asked = [*(_at_network_size(pixels, checkpoint.contract) for _, pixels in first), *self.noise]
        wants_layers = self.options.wants_quantized and self.sources.calibration is not None
        with (
            self.reference.answering_ahead(asked),
            layers_ahead(checkpoint.network, checkpoint.contract) if wants_layers else nullcontext() as layers,
        ):
            with self.progress(1, "ONNX"):
                exported = self._onnx()
            chosen = layers() if layers else None
        with self.progress(1, "golden pictures"):
            golden = golden_from_pictures(chain(first, candidates), self.segmenter)
        return exported, golden, chosen

    def _golden_candidates(self) -> Pictures:
        gate = self.sources.gate
        if self.options.validation is None or gate is None:  # a patient's picture travels only if asked for
            return drawn_pictures(self.checkpoint.contract, is_trained=self.checkpoint.trained)
        return spread_photos(gate.paths)

    def _onnx(self) -> OnnxExport:
        return onnx_from_torch(
            self.checkpoint.network,
            self.checkpoint.contract,
            opset=self.options.opset,
            dynamic_batch=self.options.dynamic_batch,
            metadata=self.identity,
        )

    def bench(self) -> AcceptanceBench | None:
        """Return the trained network's masks of the pictures that judge, None without any."""
        gate = self.sources.gate
        if gate is None or not self.checkpoint.trained:
            return None
        with self.progress(len(gate), "masks of the trained network") as advance:
            return AcceptanceBench(self.segmenter, gate, advance)

    def files(self, exported: OnnxExport, golden: tuple[Golden, ...], calibration: Calibration | None) -> OnnxFiles:
        """Return the ONNX files; what calibrates, or golden and random pictures, shows how far values reach."""
        images = calibration.images if calibration else self.network_inputs(golden)
        with self.progress(1, "ranges of values"):
            return onnx_files(exported, half=self.options.wants_half, scan=[image[None] for image in images])

    def network_inputs(self, golden: tuple[Golden, ...]) -> tuple[NDArray[np.uint8], ...]:
        """Return golden and random pictures as the network sees them, (H, W, 3) uint8 RGB."""
        named = named_pictures(self.checkpoint.contract, golden, self.noise)
        return tuple(picture[0] for picture in named.values())


def _at_network_size(pixels: NDArray[np.uint8], contract: ModelContract) -> NDArray[np.uint8]:
    return to_network_input(pixels, contract, photo_hw=pixels.shape[:2]).pixels
